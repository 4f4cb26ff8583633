"""Rotating the keys of secrets at rest: after it, everything is sealed with the newest key.

The way: put a new key before the old ones, everywhere; rotate; take the old ones away.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace import events
from headrace.errors import Conflict, InvalidInput, Unavailable
from headrace.observability import warn
from headrace.ports.backoff import Backoff
from headrace.ports.clock import Clock
from headrace.ports.items import SEALED
from headrace.ports.table import Item, Range, Table, Update, items_of
from headrace.ports.vault import Vault
from headrace.upkeep.operations.change import unchanged


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many pipelines and sinks were sealed anew, and where those are that could not be: `pk/sk`."""

    resealed: int
    unreadable: tuple[str, ...]


Reseal = Callable[[Item, Vault], Mapping[str, Any]]
"""`(item, vault) -> its attributes with secrets, sealed anew`"""


def rotate_secrets(config: Table, vault: Vault, clock: Clock, resealers: Mapping[str, Reseal]) -> Rotated:
    """Seal all stored secrets with the newest key. Safe to repeat, and while others change what is stored.

    `resealers` knows how, by the first part of the sort key: "pipeline", "sink".
    """
    resealed, unreadable = 0, []
    for place in items_of(config, Range(SEALED), index=True):
        pk, sk = place["pk"], place["sk"]
        try:
            resealed += _reseal(pk, sk, resealers[sk.partition("#")[0]], config, vault, clock)
        except (InvalidInput, Unavailable) as problem:
            unreadable.append(f"{pk}/{sk}")
            warn(events.SecretNotRotated(item=f"{pk}/{sk}", reason=str(problem)))
    return Rotated(resealed, tuple(unreadable))


def _reseal(pk: str, sk: str, reseal: Reseal, config: Table, vault: Vault, clock: Clock) -> bool:
    """Whether the item is still there, and is sealed anew. Nothing that anybody sees changes: the version stays."""
    backoff = Backoff(clock, "it")
    while (item := config.get(pk, sk)) is not None:
        try:
            config.update(Update(pk, sk, set=reseal(item, vault), condition=unchanged(item)))
        except Conflict:
            backoff.wait()
        else:
            return True
    return False
