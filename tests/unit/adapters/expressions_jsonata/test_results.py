from typing import Any

import pytest
from jsonata import jsonata
from jsonata.utils import Utils

from headrace.adapters.expressions_jsonata.results import plain, shown
from headrace.ports.program import ExpressionFailed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**63, 2**63),
        (2**64, 2.0**64),
        (Utils.NULL_VALUE, None),
        (Utils.JList([1, Utils.NULL_VALUE]), [1, None]),
        (Utils.RangeList(1, 3), [1, 2, 3]),
        ({"a": Utils.JList(), "f": jsonata.Jsonata.JLambda(print)}, {"a": [], "f": None}),
        (print, None),
    ],
)
def test_results_of_engines_become_plain_json(value: Any, expected: Any) -> None:
    result = plain(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [{"a": float("-inf")}], 10**400])
def test_numbers_that_json_does_not_have_are_refused(value: Any) -> None:
    with pytest.raises(ExpressionFailed):
        plain(value)


def test_deep_result_is_refused_and_not_a_crash() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ExpressionFailed, match="nested too deeply"):
        plain(value)


def test_messages_are_one_short_line() -> None:
    assert shown("a\n b") == "a b"
    assert len(shown("x" * 10_000_000)) <= 301
