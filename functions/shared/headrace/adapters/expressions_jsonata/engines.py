"""Chooses an engine, and puts around it what is the same for both."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

from headrace.adapters.expressions_jsonata.lexer import Token, lex
from headrace.adapters.expressions_jsonata.limits import SOFT_CPU_MS
from headrace.adapters.expressions_jsonata.tame import UNRESOLVED, analyse, resolve
from headrace.errors import InvalidExpression
from headrace.ports.program import ExpressionFailed

EngineName = Literal["jsonatapy", "jsonata-python"]


class Engine(Protocol):
    """Compiles and evaluates one expression over one JSON value."""

    def compile(self, expression: str) -> None:
        """Parse `expression`. Raises InvalidExpression."""
        ...

    def evaluate(self, expression: str, value: Any) -> Any:
        """The result in plain JSON types, absent as None. Raises ExpressionFailed, MemoryError."""
        ...


def available(wanted: EngineName) -> EngineName:
    """`wanted`, or the pure fallback where jsonatapy has no build for this platform."""
    if wanted == "jsonatapy":
        try:
            import jsonatapy  # noqa: F401  # whether it loads is the question
        except ImportError:
            return "jsonata-python"
    return wanted


def load(name: EngineName, is_time_spent: Callable[[], bool]) -> Engine:
    """The engine as a worker uses it, with its soft limits. Imports the one that is asked for, and no other."""
    if name == "jsonata-python":
        from headrace.adapters.expressions_jsonata.engine_jsonata_python import JsonataPythonEngine

        return JsonataPythonEngine()
    from headrace.adapters.expressions_jsonata.engine_jsonatapy import JsonatapyEngine

    return JsonatapyEngine(SOFT_CPU_MS, is_time_spent)


def evaluate_exactly(engine: Engine, expression: str, value: Any) -> Any:
    """As `engine.evaluate`, but a plain path gives the very value that the record holds."""
    tame = analyse(expression)
    if tame is not None and tame.path is not None:
        result = resolve(tame.path, value)
        if result is not UNRESOLVED:
            return result
    return engine.evaluate(expression, value)


def compile_with_position(engine: Engine, expression: str) -> None:
    """Parse `expression` and its patterns; where that fails without a position, ask the other engine for one.

    Raises:
        InvalidExpression: as `engine` decides, in the words of the engine that knows the position.
    """
    try:
        engine.compile(expression)
    except InvalidExpression as failure:
        if failure.position is None:
            load("jsonata-python", lambda: True).compile(expression)
        raise
    for token in lex(expression):
        if token.kind == "unknown" and token.text.startswith("/"):
            text = "S0302: No terminating / in regular expression (brackets inside it have to match, or \\ before them)"
            raise InvalidExpression(text, position=token.end)
        if token.kind == "regex":  # jsonatapy compiles a pattern when it is first used
            _try_pattern(engine, token)


def _try_pattern(engine: Engine, pattern: Token) -> None:
    try:
        engine.evaluate(f'$contains("", {pattern.text})', None)
    except ExpressionFailed as failure:
        raise InvalidExpression(str(failure), position=pattern.end) from failure
