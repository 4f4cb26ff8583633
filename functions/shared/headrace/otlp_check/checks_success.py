"""Duties on what is valid: it is taken, and answered in the encoding in which it came."""

from headrace.otlp_check import payloads, sections
from headrace.otlp_check.catalogue import Catalogue, accepted, require
from headrace.otlp_check.probe import MEDIA_TYPES, Encoding, Failed, Probe, Skipped, unpacked
from headrace.otlp_check.report import Answer

catalogue = Catalogue()
_JSON_CHARSET = "; charset=utf-8"


def answer_to_valid(probe: Probe, encoding: Encoding) -> Answer:
    """The answer to the simplest request there is; sent once."""
    body = probe.encoded(encoding, payloads.minimal(probe.export))
    return probe.remembered(f"{encoding} valid", lambda: probe.send(encoding, body))


def _given_success(probe: Probe, encoding: Encoding) -> Answer:
    answer = answer_to_valid(probe, encoding)
    if answer.status != 200:
        raise Skipped(f"there was no success to look at, but {answer.status}", answer)
    return answer


@catalogue.check_both("success", "MUST", sections.FULL_SUCCESS, "A valid request is answered exactly 200")
def _success(probe: Probe, encoding: Encoding) -> Answer:
    answer = answer_to_valid(probe, encoding)
    require(answer.status == 200, f"answered {answer.status} instead of 200", answer)
    return answer


@catalogue.check_both("success-content-type", "MUST", sections.RESPONSE, "Success has the Content-Type of the request")
def _success_content_type(probe: Probe, encoding: Encoding) -> Answer:
    answer = _given_success(probe, encoding)
    require(answer.media_type == MEDIA_TYPES[encoding], f"Content-Type is {answer.media_type!r}", answer)
    return answer


@catalogue.check_both("success-body", "MUST", sections.FULL_SUCCESS, "Success holds an Export response")
def _success_body(probe: Probe, encoding: Encoding) -> Answer:
    answer = _given_success(probe, encoding)
    probe.partial_success(encoding, answer)
    return answer


@catalogue.check_both(
    "success-partial-success-unset", "MUST", sections.FULL_SUCCESS, "Full success leaves partial_success unset"
)
def _success_partial_success_unset(probe: Probe, encoding: Encoding) -> Answer:
    """A warning, which has a message and rejects nothing, is allowed."""
    answer = _given_success(probe, encoding)
    try:
        partial = probe.partial_success(encoding, answer)
    except Failed as failed:
        raise Skipped(f"the body could not be read: {failed}", answer) from failed
    warns = partial is not None and not partial.rejected and bool(partial.message)
    require(partial is None or warns, f"partial_success is set, if only to be read as unset: {partial}", answer)
    return answer


@catalogue.check_both("gzip", "MUST", sections.COMPRESSION, "A gzip body is taken")
def _gzip_body(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.minimal(probe.export, 20))
    return accepted(probe, encoding, probe.send_gzipped(encoding, body))


@catalogue.check_both("empty-request", "SHOULD", sections.FULL_SUCCESS, "An empty request is a success")
def _empty_request(probe: Probe, encoding: Encoding) -> Answer:
    return accepted(probe, encoding, probe.send(encoding, probe.encoded(encoding, probe.export.request())))


@catalogue.check_both("empty-envelope", "SHOULD", sections.FULL_SUCCESS, "Resource and scope without records succeed")
def _empty_envelope(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.empty_envelope(probe.export))
    return accepted(probe, encoding, probe.send(encoding, body))


@catalogue.check_both("every-field", "MUST", sections.FULL_SUCCESS, "Every field and kind of value is taken")
def _every_field(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.every_field(probe.export))
    return accepted(probe, encoding, probe.send(encoding, body))


@catalogue.check_both("zero-values", "MUST", sections.FULL_SUCCESS, "Zeros are values: no time, not sampled, 0")
def _zero_values(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.zero_values(probe.export))
    return accepted(probe, encoding, probe.send(encoding, body))


@catalogue.check(
    "protobuf-unknown-fields",
    "MUST",
    sections.INTEROPERABILITY,
    "Unknown fields are ignored at every level (protobuf)",
    encoding="protobuf",
)
def _protobuf_unknown_fields(probe: Probe) -> Answer:
    body = payloads.with_unknown_fields(payloads.every_field(probe.export))
    return accepted(probe, "protobuf", probe.send("protobuf", body))


@catalogue.check_both(
    "content-type-parameters", "SHOULD", sections.MEDIA_TYPE, "Parameters of the Content-Type do not matter"
)
def _content_type_parameters(probe: Probe, encoding: Encoding) -> Answer:
    parameters = _JSON_CHARSET if encoding == "json" else "; proto=opentelemetry"
    return _with_content_type(probe, encoding, MEDIA_TYPES[encoding] + parameters)


@catalogue.check_both("content-type-case", "SHOULD", sections.MEDIA_TYPE, "The Content-Type may be in any case")
def _content_type_case(probe: Probe, encoding: Encoding) -> Answer:
    return _with_content_type(probe, encoding, MEDIA_TYPES[encoding].title())


def _with_content_type(probe: Probe, encoding: Encoding, content_type: str) -> Answer:
    body = probe.encoded(encoding, payloads.minimal(probe.export))
    answer = accepted(probe, encoding, probe.send(encoding, body, ("Content-Type", content_type)))
    require(answer.media_type == MEDIA_TYPES[encoding], f"Content-Type is {answer.media_type!r}", answer)
    return answer


@catalogue.check("both-encodings", "SHOULD", sections.CONNECTION, "Protobuf and JSON are both taken on one port")
def _both_encodings(probe: Probe) -> Answer:
    answer_to_protobuf, answer = answer_to_valid(probe, "protobuf"), answer_to_valid(probe, "json")
    require(answer_to_protobuf.status != 415, "protobuf is not taken", answer_to_protobuf)
    require(answer.status != 415, "JSON is not taken", answer)
    return answer


@catalogue.check_both("accept-encoding", "MUST", sections.RESPONSE, "Who accepts gzip still gets a readable answer")
def _accept_encoding(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.minimal(probe.export))
    answer = accepted(probe, encoding, probe.send(encoding, body, ("Accept-Encoding", "gzip")))
    probe.partial_success(encoding, unpacked(answer))
    return answer
