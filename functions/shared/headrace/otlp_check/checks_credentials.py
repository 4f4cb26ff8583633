"""Duties on callers without credentials; they need an endpoint that asks for some, and headers that carry them."""

from headrace.otlp_check import payloads, sections
from headrace.otlp_check.catalogue import Catalogue, require
from headrace.otlp_check.probe import MEDIA_TYPES, Encoding, Probe, Skipped, status_of
from headrace.otlp_check.report import Answer

catalogue = Catalogue()
_WORDS = ("auth", "key", "token", "secret", "cookie")
"""In the names of headers that carry credentials."""


def _answer_to_stranger(probe: Probe, encoding: Encoding) -> Answer:
    others = [(name, value) for name, value in probe.headers if not any(word in name.lower() for word in _WORDS)]
    if len(others) == len(probe.headers):
        raise Skipped("no header was given that looks like credentials, so there is none to leave out")
    body = probe.encoded(encoding, payloads.minimal(probe.export))
    answer = probe.remembered(f"{encoding} stranger", lambda: probe.send(encoding, body, own_headers=others))
    if answer.status == 200:
        raise Skipped("the endpoint takes requests without the given credentials", answer)
    return answer


@catalogue.check_both("stranger", "SHOULD", sections.UNAUTHORIZED, "Without credentials the answer is 401 or 403")
def _stranger(probe: Probe, encoding: Encoding) -> Answer:
    answer = _answer_to_stranger(probe, encoding)
    require(answer.status in (401, 403), f"answered {answer.status} instead of 401 or 403", answer)
    return answer


@catalogue.check_both("stranger-status", "MUST", sections.FAILURES, "Without credentials there is a Status, too")
def _stranger_status(probe: Probe, encoding: Encoding) -> Answer:
    answer = _answer_to_stranger(probe, encoding)
    require(answer.media_type == MEDIA_TYPES[encoding], f"Content-Type is {answer.media_type!r}", answer)
    status_of(answer)
    return answer


@catalogue.check("stranger-challenge", "MUST", sections.CHALLENGE, "401 comes with WWW-Authenticate")
def _stranger_challenge(probe: Probe) -> Answer:
    answer = _answer_to_stranger(probe, "json" if "protobuf" in probe.not_taken else "protobuf")
    if answer.status != 401:
        raise Skipped(f"it was {answer.status}", answer)
    require("www-authenticate" in answer.headers, "there is no WWW-Authenticate", answer)
    return answer
