"""Trying things before they count: expressions on records, a sink with a sample. Changes nothing that is stored."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson

from headrace.api.showing import can_be_shown
from headrace.errors import InvalidInput
from headrace.intake.wire.items import SAMPLE_PREFIX
from headrace.ports.items import project_pk
from headrace.ports.notifications import Notification
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse
from headrace.ports.program import Outcome, Program
from headrace.ports.records import Record, Signal
from headrace.ports.secrets import HIDDEN
from headrace.ports.table import Table
from headrace.route.domain.delivery import Answer, judge
from headrace.route.domain.sinks import Sink
from headrace.route.operations.needs import RouteNeeds
from headrace.route.operations.pipelines import check_expressions, load_pipeline
from headrace.route.operations.sinks import load_sink
from headrace.route.wire.delivery_models import SentRequest, SinkTestIn, SinkTestOut
from headrace.route.wire.pipeline_models import PipelineTestIn, TriedRecord, domain_transforms
from headrace.route.wire.sink_request import Output, SinkRequest, encode_sink_request

SAMPLE = {
    "title": "Test from Headrace",
    "severity": "info",
    "summary": "This sink works: what the agent finds will arrive here.",
}
_SHOWN_BYTES = 2048
_PATIENCE = timedelta(seconds=20)
"""An API gateway gives up after 29 s."""


def try_expressions(project_id: str, wanted: PipelineTestIn, needs: RouteNeeds) -> list[TriedRecord]:
    """Run filter and transforms over records; what `wanted` leaves out is taken from what is stored.

    Raises:
        InvalidExpression: an expression that cannot run on any record.
    """
    stored, given = load_pipeline(project_id, needs.config), wanted.model_fields_set
    program = Program(
        wanted.filter if "filter" in given else stored.program.filter,
        domain_transforms(wanted.transforms) if "transforms" in given else stored.program.transforms,
    )
    check_expressions(program, needs.expressions)
    records = wanted.records if "records" in given else _last_records(project_id, stored.signals, needs.telemetry)
    outcomes = needs.expressions.run(program, records)
    return [_tried(outcome, record) for outcome, record in zip(outcomes, records, strict=True)]


def _last_records(project_id: str, signals: tuple[Signal, ...], telemetry: Table) -> list[Record]:
    """The sample that the receiver keeps of the signals that the pipeline takes."""
    pk = project_pk(project_id)
    samples = telemetry.batch_get([(pk, SAMPLE_PREFIX + signal) for signal in signals])
    samples.sort(key=lambda item: signals.index(item["sk"].removeprefix(SAMPLE_PREFIX)))
    return [record for item in samples for record in orjson.loads(item["records"])]


def _tried(outcome: Outcome, before: Record) -> TriedRecord:
    if not can_be_shown(outcome.record):
        return TriedRecord(kept=False, record=before, error="what the transforms made of it cannot be written as JSON")
    return TriedRecord(kept=outcome.kept, record=outcome.record, error=outcome.error)


def try_sink(project_id: str, sink_id: str, wanted: SinkTestIn, needs: RouteNeeds) -> SinkTestOut:
    """Send a sample, or the given payload, as the data path would; also to a sink that is switched off.

    Raises:
        NotFound: there is no such sink.
        Unavailable: its secrets cannot be opened, or no evaluator could be had.
    """
    sink = load_sink(project_id, sink_id, needs.config).sink.with_secrets(needs.vault.open)
    payload = wanted.payload if "payload" in wanted.model_fields_set else SAMPLE
    outcome = needs.expressions.run(sink.program, [payload])[0] if sink.program.expressions else None
    output = Output(project_id, uuid4().hex, orjson.dumps(payload), payload, f"test-{uuid4()}")
    request = encode_sink_request(output, sink, outcome, needs.clock.now_unix_nano())
    if isinstance(request, Answer):
        if outcome is not None and not outcome.kept and outcome.error is None:
            return _nothing("the sink's filter does not keep this payload", kept=False)
        return _nothing(f"the sink {request.reason}", kept=outcome is None or outcome.kept)
    shown = _shown(request, sink)
    if wanted.dry_run:
        return _nothing(None, shown)
    return (
        _told(request, shown, sink, needs) if isinstance(request, Notification) else _sent(request, shown, sink, needs)
    )


def _shown(request: SinkRequest | Notification, sink: Sink) -> SentRequest:
    if isinstance(request, Notification):
        told = {"title": request.title, "body": request.body, "severity": request.level}
        return SentRequest(method=None, url=HIDDEN, headers=[], body=told)
    return SentRequest(
        method=request.method,
        url=HIDDEN if sink.secret_url else request.url,
        headers=sorted(request.headers, key=str.lower),
        body=orjson.loads(request.body),
    )


def _sent(request: SinkRequest, shown: SentRequest, sink: Sink, needs: RouteNeeds) -> SinkTestOut:
    timeout = min(sink.timeout, _PATIENCE)
    started = time.perf_counter()
    try:
        sent = OutboundRequest(request.url, request.body, request.method, request.headers, timeout)
        response = needs.outbound.send(sent)
    except (NoAnswer, InvalidInput) as problem:
        return _nothing(sink.hide(f"it {problem}"), shown)
    return _came_back(response, judge(response.status).reason, started, shown, sink)


def _told(request: Notification, shown: SentRequest, sink: Sink, needs: RouteNeeds) -> SinkTestOut:
    started = time.perf_counter()
    try:
        notified = needs.notifier.notify(replace(request, timeout=min(sink.timeout, _PATIENCE)))
    except (NoAnswer, InvalidInput) as problem:
        return _nothing(sink.hide(f"it {problem}"), shown)
    why = "" if notified.taken else sink.hide(notified.reason) or "it was not taken"
    return _came_back(notified.response, why, started, shown, sink)


def _came_back(
    response: OutboundResponse | None, error: str, started: float, shown: SentRequest, sink: Sink
) -> SinkTestOut:
    return SinkTestOut(
        kept=True,
        sent=True,
        status=None if response is None else response.status,
        ms=round((time.perf_counter() - started) * 1000, 1),
        body=None if response is None else _beginning(response.body, sink),
        error=error or None,
        request=shown,
    )


def _beginning(body: bytes, sink: Sink) -> str:
    """What came back; whoever answers may repeat what was sent."""
    text: Any = sink.hide(body.decode(errors="replace"))
    return str(text.encode()[:_SHOWN_BYTES].decode(errors="ignore"))


def _nothing(error: str | None, request: SentRequest | None = None, *, kept: bool = True) -> SinkTestOut:
    return SinkTestOut(kept=kept, sent=False, status=None, ms=None, body=None, error=error, request=request)
