"""Post: one HTTP request to somebody else's address, and what its answer means for us."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from headrace.domain.delivery import Answer, judge
from headrace.domain.errors import InvalidInput
from headrace.ports.outbound import NoAnswer, Outbound, OutboundRequest


def post(request: OutboundRequest, outbound: Outbound) -> tuple[Answer, timedelta]:
    """Send once; the meaning of what came back, and how long that took."""
    started = time.perf_counter()
    try:
        response = outbound.send(request)
        answer = judge(response.status, retry_after(response.headers.get("retry-after")))
    except NoAnswer as silence:
        answer = Answer("retry", str(silence), everyone=True)
    except InvalidInput as wrong:
        answer = Answer("refused", str(wrong))
    return answer, timedelta(seconds=time.perf_counter() - started)


def retry_after(header: str | None) -> timedelta | None:
    """A Retry-After header, in seconds or as a date (RFC 9110 section 10.2.3); None when unreadable or past."""
    if not header:
        return None
    if header.strip().isdecimal():
        return timedelta(seconds=int(header.strip()[:9]))
    try:
        wait = parsedate_to_datetime(header) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return wait if wait > timedelta(0) else None
