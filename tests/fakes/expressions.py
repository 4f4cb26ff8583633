"""FakeExpressions: the Expressions port with Python functions in the place of JSONata.

The domain's own rules (`headrace.ports.program.apply`) do the rest, so filters, transforms, types and failures
behave as with a real engine. A function that raises is an expression that fails on its record:

    expressions = FakeExpressions({"severityNumber >= 17": lambda record: record["severityNumber"] >= 17})
    expressions.outage = Unavailable("no evaluator")    # `run` raises it until it is None again
    expressions.ran                                     # every program that ran, in order
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.errors import HeadraceError, InvalidExpression
from headrace.ports.program import ExpressionFailed, Outcome, Program, apply


class FakeExpressions:
    def __init__(self, functions: Mapping[str, Callable[[Any], Any]] | None = None) -> None:
        self.outage: HeadraceError | None = None
        self.ran: list[Program] = []
        self._functions = {"$boolean($)": bool, **(functions or {})}

    def check(self, expression: str) -> None:
        if expression not in self._functions:
            raise InvalidExpression(f"{expression} is not in the table of this fake", position=0, hint="add it")

    def reads(self, expression: str) -> tuple[tuple[str, ...], ...] | None:
        """A Python function may read anything."""
        return None

    def run(self, program: Program, records: Sequence[Any]) -> list[Outcome]:
        if self.outage is not None:
            raise self.outage
        self.ran.append(program)
        return [apply(program, record, self._evaluate) for record in records]

    def _evaluate(self, expression: str, value: Any) -> Any:
        function = self._functions[expression]
        try:
            return function(value)
        except Exception as failure:
            raise ExpressionFailed(f"{expression}: {failure}") from failure
