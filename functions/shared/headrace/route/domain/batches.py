"""Batches: the records of one request to an agent, with an id that stays the same however often it is retried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1
from uuid import UUID

from headrace.ports.records import Record

_NAMESPACE = UUID("6d0f5a0e-5f0c-4b57-9d0a-3f1f6f6f7a10")

MAX_BATCH_BYTES = 700 * 1024
"""A batch ends early here, so that it can become a queue message of its own when it has to wait."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to the agent, before or after a first attempt."""

    request_id: str
    body: bytes
    """The JSON array of records."""
    records: int
    sources: frozenset[str]
    """Ids of the messages that it was made from."""
    attempts: int = 0
    """Requests already made."""


def cut(
    kept: Sequence[tuple[str, list[Record]]], size: int, encode: Callable[[list[Record]], bytes]
) -> Iterator[Batch]:
    """Batches of at most `size` records and MAX_BATCH_BYTES, from kept records grouped by message id."""
    numbered = [(source, index, record) for source, records in kept for index, record in enumerate(records)]
    for start in range(0, len(numbered), size):
        yield from _halve(numbered[start : start + size], encode)


def _halve(numbered: list[tuple[str, int, Record]], encode: Callable[[list[Record]], bytes]) -> Iterator[Batch]:
    body = encode([record for _, _, record in numbered])
    if len(body) > MAX_BATCH_BYTES and len(numbered) > 1:
        half = len(numbered) // 2
        yield from _halve(numbered[:half], encode)
        yield from _halve(numbered[half:], encode)
        return
    sources = dict.fromkeys(source for source, _, _ in numbered)
    # With what it holds: after a new filter, or among other messages, the same places hold another batch.
    place = f"{','.join(sources)}:{numbered[0][1]}-{numbered[-1][1]}:"
    yield Batch(
        request_id=_name(place.encode(), body),
        body=body,
        records=len(numbered),
        sources=frozenset(sources),
    )


def _name(place: bytes, body: bytes) -> str:
    """A UUID of version 5 (RFC 9562 section 5.5), its SHA-1 fed in pieces: the body is hashed once and not copied."""
    digest = sha1(_NAMESPACE.bytes + place, usedforsecurity=False)
    digest.update(body)
    return str(UUID(bytes=digest.digest()[:16], version=5))
