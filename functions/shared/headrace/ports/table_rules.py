"""What the Table port promises about items and writes, whatever the engine: limits, conditions, changes.

The limits are DynamoDB's (Developer Guide, "Quotas"), since what works on one engine has to work on all. Only
keys are held shorter: an index of PostgreSQL takes at most 2,704 bytes, and four keys have to fit into it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.errors import Conflict, InvalidInput, TooLarge
from headrace.ports.table import Condition, Delete, Item, Put, Update

MAX_KEY_BYTES = 512
MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_BATCH = 100
MAX_LIMIT = 1000
MAX_ADDED = 50
"""Attributes that one update adds to: what is asked of each of them has to fit an expression of 4 KB."""
MAX_DEPTH = 32
"""A plain value is a level of its own: 31 lists around a number are the most (so DynamoDB counts, measured)."""

_MAX_INTEGER = 10**38
_MIN_FLOAT, _MAX_FLOAT = 1e-130, 1e126
_KEYS = ("pk", "sk")
_INDEX_KEYS = ("gsi_pk", "gsi_sk")

Write = Put | Update | Delete
Key = tuple[str, str]


def check_key(value: object, field: str) -> None:
    """Refuse what cannot be a key: 1 to 512 bytes of UTF-8 text without NUL, which PostgreSQL cannot hold.

    Raises:
        InvalidInput: `field` names the key.
    """
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{field} must be a non-empty string", field=field)
    if check_text(value, field) > MAX_KEY_BYTES:
        raise InvalidInput(f"{field} is longer than {MAX_KEY_BYTES} bytes", field=field)


def check_text(value: str, field: str) -> int:
    """The length of `value` in bytes; refuses text that cannot be compared with a key.

    Raises:
        InvalidInput: NUL or half of a surrogate pair.
    """
    if "\0" in value:
        raise InvalidInput(f"{field} contains NUL", field=field)
    return _utf8_bytes(value, field)


def check_keys(keys: Sequence[Key]) -> None:
    """Refuse more than 100 keys, and keys that are none.

    Raises:
        InvalidInput: `field` is "keys", or names the key.
    """
    if len(keys) > MAX_BATCH:
        raise InvalidInput(f"{len(keys)} keys, at most {MAX_BATCH} are read at once", field="keys")
    for pk, sk in keys:
        check_key(pk, "pk")
        check_key(sk, "sk")


def check_limit(limit: int) -> None:
    """Refuse a page size outside 1 to 1000.

    Raises:
        InvalidInput: `field` is "limit".
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must be 1 to {MAX_LIMIT}, not {limit}", field="limit")


def check_item(item: Item) -> int:
    """The size of `item` in bytes, as DynamoDB counts it: names and values, without JSON's punctuation.

    Raises:
        InvalidInput: a key, `expires_at` or a value is of the wrong kind; `field` is its path.
        TooLarge: over 400 KB.
    """
    for name in _KEYS:
        check_key(item.get(name), name)
    for name in _INDEX_KEYS:
        if name in item:
            check_key(item[name], name)
    if "expires_at" in item:
        _check_expiry(item["expires_at"])
    size = sum(_utf8_bytes(name, name) + _size_at_top(value, name) for name, value in item.items())
    if size > MAX_ITEM_BYTES:
        raise TooLarge("an item", limit_bytes=MAX_ITEM_BYTES, size_bytes=size)
    return size


def check_writes(writes: Sequence[Write]) -> None:
    """Refuse writes that can never happen: bad keys or items, over 100, two on one item, 4 MiB put in all.

    Raises:
        InvalidInput: `field` is "writes", or names what is wrong in one of them.
        TooLarge: an item, or all that are put.
    """
    if len(writes) > MAX_BATCH:
        raise InvalidInput(f"{len(writes)} writes, a transaction takes {MAX_BATCH}", field="writes")
    size = sum(map(_check_write, writes))
    if len({key_of(write) for write in writes}) < len(writes):
        raise InvalidInput("a transaction may write an item only once", field="writes")
    if size > MAX_TRANSACTION_BYTES:
        raise TooLarge("a transaction", limit_bytes=MAX_TRANSACTION_BYTES, size_bytes=size)


def key_of(write: Write) -> Key:
    """`pk` and `sk` of the item that `write` is about."""
    if isinstance(write, Put):
        return write.item["pk"], write.item["sk"]
    return write.pk, write.sk


def outcome(write: Write, current: Item | None) -> Item | None:
    """The item as it is after `write`, None when it is gone; `current` is the item before, None without one.

    Raises:
        Conflict: the condition does not hold.
        InvalidInput: a counter is not a number.
        TooLarge: the change makes the item too large.
    """
    if not _holds(write.condition, current):
        pk, sk = key_of(write)
        raise Conflict(f"the item {pk!r}, {sk!r} is not as the condition asks")
    if isinstance(write, Put):
        return write.item
    if isinstance(write, Delete):
        return None
    return _changed(write, current or {"pk": write.pk, "sk": write.sk})


def _check_write(write: Write) -> int:
    if isinstance(write, Put):
        return check_item(write.item)
    check_key(write.pk, "pk")
    check_key(write.sk, "sk")
    if isinstance(write, Update):
        _check_change(write)
    return 0


def _check_change(change: Update) -> None:
    named = [*change.set, *change.add, *change.remove]
    for name in named:
        if name in _KEYS:
            raise InvalidInput(f"{name} of an item cannot change", field=name)
        if not name or not isinstance(name, str):
            raise InvalidInput("an attribute needs a name", field="")
    if len(set(named)) < len(named):
        raise InvalidInput("an update may change an attribute only once", field="")
    if len(change.add) > MAX_ADDED:
        raise InvalidInput(f"an update adds to at most {MAX_ADDED} attributes, not to {len(change.add)}", field="")
    for name, amount in change.add.items():
        if isinstance(amount, bool) or not isinstance(amount, int):
            raise InvalidInput(f"only whole numbers can be added to {name}", field=name)


def _changed(change: Update, current: Item) -> Item:
    item = {name: value for name, value in current.items() if name not in change.remove}
    item.update(change.set)
    for name, amount in change.add.items():
        before = item.get(name, 0)
        if isinstance(before, bool) or not isinstance(before, int | float):
            raise InvalidInput(f"{name} is no number, so nothing can be added to it", field=name)
        item[name] = before + amount
    check_item(item)
    return item


def _holds(condition: Condition, item: Item | None) -> bool:
    if condition.exists is not None and condition.exists is not (item is not None):
        return False
    present: Mapping[str, Any] = item or {}
    return all(_same(present.get(name), value) for name, value in condition.equals.items())


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: unlike in Python, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _check_expiry(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise InvalidInput("expires_at must be whole seconds since 1970", field="expires_at")


def _size_at_top(value: Any, name: str) -> int:
    if not name:
        raise InvalidInput("an attribute needs a name", field="")
    return len(value) if isinstance(value, bytes) else _size(value, name, 1)


def _size(value: Any, path: str, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{path} is nested deeper than {MAX_DEPTH} levels", field=path)
    if isinstance(value, str):
        return _utf8_bytes(value, path)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | float):
        return _number_bytes(value, path)
    if isinstance(value, dict):
        return 3 + sum(_utf8_bytes(k, path) + 1 + _size(v, f"{path}.{k}", depth + 1) for k, v in value.items())
    if isinstance(value, list | tuple):
        return 3 + _sizes(value, path, depth + 1)
    raise InvalidInput(f"{path} is of type {type(value).__name__}, which an item cannot hold", field=path)


def _sizes(values: Iterable[Any], path: str, depth: int) -> int:
    return sum(1 + _size(value, f"{path}.{place}", depth) for place, value in enumerate(values))


def _number_bytes(value: float, path: str) -> int:
    """About a byte for two digits, as DynamoDB counts; its numbers have 38 digits and a short exponent."""
    size = abs(value)
    fits = size < _MAX_INTEGER if isinstance(value, int) else _MIN_FLOAT <= size < _MAX_FLOAT or value == 0
    if not fits or not math.isfinite(value):
        raise InvalidInput(f"{path} is a number that an item cannot hold", field=path)
    return len(repr(value)) // 2 + 2


def _utf8_bytes(text: object, path: str) -> int:
    if not isinstance(text, str):
        raise InvalidInput(f"a name in {path} is no string", field=path)
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(f"{path} is not text: half of a surrogate pair", field=path) from None
