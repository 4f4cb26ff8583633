"""Duties of HTTP/1.1, on which OTLP/HTTP stands: connections, framing, methods, many clients at once."""

from concurrent.futures import ThreadPoolExecutor

from headrace.otlp_check import payloads, sections
from headrace.otlp_check.catalogue import Catalogue, accepted, require
from headrace.otlp_check.line import Line, Outgoing
from headrace.otlp_check.probe import Encoding, Probe, Skipped
from headrace.otlp_check.report import Answer

catalogue = Catalogue()
_IN_A_ROW = 5
_AT_ONCE = 8


def encoding_taken(probe: Probe) -> Encoding:
    """An encoding that the server takes, for checks to which it does not matter."""
    return "json" if "protobuf" in probe.not_taken else "protobuf"


def _valid(probe: Probe, **how: bool) -> Outgoing:
    encoding = encoding_taken(probe)
    return probe.outgoing(encoding, probe.encoded(encoding, payloads.minimal(probe.export)), **how)


@catalogue.check("keep-alive", "SHOULD", sections.PERSISTENCE, "A connection serves one request after another")
def _keep_alive(probe: Probe) -> Answer:
    requests = [_valid(probe) for _ in range(_IN_A_ROW)]
    answers = probe.with_line(lambda line: _one_by_one(line, requests), requests)
    for answer in answers:
        accepted(probe, encoding_taken(probe), answer)
    require(len(answers) == _IN_A_ROW, f"closed the connection after request {len(answers)}", answers[-1])
    return answers[-1]


@catalogue.check(
    "keep-alive-after-refusal", "MUST", sections.PERSISTENCE, "After a refusal the connection is in order or closed"
)
def _keep_alive_after_refusal(probe: Probe) -> Answer:
    requests = [probe.outgoing(encoding_taken(probe), b"\x0a\x7f\x01" * 1000), _valid(probe)]
    answers = probe.with_line(lambda line: _one_by_one(line, requests), requests)
    if len(answers) == 1:
        return answers[0]
    return accepted(probe, encoding_taken(probe), answers[1])


def _one_by_one(line: Line, requests: list[Outgoing]) -> list[Answer]:
    answers: list[Answer] = []
    for request in requests:
        answers += line.exchange(request)
        if not answers[-1].reusable:
            break
    return answers


@catalogue.check("pipelined", "MUST", sections.PIPELINING, "Requests sent at once are answered in their order")
def _pipelined(probe: Probe) -> Answer:
    encoding = encoding_taken(probe)
    bad = probe.outgoing(encoding, b"\x0a\x7f\x01")
    answers = probe.exchange(_valid(probe), bad, _valid(probe))
    if len(answers) == 1:
        raise Skipped("the server closes connections after one request", answers[0])
    accepted(probe, encoding, answers[0])
    require(answers[1].status >= 400, f"the second, which was bad, was answered {answers[1].status}", answers[1])
    return accepted(probe, encoding, answers[2]) if len(answers) > 2 else answers[1]


@catalogue.check("chunked", "MUST", sections.CHUNKED, "A body in chunks is taken")
def _chunked(probe: Probe) -> Answer:
    return accepted(probe, encoding_taken(probe), probe.exchange(_valid(probe, chunked=True))[0])


@catalogue.check("expect-continue", "MUST", sections.EXPECT, "Expect: 100-continue is answered before the body comes")
def _expect_continue(probe: Probe) -> Answer:
    encoding = encoding_taken(probe)
    body = probe.encoded(encoding, payloads.minimal(probe.export))
    request = probe.outgoing(encoding, body, ("Expect", "100-continue"))
    continued, answer = False, None

    def use(line: Line) -> list[Answer]:
        nonlocal continued, answer
        continued, answer = line.exchange_after_continue(request)
        return [answer]

    answer = probe.with_line(use, [request])[0]
    if continued:
        return accepted(probe, encoding, answer)
    require(answer.status >= 400, f"answered {answer.status} without having seen the body", answer)
    return answer


@catalogue.check("header-case", "MUST", sections.FIELD_NAMES, "Names of headers may be in any case")
def _header_case(probe: Probe) -> Answer:
    request = _valid(probe)
    for spell in (str.lower, str.upper, str.swapcase):
        headers = [(spell(name), value) for name, value in request.headers]
        answer = probe.exchange(Outgoing(request.path, headers, request.body))[0]
        accepted(probe, encoding_taken(probe), answer)
    return answer


@catalogue.check("method", "SHOULD", sections.METHOD_NOT_ALLOWED, "GET is answered 405, and Allow says POST")
def _method(probe: Probe) -> Answer:
    answer = probe.exchange(Outgoing(probe.export.path, probe.headers, method="GET"))[0]
    require(answer.status == 405, f"answered {answer.status} instead of 405", answer)
    require("POST" in answer.headers.get("allow", ""), "there is no Allow header with POST", answer)
    return answer


@catalogue.check("concurrent", "MUST", sections.CONCURRENT, "Requests on several connections at once are all taken")
def _concurrent(probe: Probe) -> Answer:
    requests = [_valid(probe) for _ in range(_AT_ONCE)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = [found for (found,) in threads.map(probe.exchange, requests)]
    for answer in answers:
        accepted(probe, encoding_taken(probe), answer)
    return answers[0]
