"""Stored items ↔ what is remembered of deliveries: attempts at a sink, and the pace of a webhook."""

from collections.abc import Iterable
from dataclasses import fields
from typing import cast

from headrace.ports.items import project_pk
from headrace.ports.table import Item
from headrace.route.domain.delivery import SinkAttempt
from headrace.route.domain.pace import Pace

PACE = "pace"

_ATTEMPT = tuple(each.name for each in fields(SinkAttempt))


def attempts_prefix(sink_id: str) -> str:
    """What the sort keys of all remembered attempts at a sink begin with."""
    return f"attempts#{sink_id}#"


def encode_attempts(project_id: str, sink_id: str, slot: int, attempts: Iterable[SinkAttempt], expires_at: int) -> Item:
    """The item of some attempts at one sink; `expires_at` in seconds since 1970."""
    return {
        "pk": project_pk(project_id),
        "sk": f"{attempts_prefix(sink_id)}{slot:03}",
        "attempts": [{name: getattr(each, name) for name in _ATTEMPT} for each in attempts],
        "expires_at": expires_at,
    }


def decode_attempts(item: Item) -> list[SinkAttempt]:
    """The attempts of such an item."""
    return [SinkAttempt(**each) for each in cast(list[Item], item["attempts"])]


def pace_pk(url_hash: str) -> str:
    """Partition of what is known of one webhook's pace; its address is a secret, so it goes by its hash."""
    return f"pace#{url_hash}"


def encode_pace(pace: Pace) -> Item:
    """The attributes of a pace."""
    return {"free_ms": pace.free_ms, "queued_ms": pace.queued_ms}


def decode_pace(item: Item | None) -> Pace:
    """The pace of an item; without one everything may go."""
    return Pace() if item is None else Pace(int(item["free_ms"]), int(item["queued_ms"]))
