"""Dead letters: looked at, given a new start, or removed for good; and what that does to the counters.

Messages die in two ways. A function buries one with a reason: its records are counted as `dead_lettered` then.
Or the engine gives one up that was delivered too often without being dealt with: nobody was there to count. The
two are told apart by `DeadLetter.receive_count`, which is 0 for the first. So:

- redriving takes the records of buried letters out of `dead_lettered` (counter `redriven`), those of given up
  ones were never in it;
- discarding leaves buried letters counted, and counts given up ones: whatever is gone for good is `dead_lettered`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from headrace import events
from headrace.api.showing import shown
from headrace.errors import HeadraceError, InvalidInput, TooLarge
from headrace.intake.wire.envelope import decode_body, is_request
from headrace.intake.wire.items import COUNTERS
from headrace.observability import warn
from headrace.ports.bus import DeadLetter
from headrace.ports.items import project_pk
from headrace.ports.queues import QueueKind
from headrace.ports.table import Update
from headrace.times import timestamp
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.wire.status_models import DeadLetterOut

_SHOWN_RECORDS, _SHOWN_BYTES = 10, 64 * 1024
_PAGE_BYTES = 3 * 1024 * 1024
"""Of records on one page of the list: a function's answer may have 6 MB."""
_PAGE = 100
_LOOKED_AT = 1000

Take = Callable[[str, Sequence[str]], int]
"""`(queue, ids) -> how many of these dead letters were taken`"""


def list_dead_letters(
    project_id: str, kind: QueueKind, needs: UpkeepNeeds, *, limit: int, cursor: str | None
) -> tuple[list[DeadLetterOut], str | None]:
    """Some dead letters, oldest first, and the cursor of the next page. Raises InvalidInput for a foreign cursor."""
    page = needs.bus.dead_letters(needs.queues.name(kind, project_id), limit=limit, cursor=cursor)
    limit_bytes = min(_SHOWN_BYTES, _PAGE_BYTES // limit)
    return [_described(letter, kind, limit_bytes) for letter in page.items], page.next_cursor


def redrive(project_id: str, kind: QueueKind, ids: Sequence[str] | None, needs: UpkeepNeeds) -> int:
    """Give dead letters (all, or those named) a new start; return how many were moved."""

    def counts(buried: bool, records: int, letters: int) -> Counter[str]:
        return Counter(redriven=records * letters, dead_letters_taken=letters) if buried else Counter()

    return _take(project_id, kind, ids, needs, needs.bus.redrive, counts)


def discard(project_id: str, kind: QueueKind, ids: Sequence[str] | None, needs: UpkeepNeeds) -> int:
    """Remove dead letters (all, or those named) for good; return how many were removed."""

    def counts(buried: bool, records: int, letters: int) -> Counter[str]:
        return Counter(dead_letters_taken=letters) if buried else Counter(dead_lettered=records * letters)

    return _take(project_id, kind, ids, needs, needs.bus.discard, counts)


def given_up_records(project_id: str, kind: QueueKind, needs: UpkeepNeeds) -> int:
    """Records in dead letters that the engine made; of a thousand letters at most."""
    letters = _letters(needs.queues.name(kind, project_id), needs, limit=_LOOKED_AT)
    return sum(_records(letter) for letter in letters if letter.receive_count)


def _take(
    project_id: str,
    kind: QueueKind,
    ids: Sequence[str] | None,
    needs: UpkeepNeeds,
    take: Take,
    counts: Callable[[bool, int, int], Counter[str]],
) -> int:
    """Take letters away page by page, and count what was taken each time.

    Letters of the same size go together, so that the number that the engine says it took gives the exact number of
    records, even when somebody else takes the same ones at the same moment.
    """
    queue, taken = needs.queues.name(kind, project_id), 0
    for page in _pages(queue, ids, needs):
        sizes: defaultdict[tuple[bool, int], list[str]] = defaultdict(list)
        for letter in page:
            sizes[letter.receive_count == 0, _records(letter)].append(letter.id)
        changes: Counter[str] = Counter()
        for (buried, records), group in sizes.items():
            letters = take(queue, group)
            taken += letters
            changes.update(counts(buried, records, letters))
        if kind.counts:
            _count(project_id, changes, needs)
    return taken


def _pages(queue: str, ids: Sequence[str] | None, needs: UpkeepNeeds) -> Iterator[list[DeadLetter]]:
    """The wanted letters, in groups. Those that die while this goes on are left for the next time."""
    wanted, now = None if ids is None else set(ids), needs.clock.now_unix_nano()
    page: list[DeadLetter] = []
    for letter in _letters(queue, needs):
        if (wanted is None and letter.dead_unix_nano > now) or wanted == set():
            break
        if wanted is None or letter.id in wanted:
            page.append(letter)
        if wanted is not None:
            wanted.discard(letter.id)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _letters(queue: str, needs: UpkeepNeeds, *, limit: int | None = None) -> Iterator[DeadLetter]:
    """The dead letters of a queue, oldest first, read page by page."""
    cursor, left = None, limit
    while left is None or left > 0:
        page = needs.bus.dead_letters(queue, limit=_PAGE if left is None else min(_PAGE, left), cursor=cursor)
        yield from page.items
        left = None if left is None else left - len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _count(project_id: str, changes: Counter[str], needs: UpkeepNeeds) -> None:
    """What was taken is taken, so a table that is down costs counts only."""
    add = {name: count for name, count in changes.items() if count}
    try:
        if add:
            needs.telemetry.update(Update(project_pk(project_id), COUNTERS, add=add))
    except HeadraceError as problem:
        warn(events.CountsLost(project_id=project_id, counts=add, reason=str(problem)))


def _records(letter: DeadLetter) -> int:
    return int(letter.attributes.get("records", "1"))


def _described(letter: DeadLetter, kind: QueueKind, limit_bytes: int) -> DeadLetterOut:
    return DeadLetterOut(
        id=letter.id,
        queue=kind.name,
        reason=letter.reason,
        receive_count=letter.receive_count,
        at=timestamp(letter.dead_unix_nano),
        attributes=dict(letter.attributes),
        records=_shown_records(letter, limit_bytes),
    )


def _shown_records(letter: DeadLetter, limit_bytes: int) -> list[object]:
    """The records, or the one output; none when the message cannot be read: the reason says so then."""
    try:
        content = _content(letter)
    except (InvalidInput, TooLarge, orjson.JSONDecodeError):
        return []
    is_output = letter.attributes.get("signal") == "output" or not isinstance(content, list)
    return shown([content] if is_output else content, limit=_SHOWN_RECORDS, limit_bytes=limit_bytes)


def _content(letter: DeadLetter) -> Any:
    if not is_request(letter.attributes):
        return orjson.loads(decode_body(letter.body, letter.attributes))
    from headrace.intake.wire.stored import decode_records  # which loads protobuf: nobody else here needs it

    return decode_records(letter.body, letter.attributes)
