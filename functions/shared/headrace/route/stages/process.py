"""Process: raw messages → filter, transform, batch → the team's agent.

A message is acknowledged as soon as its records are accounted for: filtered, delivered, or stored again. A batch
that could not be delivered becomes a message of its own on the same queue (attribute `request_id`): it waits and
is retried alone, with the same body and the same X-Request-ID, while its neighbours are done with. A crash between
the agent's answer and the acknowledgement repeats a batch; that is the at-least-once that the README states.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from secrets import token_hex
from uuid import UUID

import orjson

from headrace import events
from headrace.errors import InvalidInput, TooLarge, Unavailable
from headrace.intake.stages.tally import Tally, save
from headrace.intake.wire.envelope import decode_body, encode_attributes, encode_text
from headrace.observability import emit, warn
from headrace.ports.bus import Message, Received
from headrace.ports.outbound import OutboundRequest
from headrace.ports.secrets import signing_secrets
from headrace.route.domain.batches import Batch, cut
from headrace.route.domain.delivery import AGENT_LADDER, LONGEST_PUBLISH_DELAY, Answer, delay
from headrace.route.domain.pipeline import Pipeline
from headrace.route.stages.needs import SendNeeds
from headrace.route.stages.post import post
from headrace.route.stages.select import Selection, select
from headrace.route.stages.verdicts import Verdicts
from headrace.route.wire.signing import encode_signature

Remaining = Callable[[], timedelta]
"""How long this invocation may still take."""

_PAUSED = timedelta(seconds=30)
_LONGEST_PAUSE = AGENT_LADDER[2]
_MARGIN = timedelta(seconds=5)
"""Kept back at the end of an invocation, to put away what was not sent."""


@dataclass(frozen=True, slots=True)
class ProcessNeeds(SendNeeds):
    """What processing needs beside that."""

    verdicts: Verdicts = field(default_factory=Verdicts)


def process(messages: Sequence[Received], needs: ProcessNeeds, remaining: Remaining) -> list[str]:
    """Work off one event's messages; return the ids of those that must come back."""
    failed: list[str] = []
    for project_id, group in groupby(messages, key=lambda message: message.attributes.get("project_id", "")):
        failed += _process_project(project_id, list(group), needs, remaining)
    return failed


def _process_project(
    project_id: str, messages: list[Received], needs: ProcessNeeds, remaining: Remaining
) -> Iterable[str]:
    pipeline = needs.configuration.pipeline(project_id)
    if not pipeline.active:
        needs.bus.retry_later(messages, _PAUSED)
        return [message.id for message in messages]
    work = _Work(project_id, pipeline, needs, messages[0].queue, {each.id: each for each in messages})
    batches = work.batches()
    if batches:
        for batch, answer in _send_all(batches, work, remaining):
            work.settle(batch, answer)
    save(needs.telemetry, project_id, work.tally)
    return work.failed


def _send_all(batches: list[Batch], work: "_Work", remaining: Remaining) -> Iterable[tuple[Batch, Answer | None]]:
    """Each batch with its answer; None when it was not sent, since the agent is down or time is short."""

    def send(batch: Batch) -> Answer | None:
        if work.agent_down is not None or remaining() < work.pipeline.timeout + _MARGIN:
            return None
        return work.send(batch)

    if len(batches) == 1 or work.pipeline.requests_per_invocation == 1:
        return [(batch, send(batch)) for batch in batches]
    with ThreadPoolExecutor(work.pipeline.requests_per_invocation) as pool:
        return list(zip(batches, pool.map(send, batches), strict=True))


@dataclass(slots=True)
class _Work:
    """The messages of one project in one invocation, and what became of them."""

    project_id: str
    pipeline: Pipeline
    needs: ProcessNeeds
    queue: str
    messages: dict[str, Received]
    tally: Tally = field(default_factory=Tally)
    failed: set[str] = field(default_factory=set)
    selected: dict[str, Counter[str]] = field(default_factory=dict)
    """What the program did to the records of each message."""
    agent_down: Answer | None = None
    pause: timedelta = AGENT_LADDER[0]
    """How long batches wait that were not sent since the agent is down."""

    def batches(self) -> list[Batch]:
        """The batches that are waiting among the messages, then those cut from fresh records."""
        waiting: list[Batch] = []
        kept = []
        for message in self.messages.values():
            try:
                if "request_id" in message.attributes:
                    waiting.append(_decode_batch(message))
                else:
                    selection = select(message, self.pipeline, self.needs.expressions, self.needs.verdicts)
                    self._count(message, selection)
                    if message.id not in self.failed:  # else all of it comes back, and would be sent twice
                        kept.append((message.id, selection.kept))
            except (InvalidInput, TooLarge) as unreadable:
                self._bury(Message(message.body, message.attributes), str(unreadable), {message.id}, _records(message))
        if self.tally.counts["filtered"] or self.tally.counts["errored"]:
            emit(events.Filtered(project_id=self.project_id, **self.tally.counts))
        return waiting + list(cut(kept, self.pipeline.batch_size, orjson.dumps))

    def send(self, batch: Batch) -> Answer:
        """Post one batch to the agent."""
        request = OutboundRequest(
            url=self.pipeline.agent_endpoint or "",
            body=batch.body,
            headers={**_headers(self.project_id, batch.request_id), **self._signature(batch)},
            timeout=self.pipeline.timeout,
        )
        answer, took = post(request, self.needs.outbound)
        if answer.everyone:
            self.agent_down = answer
        report = emit if answer.verdict == "done" else warn
        report(
            events.Batch(
                project_id=self.project_id,
                request_id=batch.request_id,
                records=batch.records,
                verdict=answer.verdict,
                reason=answer.reason,
                ms=round(took.total_seconds() * 1000, 1),
            )
        )
        return answer

    def _signature(self, batch: Batch) -> dict[str, str]:
        """Standard Webhooks headers, when the project has a signing secret. The id is that of the request."""
        now = self.needs.clock.now_unix_nano()
        secrets = signing_secrets(self.pipeline.signing_secret, self.pipeline.old_secrets, now)
        return encode_signature(batch.request_id, batch.body, secrets, now) if secrets else {}

    def settle(self, batch: Batch, answer: Answer | None) -> None:
        """Account for one batch after its attempt, or without one."""
        now = self.needs.clock.now_unix_nano()
        if answer is None:
            self._put_back(batch, batch.attempts, timedelta(0) if self.agent_down is None else self.pause)
            return
        if answer.verdict == "done":
            self.tally.counts["delivered"] += batch.records
            self.tally.succeeded(now, "agent_")
            return
        self.tally.failed(now, answer.reason, "agent_")
        attempts = batch.attempts + 1
        wait = delay(AGENT_LADDER, attempts, answer.retry_after) if answer.verdict == "retry" else None
        if wait is not None:
            if answer.everyone:
                self.pause = max(self.pause, answer.retry_after or min(wait, _LONGEST_PAUSE))
            self._keep(batch, attempts, wait)
        else:
            reason = f"the agent {answer.reason}, after {attempts} attempt{'s' * (attempts > 1)}"
            self._bury(self._encode_batch(batch, 0), reason, batch.sources, batch.records)

    def _keep(self, batch: Batch, attempts: int, wait: timedelta) -> None:
        """Let a batch come back after an attempt: by its own message when it has one, else as a new one."""
        origin = self._origin(batch)
        if origin is None:
            self._put_back(batch, attempts, wait)
            return
        try:
            self.failed.add(origin.id)
            self.needs.bus.retry_later([origin], wait)
        except Unavailable as problem:
            self._return(batch.sources, problem)

    def _put_back(self, batch: Batch, attempts: int, wait: timedelta) -> None:
        """Store a batch as a new message: another delivery of the old one would count as an attempt."""
        try:
            message = self._encode_batch(batch, attempts)
            self.needs.bus.publish(self.queue, [message], delay=min(wait, LONGEST_PUBLISH_DELAY))
        except (Unavailable, TooLarge) as problem:  # a program may make more of a record than a message holds
            self._return(batch.sources, problem)

    def _bury(self, message: Message, reason: str, sources: Iterable[str], records: int = 1) -> None:
        try:
            self.needs.bus.dead_letter(self.queue, [message], reason)
            self.tally.counts.update(dead_lettered=records, dead_letters_made=1)
            warn(events.DeadLetter(project_id=self.project_id, records=records, reason=reason))
        except (Unavailable, TooLarge) as problem:
            self._return(sources, problem)

    def _return(self, sources: Iterable[str], problem: Unavailable | TooLarge) -> None:
        """What cannot be put away stays what it was: its messages come back, at the price of duplicates.

        What their program did will be done, and counted, again.
        """
        self.failed.update(sources)
        for source in self.failed:
            self.tally.counts.subtract(self.selected.pop(source, {}))
        warn(events.MessagesReturned(project_id=self.project_id, reason=str(problem)))

    def _count(self, message: Received, selection: Selection) -> None:
        counts = Counter(filtered=selection.filtered, errored=selection.dropped)
        self.selected[message.id] = counts
        self.tally.counts.update(counts)
        if selection.error is not None:
            self.tally.latest["filter_error"] = selection.error
            warn(events.ExpressionFailed(project_id=self.project_id, reason=selection.error))
        for single, reason in selection.dead:
            signal = message.attributes.get("signal", "logs")
            attributes = encode_attributes(self.project_id, signal, single, _received(message))
            self._bury(Message(single.body, attributes), reason, {message.id})

    def _origin(self, batch: Batch) -> Received | None:
        """The message that holds just this batch, when there is one already."""
        (first, *others) = batch.sources
        message = self.messages[first]
        return message if not others and message.attributes.get("request_id") == batch.request_id else None

    def _encode_batch(self, batch: Batch, attempts: int) -> Message:
        packed = encode_text(batch.body, batch.records)
        attributes = encode_attributes(self.project_id, "batch", packed, self.needs.clock.now_unix_nano())
        return Message(packed.body, {**attributes, "request_id": batch.request_id, "attempts": str(attempts)})


def _decode_batch(message: Received) -> Batch:
    attributes = message.attributes
    made_here = message.receive_count - 1
    return Batch(
        request_id=attributes["request_id"],
        body=decode_body(message.body, attributes),
        records=_records(message),
        sources=frozenset({message.id}),
        attempts=int(attributes.get("attempts", "0")) + made_here,
    )


def _records(message: Received) -> int:
    """How many records a message was counted as when it was stored."""
    return int(message.attributes.get("records", "1"))


def _received(message: Received) -> int:
    """When its records came in, in nanoseconds since 1970."""
    received = message.attributes.get("received_unix_nano", "")
    return int(received) if received.isdecimal() else message.sent_unix_nano


def _headers(project_id: str, request_id: str) -> dict[str, str]:
    """A retried batch keeps its trace id, each attempt gets a span id (https://www.w3.org/TR/trace-context/)."""
    return {
        "Content-Type": "application/json",
        "X-Project-ID": project_id,
        "X-Request-ID": request_id,
        "traceparent": f"00-{UUID(request_id).hex}-{token_hex(8)}-01",
    }
