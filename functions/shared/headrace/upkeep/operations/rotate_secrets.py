"""Rotating the keys of secrets at rest: after it, everything is sealed with the newest key.

The way: put a new key before the old ones, everywhere; rotate; take the old ones away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace import events
from headrace.errors import Conflict, InvalidInput, Unavailable
from headrace.observability import warn
from headrace.ports.table import Item, Range, Table, Update
from headrace.ports.vault import Vault
from headrace.upkeep.operations.versions import unchanged
from headrace.upkeep.wire import items

_PAGE = 100
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many pipelines and sinks were sealed anew, and where those are that could not be: `pk/sk`."""

    resealed: int
    unreadable: tuple[str, ...]


def rotate_secrets(config: Table, vault: Vault) -> Rotated:
    """Seal all stored secrets with the newest key. Safe to repeat, and while others change what is stored."""
    resealed, unreadable = 0, []
    for pk, sk in _places(config):
        try:
            resealed += _reseal(pk, sk, config, vault)
        except (InvalidInput, Unavailable) as problem:
            unreadable.append(f"{pk}/{sk}")
            warn(events.SecretNotRotated(item=f"{pk}/{sk}", reason=str(problem)))
    return Rotated(resealed, tuple(unreadable))


def _places(config: Table) -> Iterator[tuple[str, str]]:
    cursor = None
    while True:
        page = config.query(Range(items.SEALED), index=True, limit=_PAGE, cursor=cursor)
        yield from ((item["pk"], item["sk"]) for item in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _reseal(pk: str, sk: str, config: Table, vault: Vault) -> bool:
    """Whether the item is still there, and is sealed anew."""
    for _ in range(_ATTEMPTS):
        item = config.get(pk, sk)
        if item is None:
            return False
        try:
            config.update(Update(pk, sk, set=_resealed(item, vault), condition=unchanged(item)))
        except Conflict:
            continue  # changed meanwhile
        return True
    raise Unavailable("others are changing it all the time")


def _resealed(item: Item, vault: Vault) -> dict[str, Any]:
    """The attributes with secrets, sealed anew. Nothing that anybody sees changes, so the version stays."""
    if item["sk"] == items.PIPELINE:
        pipeline = items.decode_pipeline(item).with_secrets(vault.reseal)
        old = items.encode_old_secrets(pipeline.old_secrets)
        return {"signing_secret": pipeline.signing_secret, "old_secrets": old}
    sink = items.decode_sink(item).with_secrets(vault.reseal)
    return {
        "url": sink.url,
        "headers": dict(sink.headers),
        "signing_secret": sink.signing_secret,
        "old_secrets": items.encode_old_secrets(sink.old_secrets),
    }
