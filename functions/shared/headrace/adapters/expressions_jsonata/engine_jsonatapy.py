"""jsonatapy (Rust): 0.3 µs an evaluation, passes the official suite. The engine of choice.

Three traps. A compiled expression belongs to the thread that compiled it and panics in any other, so each thread
keeps its own. A panic reaches Python as a BaseException. Numbers are doubles: integers over 2^53 that go
through the engine are rounded, and those over 2^63 are refused by its conversion.
"""

import random
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonatapy

from headrace.adapters.expressions_jsonata.limits import COMPILED_EXPRESSIONS, SEQUENCE_LENGTH, STACK_DEPTH
from headrace.adapters.expressions_jsonata.results import EnginePanicked, TookTooLong, plain, shown
from headrace.domain.errors import InvalidExpression
from headrace.domain.program import ExpressionFailed

_PATIENT_MS = 60_000


class JsonatapyEngine:
    """Evaluates one expression over one JSON value. Usable from any thread.

    The engine's `timeout_ms` is wall clock. When it strikes and `is_time_spent` says that little processor time was
    used, so that the machine was busy and not the expression, the evaluation is repeated with patience.
    """

    def __init__(self, timeout_ms: int, is_time_spent: Callable[[], bool] = lambda: True) -> None:
        self._timeout_ms = timeout_ms
        self._is_time_spent = is_time_spent

    def compile(self, expression: str) -> None:
        """Parse `expression`. Raises InvalidExpression; the engine knows no positions."""
        try:
            _compiled(expression)
        except (InvalidExpression, MemoryError):
            raise
        except BaseException as cause:
            _reraise_unless_panic(cause)
            raise InvalidExpression("the expression breaks the parser") from cause

    def evaluate(self, expression: str, value: Any) -> Any:
        """The result in plain JSON types, absent as None.

        Raises:
            ExpressionFailed: with the engine's code and text; TookTooLong, EnginePanicked.
            MemoryError: at the process's limit.
        """
        try:
            return self._evaluate(expression, value, self._timeout_ms)
        except TookTooLong:
            if self._is_time_spent():
                raise
            return self._evaluate(expression, value, _PATIENT_MS)

    def _evaluate(self, expression: str, value: Any, timeout_ms: int) -> Any:
        try:
            return _run(_compiled(expression), value, timeout_ms)
        except (ExpressionFailed, MemoryError):
            raise
        except (InvalidExpression, ValueError, TypeError, RecursionError) as cause:
            text = shown(_readable(str(cause)))
            raise (TookTooLong(text) if text.startswith("D1012") else ExpressionFailed(text)) from cause
        except BaseException as cause:
            _reraise_unless_panic(cause)
            raise EnginePanicked("the expression breaks the engine") from cause


_thread = threading.local()  # never replaced: dropping it would drop other threads' expressions in this one


def _compiled(expression: str) -> jsonatapy.JsonataExpression:
    try:
        compile_once = _thread.compile_once
    except AttributeError:
        compile_once = _thread.compile_once = lru_cache(maxsize=COMPILED_EXPRESSIONS)(_compile)
    return compile_once(expression)  # type: ignore[no-any-return]


def _compile(expression: str) -> jsonatapy.JsonataExpression:
    try:
        compiled = jsonatapy.compile(expression)
    except ValueError as cause:
        raise InvalidExpression(shown(_readable(str(cause)))) from cause
    if "random" in expression:  # reserved as a built-in, but missing in 2.2.13
        compiled.register_override("random", random.random)
    if "eval" in expression:
        compiled.register_override("eval", _refuse_eval)
    return compiled


def _run(compiled: jsonatapy.JsonataExpression, value: Any, timeout_ms: int) -> Any:
    limits = {"timeout": timeout_ms, "max_stack_depth": STACK_DEPTH, "max_sequence_length": SEQUENCE_LENGTH}
    try:
        return plain(compiled.evaluate(value, **limits))
    except TypeError as cause:
        if "OverflowError" not in str(cause):
            raise
        return plain(compiled.evaluate(_in_double_range(value), **limits))


def _refuse_eval(*_arguments: Any) -> None:
    raise ValueError("$eval is not offered: write the expression out")


def _readable(message: str) -> str:
    for noise in (
        "Parse error: ",
        "Invalid syntax: ",
        "Invalid number: ",
        "host function raised ValueError: ",
    ):
        message = message.removeprefix(noise)
    return message


def _reraise_unless_panic(cause: BaseException) -> None:
    if type(cause).__name__ != "PanicException":
        raise cause


def _in_double_range(value: Any) -> Any:
    """`value` with the integers that the engine's conversion refuses as the doubles JSONata takes them for."""
    if isinstance(value, dict):
        return {name: _in_double_range(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_double_range(item) for item in value]
    return float(value) if type(value) is int and not -(2**63) <= value < 2**63 else value
