"""One run: every check on every signal, each signal by itself."""

from collections.abc import Callable, Iterator, Sequence

from headrace.otlp_check import (
    checks_credentials,
    checks_http,
    checks_json,
    checks_limits,
    checks_refusal,
    checks_success,
    checks_whole_run,
)
from headrace.otlp_check.catalogue import Check
from headrace.otlp_check.checks_success import answer_to_valid
from headrace.otlp_check.line import Headers, NoAnswer, NoConnection, parse_target
from headrace.otlp_check.probe import ENCODINGS, Amounts, Encoding, Probe
from headrace.otlp_check.report import Report, Result
from headrace.otlp_check.signals import SIGNALS, Signal

CHECKS: tuple[Check, ...] = tuple(
    check
    for module in (
        checks_success,
        checks_json,
        checks_refusal,
        checks_http,
        checks_limits,
        checks_credentials,
        checks_whole_run,
    )
    for check in module.catalogue.checks
)

_NOT_SERVED = (404, 405, 501)
_NOT_TAKEN = 415


def check(
    url: str,
    headers: Headers = (),
    signals: Sequence[Signal] | None = None,
    *,
    amounts: Amounts | None = None,
    progress: Callable[[Result], None] = lambda _: None,
) -> Report:
    """Check the endpoint below `url`, as in http://127.0.0.1:4318 or https://example.com/otlp.

    `headers` go with every request. Signals that are not named are skipped where the endpoint has no such path.

    Raises:
        BadInput: `url` is no URL of a server.
        NoConnection: nobody listens there, or nobody who can be trusted.
    """
    target = parse_target(url)
    results: list[Result] = []
    requests = sent_bytes = 0
    for signal in signals or SIGNALS:
        probe = Probe(target, headers, signal, amounts or Amounts())
        for result in _results(probe, named=signals is not None):
            results.append(result)
            progress(result)
        requests += probe.history.requests
        sent_bytes += probe.history.bytes_sent
    return Report(url, results, requests, sent_bytes)


def _results(probe: Probe, *, named: bool) -> Iterator[Result]:
    first = {encoding: _first_status(probe, encoding) for encoding in ENCODINGS}
    served = named or not all(status in _NOT_SERVED for status in first.values())
    probe.not_taken = {encoding for encoding, status in first.items() if status == _NOT_TAKEN}
    for each in CHECKS:
        if not served:
            yield each.skipped(probe, f"nothing is served at {probe.export.path}, which answers {first['protobuf']}")
        elif each.encoding in probe.not_taken:
            yield each.skipped(probe, f"the endpoint does not take {each.encoding}: it answers {_NOT_TAKEN}")
        else:
            yield each.result(probe)


def _first_status(probe: Probe, encoding: Encoding) -> int | None:
    """What a valid request is answered; None when it is not. Raises NoConnection."""
    try:
        return answer_to_valid(probe, encoding).status
    except NoConnection:
        raise
    except NoAnswer:
        return None
