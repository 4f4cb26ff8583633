"""Deliver: outputs → the project's sinks, each on its own.

An output goes to all sinks at once. For every sink that could not take it, the output is stored again as a message
for that sink alone (attribute `sink_id`), which then climbs the retry ladder by itself: a failing sink delays and
repeats no other.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from headrace.domain.delivery import LONGEST_PUBLISH_DELAY, SINK_LADDER, Answer, delay
from headrace.domain.errors import Conflict, InvalidInput, TooLarge, Unavailable
from headrace.domain.sinks import Sink
from headrace.observability import emit, warn
from headrace.ports.bus import Bus, Message, Received
from headrace.ports.clock import Clock
from headrace.ports.expressions import Expressions
from headrace.ports.outbound import Outbound, OutboundRequest
from headrace.ports.table import Table
from headrace.stages.configuration import Configuration
from headrace.stages.post import post
from headrace.stages.tally import Tally, new_tallies, save
from headrace.wire.envelope import decode_body
from headrace.wire.sink_request import Output, SinkRequest, encode_sink_request

_AT_ONCE = 16
_MARGIN = timedelta(seconds=5)
_NOT_SENT = timedelta(seconds=1)
"""How long an output waits that could not be tried, for want of time or of an evaluator."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What delivering needs."""

    bus: Bus
    configuration: Configuration
    telemetry: Table
    clock: Clock
    expressions: Expressions
    outbound: Outbound


@dataclass(frozen=True, slots=True)
class Delivery:
    """One output on its way to one sink."""

    message: Received
    project_id: str
    output_id: str
    """Of the output as it came; stays the same when it is stored again."""
    payload: Any
    sink: Sink
    alone: bool
    """The message is for this sink only."""

    @property
    def attempts(self) -> int:
        """Requests already made."""
        before = int(self.message.attributes.get("attempts", "0"))
        return before + self.message.receive_count - 1 if self.alone else before


def deliver(messages: Sequence[Received], ports: Ports, remaining: Callable[[], timedelta]) -> list[str]:
    """Work off one event's messages; return the ids of those that must come back."""
    failed: set[str] = set()
    tallies = new_tallies()
    deliveries = [each for message in messages for each in _open(message, ports, failed, tallies)]

    def attempt(delivery: Delivery) -> Answer | None:
        if remaining() < delivery.sink.timeout + _MARGIN:
            return None
        return _attempt(delivery, ports)

    with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(deliveries)))) as pool:
        for delivery, answer in zip(deliveries, pool.map(attempt, deliveries), strict=True):
            _settle(delivery, answer, ports, failed, tallies[delivery.project_id])
    for project_id, tally in tallies.items():
        save(ports.telemetry, project_id, tally)
    return sorted(failed)


def _open(message: Received, ports: Ports, failed: set[str], tallies: dict[str, Tally]) -> list[Delivery]:
    """The deliveries that a message stands for. One that cannot be read, or whose sink is gone, is a dead letter."""
    attributes = message.attributes
    project_id = attributes.get("project_id", "")
    try:
        payload = orjson.loads(decode_body(message.body, attributes))
    except (InvalidInput, TooLarge, orjson.JSONDecodeError) as unreadable:
        _bury(message, {}, str(unreadable), ports, failed, tallies[project_id])
        return []
    only = attributes.get("sink_id")
    sinks = [each for each in ports.configuration.sinks(project_id) if each.enabled and only in (None, each.id)]
    if only is not None and not sinks:
        _bury(message, {"attempts": "0"}, "its sink was switched off or deleted", ports, failed, tallies[project_id])
    output_id = attributes.get("output_id", message.id)
    return [Delivery(message, project_id, output_id, payload, sink, only is not None) for sink in sinks]


def _attempt(delivery: Delivery, ports: Ports) -> Answer | None:
    """Filter, shape and send. An Answer "done" without a reason was delivered, with one it was not wanted."""
    sink, outcome = delivery.sink, None
    if sink.program.expressions:
        try:
            (outcome,) = ports.expressions.run(sink.program, [delivery.payload])
        except Unavailable:
            return None
    output = Output(
        delivery.project_id, delivery.output_id, delivery.payload, delivery.message.attributes.get("request_id")
    )
    request = encode_sink_request(output, sink, outcome, ports.clock.now_unix_nano())
    return request if isinstance(request, Answer) else _send(request, delivery, ports)


def _send(request: SinkRequest, delivery: Delivery, ports: Ports) -> Answer:
    sink = delivery.sink
    answer, took = post(
        OutboundRequest(request.url, request.body, request.method, request.headers, sink.timeout), ports.outbound
    )
    answer = replace(answer, reason=sink.hide(answer.reason))  # it may name the address, which is Slack's secret
    report = emit if answer.verdict == "done" else warn
    report(
        "sink",
        project_id=delivery.project_id,
        sink_id=sink.id,
        sink=sink.name or sink.type,
        output_id=delivery.output_id,
        verdict=answer.verdict,
        reason=answer.reason,
        ms=round(took.total_seconds() * 1000, 1),
    )
    return answer


def _settle(delivery: Delivery, answer: Answer | None, ports: Ports, failed: set[str], tally: Tally) -> None:
    if answer is None:
        _put_back(delivery, delivery.attempts, _NOT_SENT, ports, failed)
        return
    if answer.verdict == "done":
        tally.counts["sink_deliveries"] += not answer.reason
        return
    attempts = delivery.attempts + 1
    wait = delay(SINK_LADDER, attempts, answer.retry_after) if answer.verdict == "retry" else None
    if wait is not None:
        _keep(delivery, attempts, wait, ports, failed)
        return
    if answer.verdict == "gone":
        _disable(delivery, answer, ports)
    reason = f"sink {delivery.sink.name or delivery.sink.id} {answer.reason}, attempt {attempts}"
    _bury(delivery.message, _own(delivery, 0), reason, ports, failed, tally)


def _keep(delivery: Delivery, attempts: int, wait: timedelta, ports: Ports, failed: set[str]) -> None:
    """Let a delivery come back after an attempt: by its own message when it has one, else as a new one."""
    message = delivery.message
    if not delivery.alone:
        _put_back(delivery, attempts, wait, ports, failed)
        return
    failed.add(message.id)
    try:
        ports.bus.retry_later([message], wait)
    except Unavailable as problem:
        warn("messages_returned", project_id=delivery.project_id, reason=str(problem))


def _put_back(delivery: Delivery, attempts: int, wait: timedelta, ports: Ports, failed: set[str]) -> None:
    """Store a delivery as a new message: another delivery of the old one would count as an attempt."""
    message = delivery.message
    again = Message(message.body, {**message.attributes, **_own(delivery, attempts)})
    try:
        ports.bus.publish(message.queue, [again], delay=min(wait, LONGEST_PUBLISH_DELAY))
    except Unavailable as problem:
        failed.add(message.id)
        warn("messages_returned", project_id=delivery.project_id, reason=str(problem))


def _own(delivery: Delivery, attempts: int) -> dict[str, str]:
    """The attributes that make a message one sink's own."""
    return {"sink_id": delivery.sink.id, "output_id": delivery.output_id, "attempts": str(attempts)}


def _bury(message: Received, extra: dict[str, str], reason: str, ports: Ports, failed: set[str], tally: Tally) -> None:
    try:
        ports.bus.dead_letter(message.queue, [Message(message.body, {**message.attributes, **extra})], reason)
        tally.counts["sink_dead_lettered"] += 1
        warn("dead_letter", project_id=message.attributes.get("project_id"), records=1, reason=reason)
    except Unavailable as problem:
        failed.add(message.id)
        warn("messages_returned", project_id=message.attributes.get("project_id"), reason=str(problem))


def _disable(delivery: Delivery, answer: Answer, ports: Ports) -> None:
    """410 Gone: stop sending there, and say so. A sink that was deleted meanwhile needs nothing."""
    try:
        ports.configuration.disable_sink(delivery.project_id, delivery.sink, f"it {answer.reason}")
        warn("sink_disabled", project_id=delivery.project_id, sink_id=delivery.sink.id, reason=answer.reason)
    except (Conflict, Unavailable) as problem:
        warn("sink_not_disabled", project_id=delivery.project_id, sink_id=delivery.sink.id, reason=str(problem))
