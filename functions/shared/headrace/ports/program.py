"""What a project's expressions do to one record: filter first, then transforms, each under an output name.

An engine gives `Evaluate`; everything that is not JSONata itself (truth, order, types, names) is decided here,
so that every engine and every process behaves alike.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from headrace.ports.records import Record

OutputType = Literal["string", "int", "int64", "float64", "bool", "json"]
OUTPUT_TYPES: tuple[OutputType, ...] = ("string", "int", "int64", "float64", "bool", "json")

_SHOWN_CHARACTERS = 80
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")

Evaluate = Callable[[str, Any], Any]
"""`(expression, input) -> result`, absent as None. Raises ExpressionFailed."""


class ExpressionFailed(Exception):
    """An expression broke on one record, or was stopped at a limit; the message is fit for the project's owner."""


@dataclass(frozen=True, slots=True)
class Transform:
    """Adds the value of `expression`, converted to `output_type`, to the record under `output_name` (dots nest).

    With an empty `output_name` the value takes the place of the record: that is how a sink's template works.
    """

    expression: str
    output_name: str
    output_type: OutputType


@dataclass(frozen=True, slots=True)
class Program:
    """The expressions of one pipeline, or of one sink, in the order in which they run. Hashable: a cache key."""

    filter: str | None = None
    transforms: tuple[Transform, ...] = ()

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every expression of the program, the filter first."""
        return ((self.filter,) if self.filter else ()) + tuple(each.expression for each in self.transforms)


@dataclass(slots=True)
class Outcome:
    """What a program made of one record. Without `error`, `record` is the record after the transforms.

    Not frozen: one is made for every record, and freezing doubles what that costs.
    """

    kept: bool
    record: Any
    error: str | None = None
    certain: bool = True
    """False when time or memory ended the program: another try may end otherwise."""


def apply(program: Program, record: Any, evaluate: Evaluate) -> Outcome:
    """Run `program` over `record`. A failure is an Outcome with `error` and the record as it came."""
    try:
        if program.filter:
            verdict = evaluate(program.filter, record)
            if verdict is not True and not truthy(verdict, evaluate):
                return Outcome(kept=False, record=record)
        changed = record
        for transform in program.transforms:
            value = convert(evaluate(transform.expression, changed), transform.output_type)
            name = transform.output_name
            changed = _with(changed, name.split("."), value) if name else value
    except ExpressionFailed as failure:
        return Outcome(kept=False, record=record, error=str(failure))
    return Outcome(kept=True, record=changed)


def truthy(value: Any, evaluate: Evaluate) -> bool:
    """Truth by JSONata's own rules (https://docs.jsonata.org/boolean-functions#boolean), asked of the engine."""
    if value is True or value is False or value is None:
        return bool(value)
    return evaluate("$boolean($)", value) is True


def convert(value: Any, output_type: OutputType) -> Any:
    """`value` as `output_type`; absent stays None. Raises ExpressionFailed when it would lose its meaning."""
    if value is None or output_type == "json":
        return value
    try:
        return _CONVERTERS[output_type](value)
    except (ValueError, TypeError, KeyError, OverflowError) as cause:
        raise ExpressionFailed(f"{_shown(value)} is not a value of type {output_type}") from cause


def _shown(value: Any) -> str:
    text = repr(value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _to_string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError


def _to_int(value: Any) -> int:
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError
    if not -(2**63) <= number < 2**63:
        raise OverflowError
    return number


def _to_float(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError
    return number


def _to_bool(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "false": False}[value]
    if isinstance(value, bool | int | float):
        return bool(value)
    raise TypeError


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": _to_string,
    "int": _to_int,
    "int64": _to_int,
    "float64": _to_float,
    "bool": _to_bool,
}


def _with(record: Record, path: list[str], value: Any) -> Record:
    """A copy of `record` with `value` at `path`; what is shared with the original is never changed in place."""
    head, *rest = path
    if not rest:
        return {**record, head: value}
    inner = record.get(head)
    return {**record, head: _with(inner if isinstance(inner, dict) else {}, rest, value)}
