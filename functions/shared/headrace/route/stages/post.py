"""Post: one request, or one notification, to somebody else's address, and what the answer means for us."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from headrace.errors import InvalidInput
from headrace.ports.notifications import Notification
from headrace.ports.notifier import Notified, Notifier
from headrace.ports.outbound import NoAnswer, Outbound, OutboundRequest, OutboundResponse
from headrace.route.domain.delivery import Answer, judge

_SAID_CHARACTERS = 200


def post(request: OutboundRequest, outbound: Outbound) -> tuple[Answer, timedelta]:
    """Send once; the meaning of what came back, and how long that took."""
    return _timed(lambda: judged(outbound.send(request)))


def notify(notification: Notification, notifier: Notifier) -> tuple[Answer, timedelta]:
    """The same for a notification. Where no HTTP answer says otherwise, a failure is tried again."""
    return _timed(lambda: _judged_notification(notifier.notify(notification)))


def _timed(send: Callable[[], Answer]) -> tuple[Answer, timedelta]:
    started = time.perf_counter()
    try:
        answer = send()
    except NoAnswer as silence:
        answer = Answer("retry", str(silence), everyone=True)
    except InvalidInput as wrong:
        answer = Answer("refused", str(wrong))
    return answer, timedelta(seconds=time.perf_counter() - started)


def _judged_notification(notified: Notified) -> Answer:
    response = notified.response
    if notified.taken:
        return Answer("done", status=None if response is None else response.status)
    if response is None or response.status < 300:
        return Answer("retry", notified.reason or "was not taken")
    return judged(response)


def judged(response: OutboundResponse) -> Answer:
    """The meaning of an answer."""
    return judge(response.status, retry_after(response.headers.get("retry-after")), said(response))


def said(response: OutboundResponse) -> str:
    """The beginning of an answer's body, on one line; nothing of one that is not text."""
    text = response.body[: 4 * _SAID_CHARACTERS].decode(errors="replace")
    words = " ".join(text.split())[:_SAID_CHARACTERS]
    return words if words.isprintable() else ""


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
