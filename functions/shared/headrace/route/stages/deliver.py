"""Deliver: outputs → the project's sinks, each on its own.

An output goes to all sinks at once. For every sink that could not take it, the output is stored again as a message
for that sink alone (attribute `sink_id`), which then climbs the retry ladder by itself: a failing sink delays and
repeats no other. The same happens, and does not count as an attempt, when a sink must not be tried yet: there is no
time left, a Slack webhook has had its message of this second, or the sink hangs.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson

from headrace import events
from headrace.errors import Conflict, InvalidInput, TooLarge, Unavailable
from headrace.intake.stages.tally import Tally, new_tallies, save
from headrace.intake.wire.envelope import decode_body
from headrace.observability import emit, warn
from headrace.ports.bus import Message, Received
from headrace.ports.notifications import Notification
from headrace.ports.notifier import Notifier
from headrace.ports.outbound import OutboundRequest
from headrace.route.domain.delivery import LONGEST_PUBLISH_DELAY, SINK_LADDER, Answer, SinkAttempt, delay
from headrace.route.domain.sinks import Sink
from headrace.route.stages.hold_off import HoldOff
from headrace.route.stages.log_deliveries import DeliveryLog, SinkNews, no_news
from headrace.route.stages.needs import SendNeeds
from headrace.route.stages.pace import await_turn, hold_back
from headrace.route.stages.post import notify, post
from headrace.route.wire.sink_request import Output, SinkRequest, encode_sink_request
from headrace.route.wire.slack import explain

_AT_ONCE = 16
_MARGIN = timedelta(seconds=5)
_NOT_SENT = timedelta(seconds=1)
"""How long an output waits that could not be tried, for want of time or of an evaluator."""
_SILENT = timedelta(seconds=2)
"""How long it waits when its sink hangs, until it asks again whether it may be tried."""


@dataclass(frozen=True, slots=True)
class DeliverNeeds(SendNeeds):
    """What delivering needs beside that."""

    notifier: Notifier
    log: DeliveryLog = field(default_factory=DeliveryLog)
    hold_off: HoldOff = field(default_factory=HoldOff)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One output on its way to one sink."""

    message: Received
    output: Output
    sink: Sink
    alone: bool
    """The message is for this sink only."""

    @property
    def attempts(self) -> int:
        """Requests already made."""
        before = int(self.message.attributes.get("attempts", "0"))
        return before + self.message.receive_count - 1 if self.alone else before

    @property
    def own_attributes(self) -> dict[str, str]:
        """The attributes that make a message this sink's own."""
        return {"sink_id": self.sink.id, "output_id": self.output.id}


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of one delivery: an answer, or how long it has to wait since it was not tried."""

    answer: Answer | None
    wait: timedelta = _NOT_SENT
    took: timedelta | None = None
    """None: nothing was sent."""


def deliver(messages: Sequence[Received], needs: DeliverNeeds, remaining: Callable[[], timedelta]) -> list[str]:
    """Work off one event's messages; return the ids of those that must come back."""
    work = _Work(needs, remaining)
    deliveries = [each for message in messages for each in work.open(message)]
    if len(deliveries) == 1:
        work.settle(deliveries[0], work.attempt(deliveries[0]))
    elif deliveries:
        with ThreadPoolExecutor(min(_AT_ONCE, len(deliveries))) as pool:
            for delivery, attempted in zip(deliveries, pool.map(work.attempt, deliveries), strict=True):
                work.settle(delivery, attempted)
    work.save()
    return sorted(work.failed)


@dataclass(slots=True)
class _Work:
    """One event, and what became of it."""

    needs: DeliverNeeds
    remaining: Callable[[], timedelta]
    failed: set[str] = field(default_factory=set)
    tallies: dict[str, Tally] = field(default_factory=new_tallies)
    news: dict[str, dict[str, SinkNews]] = field(default_factory=lambda: defaultdict(no_news))
    """By project id and sink id."""

    def open(self, message: Received) -> list[Delivery]:
        """The deliveries that a message stands for. Unreadable, or for a sink that is gone, it is a dead letter."""
        attributes = message.attributes
        project_id = attributes.get("project_id", "")
        try:
            body = decode_body(message.body, attributes)
            payload: Any = orjson.loads(body)
        except (InvalidInput, TooLarge, orjson.JSONDecodeError) as unreadable:
            self._bury(message, {}, str(unreadable))
            return []
        only = attributes.get("sink_id")
        stored = self.needs.configuration.sinks(project_id)
        sinks = [each for each in stored if each.enabled and only in (None, each.id)]
        if only is not None and not sinks:
            self._bury(message, {"attempts": "0"}, "its sink was switched off or deleted")
        output_id = attributes.get("output_id", message.id)
        output = Output(project_id, output_id, body, payload, attributes.get("request_id"))
        return [Delivery(message, output, sink, only is not None) for sink in sinks]

    def attempt(self, delivery: Delivery) -> Attempted:
        """Filter, shape and send, if it may be tried now.

        An answer "done" with a reason was not wanted by the sink's filter.
        """
        sink, needs, outcome = delivery.sink, self.needs, None
        if self.remaining() < sink.timeout + _MARGIN:
            return Attempted(None)
        if sink.program.expressions:
            try:
                (outcome,) = needs.expressions.run(sink.program, [delivery.output.payload])
            except Unavailable:
                return Attempted(None)
        now = needs.clock.now_unix_nano()
        request = encode_sink_request(delivery.output, sink, outcome, now)
        if isinstance(request, Answer):
            return Attempted(request)
        if not needs.hold_off.may_try(sink.id, now, sink.timeout):
            return Attempted(None, _SILENT)
        if sink.type == "slack" and (wait := await_turn(sink.url, now, needs.telemetry, waited=delivery.alone)):
            return Attempted(None, wait)
        return self._send(request, delivery)

    def _send(self, request: SinkRequest | Notification, delivery: Delivery) -> Attempted:
        sink, needs = delivery.sink, self.needs
        if isinstance(request, Notification):
            answer, took = notify(request, needs.notifier)
        else:
            sent = OutboundRequest(request.url, request.body, request.method, request.headers, sink.timeout)
            answer, took = post(sent, needs.outbound)
        if answer.verdict == "done" or answer.status is not None:
            needs.hold_off.answered(sink.id)
        elif answer.everyone:
            needs.hold_off.was_silent(sink.id, needs.clock.now_unix_nano(), SINK_LADDER[0])
        if answer.reason:
            reason = explain(answer.reason) if sink.type == "slack" else answer.reason
            answer = replace(answer, reason=sink.hide(reason))  # whoever answers may repeat what we sent
        report = emit if answer.verdict == "done" else warn
        report(
            events.Sink(
                project_id=delivery.output.project_id,
                sink_id=sink.id,
                sink=sink.name or sink.type,
                output_id=delivery.output.id,
                verdict=answer.verdict,
                reason=answer.reason,
                ms=round(took.total_seconds() * 1000, 1),
            )
        )
        return Attempted(answer, took=took)

    def settle(self, delivery: Delivery, attempted: Attempted) -> None:
        """Account for one delivery: done with, to be tried again, or given up."""
        answer = attempted.answer
        if answer is None:
            self._put_back(delivery, delivery.attempts, attempted.wait)
            return
        if answer.verdict == "done":
            if not answer.reason:
                self.tallies[delivery.output.project_id].counts["sink_deliveries"] += 1
                self._remember(delivery, answer, attempted.took)
            return
        self._remember(delivery, answer, attempted.took)
        attempts = delivery.attempts + 1
        wait = delay(SINK_LADDER, attempts, answer.retry_after) if answer.verdict == "retry" else None
        if wait is None:
            self._give_up(delivery, answer, attempts)
            return
        if delivery.sink.type == "slack" and answer.status == 429:
            hold_back(delivery.sink.url, self.needs.clock.now_unix_nano(), wait, self.needs.telemetry)
        self._keep(delivery, attempts, wait)

    def save(self) -> None:
        """Write what was counted and what the sinks' owners may want to see."""
        for project_id, tally in self.tallies.items():
            save(self.needs.telemetry, project_id, tally)
        now = self.needs.clock.now_unix_nano()
        for project_id, news in self.news.items():
            self.needs.log.note(project_id, news, now, self.needs.telemetry)

    def _remember(self, delivery: Delivery, answer: Answer, took: timedelta | None) -> None:
        attempt = SinkAttempt(
            at_unix_nano=self.needs.clock.now_unix_nano(),
            output_id=delivery.output.id,
            request_id=delivery.output.request_id,
            number=delivery.attempts + 1,
            verdict=answer.verdict,
            status=answer.status,
            ms=None if took is None else round(took.total_seconds() * 1000, 1),
            error=answer.reason or None,
        )
        self.news[delivery.output.project_id][delivery.sink.id].attempts.append(attempt)

    def _give_up(self, delivery: Delivery, answer: Answer, attempts: int) -> None:
        if answer.verdict == "gone":
            self._disable(delivery, answer)
        reason = f"sink {delivery.sink.name or delivery.sink.id} {answer.reason}, attempt {attempts}"
        self._bury(delivery.message, {**delivery.own_attributes, "attempts": "0"}, reason, delivery.sink.id)

    def _keep(self, delivery: Delivery, attempts: int, wait: timedelta) -> None:
        """Let a delivery come back after an attempt: by its own message when it has one, else as a new one."""
        message = delivery.message
        if not delivery.alone:
            self._put_back(delivery, attempts, wait)
            return
        self.failed.add(message.id)
        try:
            self.needs.bus.retry_later([message], wait)
        except Unavailable as problem:
            self._return(message, problem)

    def _put_back(self, delivery: Delivery, attempts: int, wait: timedelta) -> None:
        """Store a delivery as a new message: another delivery of the old one would count as an attempt."""
        message = delivery.message
        own = {**delivery.own_attributes, "attempts": str(attempts)}
        again = Message(message.body, {**message.attributes, **own})
        try:
            self.needs.bus.publish(message.queue, [again], delay=min(wait, LONGEST_PUBLISH_DELAY))
        except Unavailable as problem:
            self._return(message, problem)

    def _bury(self, message: Received, extra: dict[str, str], reason: str, sink_id: str | None = None) -> None:
        project_id = message.attributes.get("project_id", "")
        try:
            self.needs.bus.dead_letter(message.queue, [Message(message.body, {**message.attributes, **extra})], reason)
        except Unavailable as problem:
            self._return(message, problem)
            return
        self.tallies[project_id].counts["sink_dead_lettered"] += 1
        if sink_id is not None:
            self.news[project_id][sink_id].dead_lettered += 1
        warn(events.DeadLetter(project_id=project_id, records=1, reason=reason))

    def _return(self, message: Received, problem: Unavailable) -> None:
        """What cannot be put away stays what it was: its message comes back."""
        self.failed.add(message.id)
        warn(events.MessagesReturned(project_id=message.attributes.get("project_id"), reason=str(problem)))

    def _disable(self, delivery: Delivery, answer: Answer) -> None:
        """410 Gone: stop sending there, and say so. A sink that was deleted meanwhile needs nothing."""
        project_id, sink = delivery.output.project_id, delivery.sink
        try:
            self.needs.configuration.disable_sink(project_id, sink, f"it {answer.reason}")
            warn(events.SinkDisabled(project_id=project_id, sink_id=sink.id, reason=answer.reason))
        except (Conflict, Unavailable) as problem:
            warn(events.SinkNotDisabled(project_id=project_id, sink_id=sink.id, reason=str(problem)))
