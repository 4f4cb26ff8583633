"""jsonatapy (Rust): 0.3 µs an evaluation, passes the official suite. The engine of choice.

Three traps. A compiled expression belongs to the thread that compiled it and panics in any other, so each thread
keeps its own; use this engine on one lasting thread only (`engine_thread` says why). A panic reaches Python as a
BaseException. Numbers are doubles: integers over 2^53 that go through the engine are rounded, and those over 2^63
are refused by its conversion.
"""

import random
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonatapy

from headrace.adapters.expressions_jsonata.limits import COMPILED_EXPRESSIONS, SEQUENCE_LENGTH, STACK_DEPTH
from headrace.adapters.expressions_jsonata.results import EnginePanicked, TookTooLong, plain, shown
from headrace.errors import InvalidExpression
from headrace.ports.program import ExpressionFailed

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
            _compiled(expression, self._timeout_ms)
        except (InvalidExpression, MemoryError):
            raise
        except BaseException as cause:
            _reraise_unless_panic(cause)
            raise InvalidExpression("the expression breaks the parser") from cause

    def quick(self, expression: str) -> Callable[[Any], Any] | None:
        """The bare engine's evaluation, for this thread only: raises anything, and what it gives may not be plain.

        None for an expression that does not compile.
        """
        try:
            compiled = _compiled(expression, self._timeout_ms)
        except InvalidExpression:
            return None
        # What the wrapper would call with the same defaults: going through it costs a third more for each record.
        evaluate: Callable[[Any], Any] = getattr(compiled, "_expr", compiled).evaluate
        return evaluate

    def evaluate(self, expression: str, value: Any) -> Any:
        """The result in plain JSON types, absent as None.

        Raises:
            ExpressionFailed: with the engine's code and text; TookTooLong, EnginePanicked.
            MemoryError: at the process's limit.
        """
        try:
            result = _compiled(expression, self._timeout_ms).evaluate(value)
        except BaseException as cause:  # noqa: BLE001  # all but panics and its own are raised again
            failure = _failure(cause)
        else:
            return result if result is True or result is False or result is None else plain(result)
        return self._second_try(expression, value, failure)

    def _second_try(self, expression: str, value: Any, failure: ExpressionFailed) -> Any:
        if isinstance(failure, _OutOfRange):
            return plain(_evaluate(expression, _in_double_range(value), self._timeout_ms))
        if isinstance(failure, TookTooLong) and not self._is_time_spent():
            return plain(_evaluate(expression, value, _PATIENT_MS))
        raise failure


class _OutOfRange(ExpressionFailed):
    """The value holds an integer that the engine's conversion does not take."""


def _evaluate(expression: str, value: Any, timeout_ms: int) -> Any:
    try:
        return _compiled(expression, timeout_ms).evaluate(value)
    except BaseException as cause:  # noqa: BLE001  # as above
        failure = _failure(cause)
    raise failure


def _failure(cause: BaseException) -> ExpressionFailed:
    """What to raise for the engine's `cause`, and outside its handler: the cause must not live on in a chain.

    Its traceback holds the compiled expression, which may only be dropped by its own thread.
    """
    if isinstance(cause, InvalidExpression | ValueError | TypeError | RecursionError):
        if "OverflowError: " in str(cause):
            return _OutOfRange("a number of the record is out of range")
        text = shown(_readable(str(cause)))
        return TookTooLong(text) if text.startswith("D1012") else ExpressionFailed(text)
    _reraise_unless_panic(cause)
    return EnginePanicked("the expression breaks the engine")


_thread = threading.local()  # never replaced: dropping it would drop other threads' expressions in this one


def _compiled(expression: str, timeout_ms: int) -> jsonatapy.JsonataExpression:
    try:
        compile_once = _thread.compile_once
    except AttributeError:
        compile_once = _thread.compile_once = lru_cache(maxsize=COMPILED_EXPRESSIONS)(_compile)
    return compile_once(expression, timeout_ms)  # type: ignore[no-any-return]


def _compile(expression: str, timeout_ms: int) -> jsonatapy.JsonataExpression:
    try:
        compiled = jsonatapy.compile(
            expression, timeout=timeout_ms, max_stack_depth=STACK_DEPTH, max_sequence_length=SEQUENCE_LENGTH
        )
    except ValueError as cause:
        raise InvalidExpression(shown(_readable(str(cause)))) from cause
    if "random" in expression:  # reserved as a built-in, but missing in 2.2.13
        compiled.register_override("random", random.random)
    if "eval" in expression:
        compiled.register_override("eval", _refuse_eval)
    return compiled


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
