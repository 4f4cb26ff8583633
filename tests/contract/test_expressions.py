"""The contract of the Expressions port, held by both JSONata engines."""

from collections.abc import Iterator

import pytest

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from tests.contract.expressions_suite import ExpressionsContract


class TestJsonatapy(ExpressionsContract):
    @pytest.fixture(scope="class")
    @classmethod
    def expressions(cls) -> Iterator[SandboxedExpressions]:
        expressions = SandboxedExpressions("jsonatapy")
        yield expressions
        expressions.close()


class TestJsonataPython(ExpressionsContract):
    @pytest.fixture(scope="class")
    @classmethod
    def expressions(cls) -> Iterator[SandboxedExpressions]:
        expressions = SandboxedExpressions("jsonata-python")
        yield expressions
        expressions.close()
