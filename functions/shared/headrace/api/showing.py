"""What of a stored value an answer can carry: values of strangers nest as deep as their senders liked."""

from collections.abc import Sequence
from typing import Any

import orjson

_UNSHOWN = "(nested too deep, or not text: it cannot be shown)"


def can_be_shown(value: Any) -> bool:
    """Whether `value` can be written as JSON within the few levels that an answer puts around it."""
    try:
        orjson.dumps([[[[[[value]]]]]])
    except TypeError:  # orjson.JSONEncodeError is one
        return False
    return True


def shown(values: Sequence[Any], *, limit: int, limit_bytes: int) -> list[Any]:
    """The first `limit` of `values`, fewer when they would be over `limit_bytes` as JSON.

    A value that is too large by itself is shown as the beginning of its text.
    """
    found: list[Any] = []
    for value in values[:limit]:
        fit = value if can_be_shown(value) else _UNSHOWN
        text = orjson.dumps(fit)
        if len(text) > limit_bytes:
            if not found:
                found.append(text[: limit_bytes // 2].decode(errors="ignore") + "…")
            break
        limit_bytes -= len(text)
        found.append(fit)
    return found
