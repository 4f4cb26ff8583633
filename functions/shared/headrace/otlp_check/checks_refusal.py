"""Duties on what cannot be taken: which status says so, and that a `google.rpc.Status` tells why."""

import gzip

from google.rpc.status_pb2 import Status

from headrace.otlp_check import payloads, sections
from headrace.otlp_check.catalogue import Catalogue, require
from headrace.otlp_check.probe import (
    MEDIA_TYPES,
    Encoding,
    Failed,
    Partial,
    Probe,
    Skipped,
    describes_bad_request,
    status_of,
)
from headrace.otlp_check.report import Answer

catalogue = Catalogue()
_UNDECODABLE: dict[Encoding, bytes] = {"protobuf": b"\x0a\x7f\x01", "json": b'{"resource'}


def _answer_to_undecodable(probe: Probe, encoding: Encoding) -> Answer:
    return probe.remembered(f"{encoding} undecodable", lambda: probe.send(encoding, _UNDECODABLE[encoding]))


def _given_refusal(probe: Probe, encoding: Encoding) -> Answer:
    answer = _answer_to_undecodable(probe, encoding)
    if answer.status < 400:
        raise Skipped(f"there was no refusal to look at, but {answer.status}", answer)
    return answer


@catalogue.check_both("undecodable", "MUST", sections.BAD_DATA, "What cannot be decoded is answered 400")
def _undecodable(probe: Probe, encoding: Encoding) -> Answer:
    answer = _answer_to_undecodable(probe, encoding)
    require(answer.status == 400, f"answered {answer.status} instead of 400", answer)
    return answer


@catalogue.check_both("refusal-content-type", "MUST", sections.RESPONSE, "A refusal has the request's Content-Type")
def _refusal_content_type(probe: Probe, encoding: Encoding) -> Answer:
    answer = _given_refusal(probe, encoding)
    require(answer.media_type == MEDIA_TYPES[encoding], f"Content-Type is {answer.media_type!r}", answer)
    return answer


@catalogue.check_both("refusal-status", "MUST", sections.FAILURES, "A refusal holds a google.rpc.Status")
def _refusal_status(probe: Probe, encoding: Encoding) -> Answer:
    answer = _given_refusal(probe, encoding)
    status_of(answer)
    return answer


@catalogue.check_both("refusal-message", "SHOULD", sections.FAILURES, "Its Status has a message for developers")
def _refusal_message(probe: Probe, encoding: Encoding) -> Answer:
    answer = _given_refusal(probe, encoding)
    require(bool(_readable_status(answer).message), "Status.message is empty", answer)
    return answer


@catalogue.check_both("refusal-details", "SHOULD", sections.BAD_DATA, "Its Status.details hold a BadRequest")
def _refusal_details(probe: Probe, encoding: Encoding) -> Answer:
    answer = _given_refusal(probe, encoding)
    require(describes_bad_request(_readable_status(answer)), "Status.details hold no google.rpc.BadRequest", answer)
    return answer


def _readable_status(answer: Answer) -> Status:
    try:
        return status_of(answer)
    except Failed as failed:
        raise Skipped(f"there was no Status to look at: {failed}", answer) from failed


@catalogue.check(
    "json-wrong-type", "MUST", sections.BAD_DATA, "A value of a wrong type is answered 400", encoding="json"
)
def _wrong_type(probe: Probe) -> Answer:
    field = payloads.root_in_json(probe.export)
    answer = probe.send("json", f'{{"{field}": [17]}}'.encode())
    require(answer.status == 400, f"answered {answer.status} instead of 400", answer)
    return answer


@catalogue.check_both("truncated-gzip", "MUST", sections.BAD_DATA, "gzip that breaks off is answered 400")
def _truncated_gzip(probe: Probe, encoding: Encoding) -> Answer:
    whole = gzip.compress(probe.encoded(encoding, payloads.minimal(probe.export, 20)))
    answer = probe.send(encoding, whole[: len(whole) // 2], ("Content-Encoding", "gzip"))
    require(answer.status == 400, f"answered {answer.status} instead of 400", answer)
    return answer


@catalogue.check("unknown-content-encoding", "MUST", sections.FAILURES, "A content coding that nobody has is refused")
def _unknown_content_encoding(probe: Probe) -> Answer:
    answer = probe.send("protobuf", b"?" * 64, ("Content-Encoding", "x-otlp-check"))
    require(400 <= answer.status < 500, f"answered {answer.status} instead of 4xx", answer)
    return answer


@catalogue.check(
    "unknown-content-type", "SHOULD", sections.UNSUPPORTED_MEDIA_TYPE, "Another Content-Type is answered 415"
)
def _unknown_content_type(probe: Probe) -> Answer:
    answer = _answer_to_unknown_type(probe)
    require(answer.status == 415, f"answered {answer.status} instead of 415", answer)
    return answer


@catalogue.check(
    "unknown-content-type-status", "MUST", sections.FAILURES, "Whoever sends another Content-Type gets a Status too"
)
def _unknown_content_type_status(probe: Probe) -> Answer:
    answer = _answer_to_unknown_type(probe)
    require(answer.status >= 400, f"answered {answer.status} to text/plain", answer)
    status_of(answer)
    return answer


def _answer_to_unknown_type(probe: Probe) -> Answer:
    def ask() -> Answer:
        return probe.send("protobuf", b"otlp-check", ("Content-Type", "text/plain"))

    return probe.remembered("unknown type", ask)


@catalogue.check_both(
    "partly-valid", "MUST", sections.PARTIAL_SUCCESS, "Rejected records are counted, or the whole request is refused"
)
def _partly_valid(probe: Probe, encoding: Encoding) -> Answer:
    answer = _answer_to_partly_valid(probe, encoding)
    if answer.status == 400:
        return answer
    require(answer.status == 200, f"answered {answer.status}, neither 200 nor 400", answer)
    partial = probe.partial_success(encoding, answer)
    if partial is None:
        return answer
    sent = payloads.RECORDS_OF_PARTLY_VALID
    require(0 <= partial.rejected <= sent, f"{partial.rejected} of {sent} records were rejected, it says", answer)
    return answer


@catalogue.check_both("partly-valid-message", "SHOULD", sections.PARTIAL_SUCCESS, "A partial success says why")
def _partly_valid_message(probe: Probe, encoding: Encoding) -> Answer:
    answer = _answer_to_partly_valid(probe, encoding)
    partial = _given_partial(probe, encoding, answer)
    require(bool(partial.message), "error_message is empty", answer)
    return answer


def _answer_to_partly_valid(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.partly_valid(probe.export))
    return probe.remembered(f"{encoding} partly valid", lambda: probe.send(encoding, body))


def _given_partial(probe: Probe, encoding: Encoding, answer: Answer) -> Partial:
    try:
        partial = probe.partial_success(encoding, answer) if answer.status == 200 else None
    except Failed as failed:
        raise Skipped(f"the body could not be read: {failed}", answer) from failed
    if partial is None or not partial.rejected:
        raise Skipped(f"nothing was rejected alone, the answer was {answer.status}", answer)
    return partial
