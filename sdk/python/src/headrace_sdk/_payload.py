"""What an agent says → the bytes that are posted, checked before anything leaves the machine."""

import json
import math
from typing import Any

from ._errors import InvalidPayloadError

LIMIT_BYTES = 256 * 1024
"""The largest body that `/internal/agent-output` takes."""

_KEY_TYPES = (str, int, float, bool, type(None))
_NESTED_TOO_DEEPLY = "is nested too deeply"


def encode_payload(payload: Any) -> bytes:
    """UTF-8 JSON without spaces.

    A literal `...` becomes the text `"..."`: the agent page that this client is a drop-in for shows its
    output as `{"results": [...]}`, and agents copied from there have to run as they are.

    Raises:
        InvalidPayloadError: not JSON (with `path`), or over the limit (with `size_bytes`, `limit_bytes`).
    """
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_stand_in)
        body = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        path, reason = _locate(payload) or ("$", str(error))
        raise InvalidPayloadError(f"payload cannot be sent as JSON: {path} {reason}", path=path) from error
    if len(body) > LIMIT_BYTES:
        raise InvalidPayloadError(
            f"payload is {len(body)} bytes as JSON, the limit is {LIMIT_BYTES} bytes",
            size_bytes=len(body),
            limit_bytes=LIMIT_BYTES,
        )
    return body


def _stand_in(value: object) -> str:
    if value is ...:
        return "..."
    raise TypeError(f"is a {type(value).__qualname__}")


def _locate(payload: Any) -> tuple[str, str] | None:
    """Path of the first value that JSON cannot hold, and what is wrong with it."""
    try:
        return _fault(payload, "$", frozenset())
    except RecursionError:
        return "$", _NESTED_TOO_DEEPLY


def _fault(value: Any, path: str, ancestors: frozenset[int]) -> tuple[str, str] | None:
    if isinstance(value, str):
        return (path, "holds a lone surrogate, which UTF-8 has no bytes for") if _is_torn(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else (path, f"is {value}, which JSON does not have")
    if isinstance(value, int) or value is None or value is ...:
        return None
    if not isinstance(value, dict | list | tuple):
        return path, f"is a {type(value).__qualname__}"
    if id(value) in ancestors:
        return path, "contains itself"
    within = ancestors | {id(value)}
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    faults = (_entry_fault(value, key, item, path, within) for key, item in entries)
    return next((fault for fault in faults if fault), None)


def _entry_fault(container: Any, key: Any, item: Any, path: str, ancestors: frozenset[int]) -> tuple[str, str] | None:
    if not isinstance(container, dict):
        return _fault(item, f"{path}[{key}]", ancestors)
    if not isinstance(key, _KEY_TYPES):
        return path, f"has a key that is a {type(key).__qualname__}"
    inner = f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[{key!r}]"
    return _fault(key, inner, ancestors) or _fault(item, inner, ancestors)


def _is_torn(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
