import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from headrace.adapters.expressions_jsonata.call import SandboxedCall
from headrace.adapters.expressions_jsonata.engine_jsonatapy import JsonatapyEngine
from headrace.adapters.expressions_jsonata.pool import WorkerPool
from headrace.adapters.expressions_jsonata.sandbox import SandboxedExpressions
from headrace.adapters.expressions_jsonata.tame import TOUCHED_BYTES, UNRESOLVED, analyse, resolve
from headrace.ports.program import ExpressionFailed, Outcome, Program, Transform

ACCEPTED = {
    "severityNumber >= 17": [("severityNumber",)],
    'severityText = "ERROR" and body != "x" or n < 3': [("severityText",), ("body",), ("n",)],
    "resourceAttributes.`service.name` = 'a'": [("resourceAttributes", "service.name")],
    'attributes."error type"': [("attributes", "error type")],
    '"attributes".x': [("attributes", "x")],
    '"attributes"': [],
    "a.b.c & a.b.c": [("a", "b", "c")] * 2,
    "a in [1, -2, 'x', true, null]": [("a",)],
    "'x' in tags": [("tags",)],
    "a in b": [("a",), ("b",)],
    "(a + 1) * -b / 2 % 3": [("a",), ("b",)],
    "a ? b : c ? d : e": [("a",), ("b",), ("c",), ("d",), ("e",)],
    "a ?? 'none'": [("a",)],
    "a ?: 0": [("a",)],
    "$": [()],
    "$.a.b": [("a", "b")],
    "$string($)": [()],
    "$contains(body, 'x')": [("body",)],
    "$not($exists(a.b))": [("a", "b")],
    "$substring(body, 0, $length(body) - 1)": [("body",), ("body",)],
    "$sum(a.values) > 3": [("a", "values")],
    "(a).b": [("a",)],
    "$lowercase(a).b": [("a",)],
    "null = a": [("a",)],
    "and = 1": [("and",)],
    "-1": [],
}

REFUSED = [
    "",
    "   ",
    "a ? b",
    "$x",
    "$$",
    "$$.a",
    "$x := 1",
    "($x := 1; $x)",
    "function($x) { $x }",
    "λ($x) { $x }",
    "{'a': 1}",
    "a{b: c}",
    "[1..10]",
    "[1, 2]",
    "a in [1..10]",
    "a in [b]",
    "a in [[1]]",
    "a in [1][0]",
    "a[0]",
    "a[b = 1]",
    "a[]",
    "*",
    "a.*",
    "**",
    "a.**",
    "a.%.b",
    "% + 1",
    "a.(b)",
    "a.$string()",
    "a.$",
    "a^(b)",
    "a#$i",
    "a@$v",
    "a ~> $string",
    "a ~> |b|{}|",
    "/x/",
    "$contains(a, /x/)",
    "$contains(a)",
    "$contains(?, 'a')",
    "$contains(a, 'b', 'c')",
    "$string()",
    "$string(a, true)",
    "$string",
    "$string = 1",
    "$now()",
    "$millis()",
    "$eval('1')",
    "$pad(a, 10)",
    "$join(a, b)",
    "$replace(a, 'x', b)",
    "$split(a, '')",
    "$map(a, $string)",
    "$sort(a)",
    "$base64encode(a)",
    "$formatNumber(a, b)",
    "$power(2, a)",
    "$error('x')",
    "$keys($)",
    "foo(a)",
    "a(b)",
    "a b",
    "a.",
    "a..b",
    "a.1",
    "1.a",
    "null.a",
    "'a\\u0062'.c",
    "a, b",
    "(a, b)",
    "(a; b)",
    "a : b",
    "(a",
    "a)",
    "a = ",
    "= a",
    "a == b",
    "a && b",
    "!a",
    "/* comment */ a",
    "a /* comment",
    "'open",
    "`open",
    "a = \u00a0b",
    "a\x00",
    "(" * 40 + "a" + ")" * 40,
    " or ".join(["a"] * 300),
    "a" * 9000,
]


@pytest.mark.parametrize("expression", ACCEPTED)
def test_accepted_expression_says_what_it_reads(expression: str) -> None:
    tame = analyse(expression)
    assert tame is not None
    assert list(tame.paths) == ACCEPTED[expression]


@pytest.mark.parametrize("expression", REFUSED)
def test_everything_else_is_refused(expression: str) -> None:
    assert analyse(expression) is None


@pytest.mark.parametrize(
    ("expression", "path"),
    [("a", ("a",)), ("a.`b c`.d", ("a", "b c", "d")), ("$.a", ("a",)), ("'a'.b", ("a", "b")), ("$", None)],
)
def test_plain_path_is_recognised(expression: str, path: tuple[str, ...] | None) -> None:
    tame = analyse(expression)
    assert tame is not None
    assert tame.path == path


@pytest.mark.parametrize("expression", ["a + 1", "-a", "(a)", "a & ''", "'a'", "1", "true", "$not(a)"])
def test_what_computes_is_no_plain_path(expression: str) -> None:
    tame = analyse(expression)
    assert tame is not None
    assert tame.path is None


VALUES: list[Any] = [None, True, 0, 1.5, 2**60 + 1, "x", "", [], [5], [[1]], {}, {"b": 1}, {"b": [1, 2]}, {"b": {}}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("expression", ["a", "a.b", "a.b.c"])
def test_plain_path_resolves_as_the_engine_does(expression: str, value: Any) -> None:
    tame = analyse(expression)
    assert tame is not None
    assert tame.path is not None
    resolved = resolve(tame.path, {"a": value})
    by_engine = JsonatapyEngine(1000).evaluate(expression, {"a": value})
    if resolved is not UNRESOLVED:
        assert resolved == by_engine or by_engine == float(resolved)


def test_reading_is_counted_for_each_mention_and_through_arrays() -> None:
    record = {"s": "x" * 1000, "n": 17, "list": [{"a": 1, "b": "y" * 100}] * 10, "o": {"in": "z" * 10}}
    sizes = {"n > 1": 0, "s = s": 2000, "list.a": 1150, "o.in": 10, "o": 19, "missing.x": 0, "$.o.in": 10}
    for expression, size in sizes.items():
        tame = analyse(expression)
        assert tame is not None
        assert abs(tame.touched_bytes(record) - size) <= 30


# --- the same answer here and in a worker ----------------------------------------------------------------------

TOKENS = st.sampled_from(
    [
        "a",
        "b",
        "n",
        "s",
        "o",
        "list",
        "missing",
        "`q",
        "r`",
        '"a"',
        "'x'",
        '""',
        "0",
        "1",
        "17",
        "1.5",
        "-2",
        "true",
        "false",
        "null",
        "$",
        ".",
        ".",
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "&",
        "and",
        "or",
        "in",
        "?",
        ":",
        "??",
        "?:",
        "(",
        ")",
        "(",
        ")",
        ",",
        "[",
        "]",
        "$exists(",
        "$not(",
        "$boolean(",
        "$string(",
        "$number(",
        "$length(",
        "$contains(",
        "$substring(",
        "$lowercase(",
        "$uppercase(",
        "$trim(",
        "$substringBefore(",
        "$substringAfter(",
        "$count(",
        "$sum(",
        "$max(",
        "$min(",
        "$average(",
        "$abs(",
        "$floor(",
        "$ceil(",
        "$round(",
        "$type(",
    ]
)


def expressions() -> st.SearchStrategy[str]:
    path = st.sampled_from(
        ["a", "b", "n", "s", "o", "o.s", "o.n", "list", "list.n", "missing", "o.deep.x", "`q r`", "$"]
    )
    literal = st.sampled_from(["0", "1", "17", "2.5", '"x"', "''", "'Connection'", "true", "false", "null", "-3"])

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        infix = st.sampled_from(
            ["=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&", "and", "or", "in", "??", "?:"]
        )
        one = st.sampled_from(
            [
                "exists",
                "not",
                "boolean",
                "string",
                "number",
                "length",
                "lowercase",
                "uppercase",
                "trim",
                "count",
                "sum",
                "max",
                "min",
                "average",
                "abs",
                "floor",
                "ceil",
                "round",
                "type",
            ]
        )
        two = st.sampled_from(["contains", "substringBefore", "substringAfter", "substring"])
        return st.one_of(
            st.builds("({} {} {})".format, inner, infix, inner),
            st.builds("{} {} {}".format, inner, infix, inner),
            st.builds("({} ? {} : {})".format, inner, inner, inner),
            st.builds("${}({})".format, one, inner),
            st.builds("${}({}, {})".format, two, inner, inner),
            st.builds("{} in [1, 'x', null]".format, inner),
            st.builds("-{}".format, inner),
        )

    return st.recursive(path | literal, larger, max_leaves=8)


def records() -> st.SearchStrategy[dict[str, Any]]:
    scalar = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8).filter(lambda text: text.isprintable()),
        st.sampled_from(["Connection refused", "x", "12", "1e3"]),
    )
    value = st.recursive(
        scalar,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("snxd"), inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(st.sampled_from(["a", "b", "n", "s", "o", "list", "q r"]), value, max_size=6)


@pytest.fixture(scope="module")
def here() -> Any:
    expressions = SandboxedExpressions("jsonatapy")
    yield expressions
    assert expressions.worker_pids == []  # nothing of it was evaluated elsewhere
    expressions.close()


@pytest.fixture(scope="module")
def workers() -> Any:
    pool = WorkerPool("jsonatapy", 1)
    yield pool
    pool.close()


def assert_same(here: SandboxedExpressions, workers: WorkerPool, expression: str, record: dict[str, Any]) -> None:
    for program in (Program(expression), Program(None, (Transform(expression, "o.result", "json"),))):
        (one,), (other,) = here.run(program, [record]), SandboxedCall(workers, program, [record]).outcomes()
        assert comparable(one) == comparable(other)


def comparable(outcome: Outcome) -> tuple[bool, str | None, str]:
    return outcome.kept, outcome.error, repr(outcome.record)


@settings(max_examples=150, deadline=None)
@given(expression=expressions(), record=records())
def test_tame_expression_gives_the_same_answer_here_and_in_a_worker(
    here: SandboxedExpressions, workers: WorkerPool, expression: str, record: dict[str, Any]
) -> None:
    assert analyse(expression) is not None
    assert_same(here, workers, expression, record)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(tokens=st.lists(TOKENS, max_size=12), record=records())
def test_whatever_tokens_pass_give_the_same_answer_here_and_in_a_worker(
    here: SandboxedExpressions, workers: WorkerPool, tokens: list[str], record: dict[str, Any]
) -> None:
    expression = " ".join(tokens)
    assume(analyse(expression) is not None)
    assert_same(here, workers, expression, record)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40))
def test_no_text_breaks_the_analysis(text: str) -> None:
    analyse(text)


# --- what tame costs -------------------------------------------------------------------------------------------

LARGE: dict[str, Any] = {
    "s": "x" * 200_000,
    "list": list(range(30_000)),
    "objects": [{"n": number, "s": "abc"} for number in range(8_000)],
    "texts": ["abcdefgh"] * 15_000,
    "deep": {"list": [[[1] * 100] * 100] * 9},
}


@pytest.mark.parametrize(
    "expression",
    [
        "s = s",
        "s & s & s & s & s",
        "s in texts",
        "list in list",
        "texts in texts",
        "list = list",
        "objects = objects",
        "objects.n = objects.n",
        "objects.s & objects.s",
        "$string(objects)",
        "$sum(list) + $max(list) + $average(list)",
        "$count(objects.s)",
        "$uppercase(s) & $lowercase(s)",
        "$contains(s, $substring(s, 1) & 'y')",
        "$substringBefore(s, $substring(s, 1) & 'y')",
        "$trim(s)",
        "$length($string(texts))",
        "$number(s)",
        "deep.list & ''",
        "$string($string($string($string(texts))))",
    ],
)
def test_tame_expression_over_much_data_is_cheap(expression: str) -> None:
    tame = analyse(expression)
    assert tame is not None
    assert tame.touched_bytes(LARGE) <= TOUCHED_BYTES
    engine = JsonatapyEngine(60_000)
    start = time.process_time()
    with suppress(ExpressionFailed):  # of a wrong type, but after reading it all
        engine.evaluate(expression, LARGE)
    assert time.process_time() - start < 0.25


def test_record_too_large_to_read_here_goes_to_a_worker() -> None:
    expressions = SandboxedExpressions("jsonatapy")
    small, large = {"s": "x"}, {"s": "x" * (TOUCHED_BYTES // 2 + 1)}
    outcomes = expressions.run(Program("s = s"), [small, large, small])
    assert [each.kept for each in outcomes] == [True, True, True]
    assert len(expressions.worker_pids) == 1
    expressions.close()


def test_transforms_that_double_each_other_end_at_a_limit() -> None:
    doubling = tuple(Transform("s & s", "s", "string") for _ in range(50))
    expressions = SandboxedExpressions("jsonatapy")
    (outcome,) = expressions.run(Program(None, doubling), [{"s": "x" * 1000}])
    assert outcome.error is not None
    assert outcome.record == {"s": "x" * 1000}
    expressions.close()
