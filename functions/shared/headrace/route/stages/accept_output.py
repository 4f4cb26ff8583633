"""Accept what an agent sends back: any JSON value becomes one message on the project's output queue."""

from collections import Counter
from dataclasses import dataclass

import orjson

from headrace import events
from headrace.errors import InvalidInput, TooLarge
from headrace.intake.stages.tally import Tally, save
from headrace.intake.wire.envelope import encode_attributes, encode_text
from headrace.observability import emit
from headrace.ports.bus import Bus, Message
from headrace.ports.clock import Clock
from headrace.ports.queues import OUTPUT, QueueNames
from headrace.ports.table import Table

_REQUEST_ID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class AcceptNeeds:
    """What accepting an output needs."""

    bus: Bus
    telemetry: Table
    clock: Clock
    queues: QueueNames
    max_output_bytes: int


def accept_output(body: bytes, request_id: str | None, project_id: str, needs: AcceptNeeds) -> str:
    """Store one output of an authenticated project; return the message's id once it is stored.

    Raises:
        InvalidInput: not JSON, nested too deep to be written again, or a request id that no header could carry.
        TooLarge: over the limit for outputs.
        Unavailable: the bus could not store it; the agent should send it again.
    """
    if len(body) > needs.max_output_bytes:
        raise TooLarge("the output", limit_bytes=needs.max_output_bytes, size_bytes=len(body))
    _check_json(body)
    packed = encode_text(body)
    attributes = encode_attributes(project_id, "output", packed, needs.clock.now_unix_nano())
    if request_id:
        attributes["request_id"] = _checked(request_id)
    (message_id,) = needs.bus.publish(needs.queues.name(OUTPUT, project_id), [Message(packed.body, attributes)])
    save(needs.telemetry, project_id, Tally(Counter(outputs=1)))
    emit(events.Output(project_id=project_id, id=message_id, request_id=request_id, bytes=len(body)))
    return message_id


def _check_json(body: bytes) -> None:
    try:
        orjson.dumps(orjson.loads(body))  # it takes four times as many levels as it writes
    except orjson.JSONDecodeError as cause:
        raise InvalidInput(f"the output is not JSON: {cause}") from cause
    except orjson.JSONEncodeError as cause:
        raise InvalidInput(f"the output is nested too deep: {cause}") from cause


def _checked(request_id: str) -> str:
    if len(request_id) > _REQUEST_ID_CHARACTERS or not request_id.isascii() or not request_id.isprintable():
        raise InvalidInput(
            f"X-Request-ID must be at most {_REQUEST_ID_CHARACTERS} printable ASCII characters",
            field="X-Request-ID",
        )
    return request_id
