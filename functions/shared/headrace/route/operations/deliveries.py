"""Deliveries: the last attempts at a sink, newest first, from what the data path keeps of them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from headrace.errors import InvalidInput
from headrace.ports.items import project_pk
from headrace.ports.table import Range, items_of
from headrace.route.domain.delivery import SinkAttempt
from headrace.route.operations.needs import RouteNeeds
from headrace.route.operations.sinks import load_sink
from headrace.route.wire.delivery_items import attempts_prefix, decode_attempts


def page_of_deliveries(
    project_id: str, sink_id: str, needs: RouteNeeds, *, limit: int, cursor: str | None = None
) -> tuple[list[SinkAttempt], str | None]:
    """Some attempts, and the cursor of the next page.

    Raises:
        NotFound: there is no such sink.
        InvalidInput: the cursor is not one of ours.
    """
    load_sink(project_id, sink_id, needs.config)
    before = None if cursor is None else _decode_cursor(cursor)
    # In the order of their slots, which are used in turn; there are few enough of them to sort.
    stored = items_of(needs.telemetry, Range(project_pk(project_id), prefix=attempts_prefix(sink_id)))
    attempts = sorted((each for item in stored for each in decode_attempts(item)), key=_place, reverse=True)
    if before is not None:
        attempts = [each for each in attempts if _place(each) < before]
    page = attempts[:limit]
    return page, _encode_cursor(page[-1]) if len(attempts) > limit else None


def _place(attempt: SinkAttempt) -> tuple[int, str, int]:
    return attempt.at_unix_nano, attempt.output_id, attempt.number


def _encode_cursor(last: SinkAttempt) -> str:
    return urlsafe_b64encode(f"{last.at_unix_nano}#{last.number}#{last.output_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[int, str, int]:
    try:
        at, number, output_id = urlsafe_b64decode(cursor.encode()).decode().split("#", 2)
        return int(at), output_id, int(number)
    except (NotBase64, ValueError) as cause:
        raise InvalidInput("cursor: it is not one of ours", field="cursor") from cause
