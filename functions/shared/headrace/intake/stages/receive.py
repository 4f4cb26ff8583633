"""Receive: an OTLP request becomes messages on the project's raw and spans queues. Then, and only then, 200.

The walk: `functions/receiver` → here → `wire.otlp` (protobuf) → `wire.otlp_admit` (checked, and as few messages) →
`ports.bus`. Nobody makes a record of it here: that is for whoever keeps it.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from headrace import events
from headrace.intake.stages.sample import RECORDS as SAMPLED
from headrace.intake.stages.sample import Sampler
from headrace.intake.stages.tally import Tally, save
from headrace.intake.wire.envelope import encode_attributes
from headrace.intake.wire.otlp import Encoding, decode_request
from headrace.intake.wire.otlp_admit import admit
from headrace.intake.wire.stored import read_request
from headrace.observability import emit
from headrace.ports.bus import Bus, Message
from headrace.ports.clock import Clock
from headrace.ports.queues import RAW, SPANS, QueueNames
from headrace.ports.records import Record, Signal
from headrace.ports.table import Table


@dataclass(frozen=True, slots=True)
class ReceiveNeeds:
    """What receiving needs."""

    bus: Bus
    agent_signals: Callable[[str], Collection[Signal]]
    """`(project id)` -> what the project's agent wants to get. May raise Unavailable."""
    telemetry: Table
    clock: Clock
    queues: QueueNames
    max_record_bytes: int
    sampler: Sampler = field(default_factory=Sampler)


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a request: records stored, records refused, and why."""

    accepted: int
    refused: int
    reason: str


def receive(signal: Signal, encoding: Encoding, body: bytes, project_id: str, needs: ReceiveNeeds) -> Received:
    """Store the records of one OTLP request of an authenticated project.

    Raises:
        InvalidInput: the body is no such request.
        TooLarge: its records come to more than a request may, each with its resource.
        Unavailable: the bus could not store it; the client should send it again.
    """
    now = needs.clock.now_unix_nano()
    protobuf = decode_request(signal, encoding, body)
    admitted = admit(signal, protobuf, now, record_limit_bytes=needs.max_record_bytes)
    accepted, refused = admitted.records, admitted.refused.total()
    if accepted:
        messages = [Message(each.body, encode_attributes(project_id, signal, each, now)) for each in admitted.packed]
        queues = _queues(signal, project_id, needs)
        for queue in queues:
            needs.bus.publish(queue, messages)
        # What is not on its way to the agent was filtered out of that way here, and is on no other's account.
        filtered = 0 if needs.queues.name(RAW, project_id) in queues else accepted
        save(needs.telemetry, project_id, Tally(Counter(accepted=accepted, filtered=filtered)))
        needs.sampler.offer(project_id, signal, partial(_last_of, messages[-1]), needs.telemetry, now)
    emit(events.Received(project_id=project_id, signal=signal, records=accepted, refused=refused))
    return Received(accepted, refused, admitted.reason())


def _last_of(message: Message) -> list[Record]:
    return read_request(message.body, message.attributes).last(SAMPLED)


def _queues(signal: Signal, project_id: str, needs: ReceiveNeeds) -> list[str]:
    """Spans become runs; the agent gets them too when the pipeline asks for them."""
    if signal != "traces":
        return [needs.queues.name(RAW, project_id)]
    queues = [needs.queues.name(SPANS, project_id)]
    if "traces" in needs.agent_signals(project_id):
        queues.append(needs.queues.name(RAW, project_id))
    return queues
