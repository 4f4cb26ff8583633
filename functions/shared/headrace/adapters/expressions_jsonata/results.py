"""What may leave an engine: JSON, in Python's own types, and errors short enough to show."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from headrace.adapters.expressions_jsonata.limits import MESSAGE_CHARACTERS
from headrace.ports.program import ExpressionFailed


class TookTooLong(ExpressionFailed):
    """Stopped by the engine itself, by its clock."""


class EnginePanicked(ExpressionFailed):
    """The engine broke inside: its state in this process is unknown from here on."""


_AS_THEY_ARE = (str, bool, type(None))


def plain(value: Any) -> Any:
    """`value` in plain dict, list, str, int, float, bool and None.

    A function, a pattern and an engine's own null become None, as absent values do. Whole numbers that 64 bits do
    not hold become floats, which is what JSONata's numbers are.

    Raises:
        ExpressionFailed: a number that JSON does not have, or nesting that no decoder would take.
    """
    try:
        return _plain(value)
    except RecursionError:
        raise ExpressionFailed("the result is nested too deeply") from None


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in _items(value)]
    return _number(value) if isinstance(value, int | float) else None


def _items(value: list[Any]) -> Iterator[Any]:
    # By index: the lazy ranges of jsonata-python leave out their last item when they are iterated.
    return (value[index] for index in range(len(value)))


def _number(value: float) -> float:
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _number(_float(value))
    if not isfinite(value):
        raise ExpressionFailed(f"the result is not a number that JSON has: {value}")
    return value


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ExpressionFailed("the result is out of range") from None


def shown(message: object) -> str:
    """An error's text, cut to what a person reads; one line."""
    text = " ".join(str(message)[: 4 * MESSAGE_CHARACTERS].split())
    return text if len(text) <= MESSAGE_CHARACTERS else text[:MESSAGE_CHARACTERS] + "…"
