"""Attribute values as what a field needs, whatever type they came in."""

from typing import Any

import orjson

LIMIT_CHARACTERS = 8192
"""Of one text that is kept; longer ones are cut and say so."""


def text(value: Any) -> str:
    """`value` as text: numbers as they are written, lists and maps as JSON, nothing as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        return str(type(value).__name__)


def bounded(whole: str) -> str:
    """`whole`, or its beginning and how long it was. Texts of different lengths stay different."""
    if len(whole) <= LIMIT_CHARACTERS:
        return whole
    return f"{whole[:LIMIT_CHARACTERS]}… [cut: {len(whole)} characters]"


def count(value: Any, key: str, oddities: list[str]) -> int | None:
    """`value` as a number of tokens; None, and an oddity, when it is none."""
    if type(value) is int and value >= 0:
        return value
    found = _number(value)
    if found is None or found < 0 or found > _MOST:
        oddities.append(f"{key} is not a count: {bounded(text(value))[:60]}")
        return None
    if isinstance(value, str):
        oddities.append(f"{key} came as text")
    return int(found)


def amount(value: Any, key: str, oddities: list[str]) -> float | None:
    """`value` as an amount of money."""
    found = _number(value)
    if found is None or not 0 <= found < _MOST:
        oddities.append(f"{key} is not an amount: {bounded(text(value))[:60]}")
        return None
    return float(found)


_MOST = 10**15


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if found == found else None


def json_object(value: Any) -> dict[str, Any]:
    """`value` if it is a map, or JSON text of one; otherwise an empty one."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = orjson.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def json_list(value: Any) -> list[Any]:
    """`value` if it is a list, or JSON text of one; otherwise an empty one."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = orjson.loads(value)
        except ValueError:
            return []
    return value if isinstance(value, list) else []
