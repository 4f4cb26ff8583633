"""Duties that hold for every answer of a run; these checks send nothing, and come last."""

from email.utils import parsedate_to_datetime

from headrace.otlp_check import sections
from headrace.otlp_check.catalogue import Catalogue, require
from headrace.otlp_check.probe import Probe, Skipped
from headrace.otlp_check.report import Answer

catalogue = Catalogue()
_RETRYABLE = (429, 502, 503, 504)
_THROTTLED = (429, 503)


@catalogue.check("always-answers", "MUST", sections.FAILURES, "Every request is answered, in time and in HTTP")
def _always_answers(probe: Probe) -> None:
    if probe.history.unanswered:
        raise probe.history.unanswered[0][1]


@catalogue.check("no-unasked-gzip", "MUST", sections.RESPONSE, "Answers are compressed only for those who accept it")
def _no_unasked_gzip(probe: Probe) -> None:
    for request, answer in probe.history.answers:
        asked = any(name == "Accept-Encoding" for name, _ in request.headers)
        coding = answer.headers.get("content-encoding", "identity")
        require(asked or coding == "identity", f"Content-Encoding {coding!r} was not asked for", answer)


@catalogue.check("no-server-error", "SHOULD", sections.RETRYABLE, "Nothing that was sent is answered 5xx")
def _no_server_error(probe: Probe) -> None:
    """Whether valid, bad or too long: each has a 2xx or 4xx of its own, and a retry would change nothing."""
    for _, answer in probe.history.answers:
        require(answer.status < 500 or answer.status in _THROTTLED, f"answered {answer.status}", answer)


@catalogue.check("retry-after", "MUST", sections.THROTTLING, "Retry-After is a number of seconds or a date")
def _retry_after(probe: Probe) -> Answer:
    throttled = [answer for _, answer in probe.history.answers if answer.status in _RETRYABLE]
    if not throttled:
        raise Skipped("no answer was retryable")
    for answer in throttled:
        value = answer.headers.get("retry-after")
        require(value is None or value.isdecimal() or _is_date(value), f"Retry-After is {value!r}", answer)
    return throttled[0]


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True
