"""One fault for each check: what a receiver gets wrong, and which other checks cannot help noticing it too."""

import json
import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from headrace.errors import InvalidInput
from headrace.intake.wire.otlp import encode_status
from headrace.intake.wire.otlp_json import parse_json
from tests.unit.otlp_check.receiver import JSON, MAX_BODY_BYTES, PROTOBUF, Fault, Gone, Reply, Seen, refuse

Server = Any
When = Callable[[Seen], bool]


@dataclass(frozen=True)
class Broken:
    """How to break a receiver, and the checks beside the one in question that then fail, or may."""

    prepare: Callable[[Server], None]
    also: frozenset[str] = frozenset()


def answering(fault: Fault, *also: str) -> Broken:
    return Broken(lambda server: setattr(server, "fault", fault), frozenset(also))


def wrongly(when: When, change: Callable[[Seen, Reply], Reply], *also: str) -> Broken:
    """Change the answers to some requests."""
    return answering(lambda seen, reply: change(seen, reply) if when(seen) else reply, *also)


def refusing(when: When, *also: str, status: int = 400) -> Broken:
    return wrongly(when, lambda seen, _: refuse(seen, status, "broken on purpose", ""), *also)


# --- which requests --------------------------------------------------------------------------------------------


def first(encoding: str) -> When:
    return lambda seen: seen.number == 1 and seen.encoding == encoding and seen.headers.get("x-api-key") is not None


def message(seen: Seen) -> Any:
    """The request, None when there is none."""
    try:
        parse = ExportLogsServiceRequest.FromString if seen.encoding == "protobuf" else _from_json
        return parse(seen.body)
    except (InvalidInput, DecodeError, zlib.error):
        return None


def _from_json(body: bytes) -> Any:
    return parse_json(body, ExportLogsServiceRequest)


def logs(seen: Seen) -> list[Any]:
    resources = getattr(message(seen), "resource_logs", ())
    return [log for resource in resources for scope in resource.scope_logs for log in scope.log_records]


def of(encoding: str, when: When) -> When:
    return lambda seen: seen.encoding == encoding and when(seen)


def known(when: When) -> When:
    return lambda seen: "x-api-key" in seen.headers and when(seen)


def gzipped(seen: Seen) -> bool:
    return seen.headers.get("content-encoding") == "gzip"


def json_with(pattern: str) -> When:
    return of("json", lambda seen: re.search(pattern, seen.body.decode(errors="replace")) is not None)


def undecodable(encoding: str) -> When:
    return lambda seen: seen.encoding == encoding and seen.raw in (b"\x0a\x7f\x01", b'{"resource') and seen.number < 40


def partly_valid(encoding: str) -> When:
    return of(encoding, lambda seen: any(len(log.trace_id) == 3 for log in logs(seen)))


def stranger(encoding: str) -> When:
    return lambda seen: seen.method == "POST" and seen.encoding == encoding and "x-api-key" not in seen.headers


# --- what is wrong about the answer ----------------------------------------------------------------------------


def text(_: Seen, reply: Reply) -> Reply:
    return replace(reply, body=b"<html>no</html>")


def status_is(status: int) -> Callable[[Seen, Reply], Reply]:
    return lambda seen, reply: replace(reply, status=status)


def partial(seen: Seen, rejected: int = 0, words: str = "") -> bytes:
    if seen.encoding == "json":
        return json.dumps({"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": words}}).encode()
    answer = ExportLogsServiceResponse()
    answer.partial_success.SetInParent()
    answer.partial_success.rejected_log_records, answer.partial_success.error_message = rejected, words
    return answer.SerializeToString()


def with_partial(rejected: int, words: str = "") -> Callable[[Seen, Reply], Reply]:
    return lambda seen, reply: Reply(200, partial(seen, rejected, words), seen.content_type)


def taken(seen: Seen, _: Reply) -> Reply:
    return Reply(200, b"{}" if seen.encoding == "json" else b"", seen.content_type)


def in_the_other_encoding(seen: Seen, reply: Reply) -> Reply:
    other = "protobuf" if seen.encoding == "json" else "json"
    content_type = PROTOBUF if other == "protobuf" else JSON
    return Reply(reply.status, encode_status(other, 3, "no", ""), content_type)  # type: ignore[arg-type]


def without_message(seen: Seen, reply: Reply) -> Reply:
    if seen.encoding == "json":
        return replace(reply, body=json.dumps({**json.loads(reply.body), "message": ""}).encode())
    status = Status.FromString(reply.body)
    status.message = ""
    return replace(reply, body=status.SerializeToString())


def without_details(seen: Seen, reply: Reply) -> Reply:
    return replace(reply, body=encode_status(seen.encoding, 3, "no"))  # type: ignore[arg-type]


def hang_up(*_: Any) -> Reply:
    raise Gone


def without(name: str) -> Callable[[Seen, Reply], Reply]:
    return lambda seen, reply: replace(reply, headers={key: reply.headers[key] for key in reply.headers if key != name})


def with_header(name: str, value: str) -> Callable[[Seen, Reply], Reply]:
    return lambda seen, reply: replace(reply, headers={**reply.headers, name: value})


def one_at_a_time() -> Broken:
    """Wait a moment for company, and refuse when there is some."""
    changed, at_work = threading.Condition(), [0]

    def fault(_: Seen, reply: Reply) -> Reply:
        with changed:
            at_work[0] += 1
            changed.notify_all()
            crowded = changed.wait_for(lambda: at_work[0] > 1, 0.03)
        with changed:
            at_work[0] -= 1
        return Reply(503, b"", PROTOBUF) if crowded else reply

    return answering(fault)


def _both(name: str, make: Callable[[str], Broken]) -> dict[str, Broken]:
    return {f"{encoding}-{name}": make(encoding) for encoding in ("protobuf", "json")}


FAULTS: dict[str, Broken] = {
    # what is valid
    **_both("success", lambda encoding: wrongly(first(encoding), status_is(202))),
    **_both(
        "success-content-type",
        lambda encoding: wrongly(first(encoding), lambda _, reply: replace(reply, content_type="text/plain")),
    ),
    **_both("success-body", lambda encoding: wrongly(first(encoding), text)),
    **_both("success-partial-success-unset", lambda encoding: wrongly(first(encoding), with_partial(0))),
    **_both(
        "gzip",
        lambda encoding: refusing(of(encoding, lambda seen: gzipped(seen) and len(logs(seen)) == 20), status=415),
    ),
    **_both("empty-request", lambda encoding: refusing(of(encoding, lambda seen: seen.body in (b"", b"{}")))),
    **_both(
        "empty-envelope",
        lambda encoding: refusing(
            of(encoding, lambda seen: bool(getattr(message(seen), "resource_logs", ())) and not logs(seen))
        ),
    ),
    "protobuf-every-field": refusing(
        of("protobuf", lambda seen: b"check.bytes" in seen.body), "protobuf-unknown-fields"
    ),
    "json-every-field": refusing(
        json_with("check.bytes"),
        *(
            f"json-{name}"
            for name in ("ids-lower-case", "ids-upper-case", "integers-as-strings", "integers-as-numbers")
        ),
        *(f"json-{name}" for name in ("unknown-fields", "null-values", "key-order")),
    ),
    **_both(
        "zero-values",
        lambda encoding: refusing(of(encoding, lambda seen: any(not log.time_unix_nano for log in logs(seen)))),
    ),
    "protobuf-unknown-fields": refusing(of("protobuf", lambda seen: b"\xf8\x3f\x2a" in seen.body)),
    **_both(
        "content-type-parameters",
        lambda encoding: refusing(of(encoding, lambda seen: ";" in seen.content_type), status=415),
    ),
    **_both(
        "content-type-case",
        lambda encoding: refusing(of(encoding, lambda seen: not seen.content_type.islower()), status=415),
    ),
    "both-encodings": refusing(lambda seen: seen.encoding == "json", status=415),
    **_both(
        "accept-encoding",
        lambda encoding: wrongly(
            of(encoding, lambda seen: "accept-encoding" in seen.headers), with_header("Content-Encoding", "br")
        ),
    ),
    # JSON
    "json-ids-lower-case": refusing(json_with(r'"traceId": "[a-f]+"')),
    "json-ids-upper-case": refusing(json_with(r'"traceId": "[A-F]+"')),
    "json-integers-as-strings": refusing(json_with(r'"droppedAttributesCount": "')),
    "json-integers-as-numbers": refusing(json_with(r'"timeUnixNano": [1-9]')),
    "json-integer-enums": refusing(json_with('"severityNumber": 17')),
    "json-unknown-fields": refusing(json_with("ofTomorrow")),
    "json-original-names": refusing(json_with("resource_logs")),
    "json-null-values": refusing(json_with('"droppedAttributesCount": null')),
    "json-double-words": refusing(json_with('"-Infinity"')),
    "json-bytes-base64": refusing(json_with("AP__-w")),
    "json-key-order": refusing(json_with(r'\{"value": ')),
    "json-ids-base64": wrongly(json_with(r'"traceId": "[^"]*=="'), taken),
    # what is refused
    **_both("undecodable", lambda encoding: wrongly(undecodable(encoding), status_is(422))),
    **_both("refusal-content-type", lambda encoding: wrongly(undecodable(encoding), in_the_other_encoding)),
    **_both("refusal-status", lambda encoding: wrongly(undecodable(encoding), text)),
    **_both("refusal-message", lambda encoding: wrongly(undecodable(encoding), without_message)),
    **_both("refusal-details", lambda encoding: wrongly(undecodable(encoding), without_details)),
    "json-wrong-type": wrongly(json_with(r"\[17\]"), taken),
    **_both(
        "truncated-gzip",
        lambda encoding: wrongly(
            of(encoding, lambda seen: gzipped(seen) and not seen.too_long_unpacked and message(seen) is None),
            status_is(422),
        ),
    ),
    "unknown-content-encoding": wrongly(lambda seen: seen.headers.get("content-encoding", "gzip") != "gzip", taken),
    "unknown-content-type": refusing(known(lambda seen: seen.content_type == "text/plain")),
    "unknown-content-type-status": wrongly(lambda seen: seen.content_type == "text/plain", text),
    **_both("partly-valid", lambda encoding: wrongly(partly_valid(encoding), with_partial(5, "five of four"))),
    **_both("partly-valid-message", lambda encoding: wrongly(partly_valid(encoding), with_partial(1))),
    # HTTP
    "keep-alive": wrongly(lambda seen: True, with_header("Connection", "close")),
    "keep-alive-after-refusal": Broken(
        lambda server: setattr(server, "leaves_unread", 3000), frozenset({"always-answers"})
    ),
    "pipelined": Broken(lambda server: setattr(server, "forgets_what_is_early", True), frozenset({"always-answers"})),
    "chunked": refusing(lambda seen: "transfer-encoding" in seen.headers, status=411),
    "expect-continue": Broken(lambda server: setattr(server, "expects_nothing", True)),
    "header-case": refusing(lambda seen: "CONTENT-TYPE" in seen.names, status=415),
    "method": refusing(lambda seen: seen.method == "GET", status=404),
    "concurrent": one_at_a_time(),
    # amounts
    **_both(
        "many-records",
        lambda encoding: refusing(of(encoding, lambda seen: gzipped(seen) and len(logs(seen)) > 100), status=413),
    ),
    "long-request": refusing(lambda seen: 16_000 < len(seen.raw) < MAX_BODY_BYTES, status=413),
    "oversize": wrongly(lambda seen: len(seen.raw) > MAX_BODY_BYTES, status_is(400)),
    "oversize-status": wrongly(lambda seen: len(seen.raw) > MAX_BODY_BYTES, text),
    "oversize-unpacked": wrongly(
        lambda seen: seen.too_long_unpacked and len(seen.raw) < MAX_BODY_BYTES, status_is(400)
    ),
    "oversize-unpacked-status": wrongly(lambda seen: seen.too_long_unpacked and len(seen.raw) < MAX_BODY_BYTES, text),
    # strangers
    **_both("stranger", lambda encoding: wrongly(stranger(encoding), status_is(400))),
    **_both("stranger-status", lambda encoding: wrongly(stranger(encoding), text)),
    "stranger-challenge": wrongly(stranger("protobuf"), without("WWW-Authenticate")),
    # every answer
    "always-answers": wrongly(lambda seen: seen.method == "GET", hang_up, "method"),
    "no-unasked-gzip": wrongly(
        lambda seen: seen.encoding == "json" and seen.number == 2, with_header("Content-Encoding", "gzip")
    ),
    "no-server-error": refusing(lambda seen: seen.method == "GET", "method", status=500),
    "retry-after": wrongly(
        lambda seen: seen.method == "GET",
        lambda seen, _: replace(refuse(seen, 503, "busy"), headers={"Retry-After": "soon"}),
        "method",
    ),
}
