import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ports.program import ExpressionFailed, Outcome, Program, Transform, apply, convert, truthy

RECORD = {"body": "x", "attributes": {"a": 1}}
INT64 = st.integers(-(2**63), 2**63 - 1)


def evaluate(expression, value):
    """An engine with three expressions: `= TEXT` is a constant, `.NAME` a field, `boom` fails."""
    if expression == "boom":
        raise ExpressionFailed("boom failed")
    if expression == "$boolean($)":
        return bool(value)
    if expression.startswith("."):
        return value.get(expression[1:])
    return {"= true": True, "= false": False, "= 7": 7, "= null": None, "= text": "seven", "= []": []}[expression]


def run(filter=None, *transforms):  # noqa: A002
    return apply(Program(filter, transforms), RECORD, evaluate)


def test_without_expressions_a_record_is_kept_as_it_is():
    assert run() == Outcome(kept=True, record=RECORD)


@pytest.mark.parametrize(
    ("expression", "kept"), [("= true", True), ("= 7", True), ("= false", False), ("= null", False), ("= []", False)]
)
def test_a_record_is_kept_when_the_engine_calls_the_result_true(expression, kept):
    assert run(expression) == Outcome(kept=kept, record=RECORD)


def test_an_empty_filter_is_no_filter():
    assert run("").kept
    assert Program("").expressions == ()


def test_expressions_are_listed_filter_first():
    program = Program("f", (Transform("a", "x", "int"), Transform("b", "y", "int")))
    assert program.expressions == ("f", "a", "b")


def test_transforms_see_what_came_before_them_and_the_original_stays_as_it_was():
    outcome = run(None, Transform("= 7", "n", "string"), Transform(".n", "m", "int"))
    assert outcome == Outcome(kept=True, record={**RECORD, "n": "7", "m": 7})
    assert RECORD == {"body": "x", "attributes": {"a": 1}}


def test_transforms_of_a_record_that_is_not_kept_do_not_run():
    assert run("= false", Transform("boom", "n", "int")).error is None


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("n", {"body": "x", "attributes": {"a": 1}, "n": 7}),
        ("body", {"body": 7, "attributes": {"a": 1}}),
        ("attributes.b", {"body": "x", "attributes": {"a": 1, "b": 7}}),
        ("attributes.a", {"body": "x", "attributes": {"a": 7}}),
        ("attributes.a.b", {"body": "x", "attributes": {"a": {"b": 7}}}),
        ("new.deep.down", {"body": "x", "attributes": {"a": 1}, "new": {"deep": {"down": 7}}}),
    ],
)
def test_a_dotted_output_name_nests_and_keeps_its_neighbours(name, record):
    assert run(None, Transform("= 7", name, "int")).record == record
    assert RECORD == {"body": "x", "attributes": {"a": 1}}


def test_an_empty_output_name_replaces_the_record():
    assert run(None, Transform("= text", "", "json")).record == "seven"


def test_an_absent_result_is_null_of_every_type():
    assert run(None, Transform("= null", "n", "int")).record["n"] is None


@pytest.mark.parametrize(
    "expressions",
    [
        ("boom",),
        ("= true", Transform("boom", "n", "int")),
        (None, Transform("= 7", "n", "int"), Transform("boom", "m", "int")),
        (None, Transform("= text", "n", "int")),
    ],
)
def test_a_failure_anywhere_gives_back_the_record_as_it_came_with_the_reason(expressions):
    outcome = run(*expressions)
    assert (outcome.kept, outcome.record) == (False, RECORD)
    assert outcome.error in ("boom failed", "'seven' is not a value of type int")


def test_truth_of_other_values_is_asked_of_the_engine():
    asked = []
    assert truthy([0], lambda *call: asked.append(call) or False) is False
    assert asked == [("$boolean($)", [0])]
    assert truthy("x", lambda *_: None) is False


CONVERSIONS = {
    "string": [
        ("", ""), ("text", "text"), (7, "7"), (-7, "-7"), (1.5, "1.5"), (2.0, "2"), (-0.0, "0"), (True, "true"),
        (False, "false"), (2**70, str(2**70)),
    ],
    "int": [
        (7, 7), (7.0, 7), ("7", 7), ("-7", -7), (True, 1), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)),
        (str(2**63 - 1), 2**63 - 1),
    ],
    "float64": [(7, 7.0), (1.5, 1.5), ("1.5", 1.5), ("1e3", 1000.0), (True, 1.0)],
    "bool": [(True, True), (False, False), ("true", True), ("false", False), (0, False), (1, True), (0.5, True)],
    "json": [([1, {"a": None}], [1, {"a": None}]), ("x", "x"), (1.5, 1.5)],
}  # fmt: skip
CONVERSIONS["int64"] = CONVERSIONS["int"]

REFUSED = {
    "string": [[], {}, ["x"], {"a": 1}],
    "int": [1.5, "1.5", "seven", "", [], {}, 2**63, -(2**63) - 1, 1e300, math.inf, math.nan],
    "int64": [1.5, "x", 2**63],
    "float64": ["", "x", [], {}, math.inf, math.nan, "inf", "NaN", 10**400],
    "bool": ["", "True", "yes", "1", [], {}],
}


@pytest.mark.parametrize(
    ("kind", "value", "converted"), [(kind, *pair) for kind, pairs in CONVERSIONS.items() for pair in pairs]
)
def test_a_value_keeps_its_meaning_under_its_output_type(kind, value, converted):
    found = convert(value, kind)
    assert (found, type(found)) == (converted, type(converted))


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in REFUSED.items() for value in values])
def test_a_value_that_would_lose_its_meaning_is_a_failure(kind, value):
    with pytest.raises(ExpressionFailed, match=f"is not a value of type {kind}$"):
        convert(value, kind)


def test_a_long_value_is_shortened_in_the_reason():
    with pytest.raises(ExpressionFailed) as caught:
        convert("x" * 10_000, "int")
    assert len(str(caught.value)) < 130


@given(INT64)
def test_every_64_bit_integer_survives_as_text_and_back(number):
    assert convert(convert(number, "string"), "int64") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_as_text_and_back(number):
    assert convert(convert(number, "string"), "float64") == number
