"""Where a query of the Table port begins, ends and goes on, whatever the engine: key ranges and cursors.

Keys are ordered by their bytes in UTF-8, which is also the order of their code points, and so Python's.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from headrace.errors import InvalidInput
from headrace.ports.table import Item, Range
from headrace.ports.table_rules import check_key, check_text

_LAST = "\U0010ffff"
_MAX_CURSOR_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sort keys from `low`, included, to `high`: included or not, None for no end."""

    low: str
    high: str | None
    high_included: bool

    def contain(self, key: str) -> bool:
        """Whether `key` lies between them."""
        if key < self.low:
            return False
        return self.high is None or key < self.high or (self.high_included and key == self.high)

    def narrowed(self, reached: str, *, descending: bool) -> "Bounds":
        """What is left, `reached` included, after a page that ended there: so that an engine can seek."""
        if not descending:
            return replace(self, low=max(self.low, reached))
        if self.high is not None and self.high <= reached:
            return self
        return replace(self, high=reached, high_included=True)


def bounds_of(wanted: Range) -> Bounds:
    """The bounds of the sort keys in `wanted`.

    Raises:
        InvalidInput: `pk` is no key, a bound is no text, or there are both a prefix and a bound, which
            DynamoDB cannot ask for.
    """
    check_key(wanted.pk, "pk")
    for field, value in (("prefix", wanted.prefix), ("low", wanted.low), ("high", wanted.high)):
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"{field} must be a string", field=field)
        check_text(value or "", field)
    if not wanted.prefix:
        return Bounds(wanted.low or "", wanted.high, high_included=True)
    if wanted.low is not None or wanted.high is not None:
        raise InvalidInput("a range has either a prefix or bounds", field="prefix")
    return Bounds(wanted.prefix, _after_prefix(wanted.prefix), high_included=False)


def position_of(item: Item, *, index: bool) -> list[str]:
    """Where `item` stands in the order of a query: all the keys that decide it."""
    names = ("gsi_pk", "gsi_sk", "pk", "sk") if index else ("pk", "sk")
    return [item[name] for name in names]


def encode_cursor(position: Sequence[str]) -> str:
    """A position as opaque text that is safe in a URL."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, pk: str, *, index: bool) -> list[str]:
    """The position that `encode_cursor` was given, for a query of the partition `pk`.

    Raises:
        InvalidInput: not made by `encode_cursor`, or made for another query; `field` is "cursor".
    """
    try:
        position = _decoded(cursor)
        for key in position:
            check_key(key, "cursor")
    except (InvalidInput, ValueError, RecursionError) as error:
        raise InvalidInput("the cursor is damaged", field="cursor") from error
    if len(position) != (4 if index else 2) or position[0] != pk:
        raise InvalidInput("the cursor belongs to another query", field="cursor")
    return position


def _decoded(cursor: str) -> list[str]:
    if len(cursor) > _MAX_CURSOR_CHARACTERS:
        raise ValueError("longer than any cursor")
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    position = json.loads(text)
    if not isinstance(position, list):
        raise ValueError("not a position")  # noqa: TRY004 - it is the sender's value, not a programmer's type
    return position


def _after_prefix(prefix: str) -> str | None:
    """The least text that is greater than all that begin with `prefix`; None when there is none."""
    head = prefix.rstrip(_LAST)
    if not head:
        return None
    following = ord(head[-1]) + 1
    if following == 0xD800:  # surrogates are no characters, and UTF-8 has no bytes for them
        following = 0xE000
    return head[:-1] + chr(following)
