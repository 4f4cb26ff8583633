"""What every implementation of the Expressions port does; inherited by one small class for each."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headrace.errors import InvalidExpression
from headrace.ports.expressions import Expressions
from headrace.ports.program import Program, Transform
from headrace.ports.records import Record

# Not tame, so that they leave this process wherever that is how an implementation protects itself.
ENDLESS = "($f := function() { $f() }; $f())"
HUGE = '$length($pad("a", 2000000000)) > 0'


def log_record(**fields: Any) -> Record:
    return {
        "resourceAttributes": {"service.name": "payment-service"},
        "scope": {"name": "my-library"},
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": "Connection refused",
        "attributes": {"error.type": "ConnectionError", "retries": [1, 2, 3]},
        "traceId": "0" * 32,
        "spanId": "0" * 16,
        "timestamp": "2024-01-15T10:30:00Z",
        **fields,
    }


class ExpressionsContract:
    """Subclasses give the fixture `expressions`."""

    @pytest.fixture
    def expressions(self) -> Expressions:
        raise NotImplementedError

    # --- filters -------------------------------------------------------------------------------------------

    def test_filter_keeps_what_is_truthy_and_leaves_records_untouched(self, expressions: Expressions) -> None:
        records = [log_record(), log_record(severityNumber=9)]
        kept, dropped = expressions.run(Program("severityNumber >= 17"), records)
        assert (kept.kept, kept.error, kept.record) == (True, None, log_record())
        assert (dropped.kept, dropped.error) == (False, None)
        assert records == [log_record(), log_record(severityNumber=9)]

    def test_program_without_expressions_keeps_everything(self, expressions: Expressions) -> None:
        assert [each.kept for each in expressions.run(Program(), [log_record(), {}])] == [True, True]

    @pytest.mark.parametrize("expression", ["body", '{"text": body & "!"}', "$uppercase(body)", "missing"])
    def test_without_an_output_name_the_result_takes_the_records_place(
        self, expressions: Expressions, expression: str
    ) -> None:
        wanted = {
            "body": "x",
            '{"text": body & "!"}': {"text": "x!"},
            "$uppercase(body)": "X",
            "missing": None,
        }
        (outcome,) = expressions.run(Program(None, (Transform(expression, "", "json"),)), [{"body": "x"}])
        assert (outcome.kept, outcome.record, outcome.error) == (True, wanted[expression], None)

    @pytest.mark.parametrize("record", ["text", 5, [1, {"a": 2}]])
    def test_any_json_value_can_be_a_record(self, expressions: Expressions, record: object) -> None:
        (outcome,) = expressions.run(Program("$exists($) or true", (Transform("[$]", "", "json"),)), [record])
        assert (outcome.kept, outcome.record) == (True, [record] if not isinstance(record, list) else record)

    def test_no_records_give_no_outcomes(self, expressions: Expressions) -> None:
        assert expressions.run(Program(ENDLESS), []) == []

    @pytest.mark.parametrize(
        ("expression", "kept"),
        [
            ("attributes.`error.type`", True),
            ("attributes.missing", False),
            ("severityNumber", True),
            ("severityNumber - 17", False),
            ('""', False),
            ('"false"', True),
            ("[]", False),
            ("[0]", False),
            ("[0, 1]", True),
            ("{}", False),
            ("attributes", True),
            ("null", False),
            ("function($x) { $x }", False),
            ("$match(body, /refused/)", True),
            ("$match(body, /accepted/)", False),
        ],
    )
    def test_truth_is_as_jsonata_defines_it(self, expressions: Expressions, expression: str, kept: bool) -> None:
        outcome = expressions.run(Program(expression), [log_record()])[0]
        assert (outcome.kept, outcome.error) == (kept, None)

    # --- transforms ----------------------------------------------------------------------------------------

    def test_transforms_run_in_order_and_see_what_came_before(self, expressions: Expressions) -> None:
        transforms = (
            Transform("$uppercase(body)", "shout", "string"),
            Transform("$replace(shout, /REFUSED/, 'RESET')", "shout", "string"),
            Transform("$length(shout)", "shout_length", "int"),
        )
        outcome = expressions.run(Program("severityNumber > 1", transforms), [log_record()])[0]
        assert outcome.record == log_record(shout="CONNECTION RESET", shout_length=16)

    def test_dotted_name_nests_and_keeps_its_neighbours(self, expressions: Expressions) -> None:
        transforms = (Transform("$split(body, / /)[0]", "attributes.first.word", "string"),)
        outcome = expressions.run(Program(None, transforms), [log_record()])[0]
        assert outcome.record["attributes"] == {
            "error.type": "ConnectionError",
            "retries": [1, 2, 3],
            "first": {"word": "Connection"},
        }

    def test_transforms_are_not_tried_on_a_record_that_the_filter_drops(self, expressions: Expressions) -> None:
        program = Program("false", (Transform("$error('tried')", "x", "json"),))
        assert expressions.run(program, [log_record()])[0].error is None

    @pytest.mark.parametrize(
        ("expression", "output_type", "value"),
        [
            ("severityNumber", "string", "17"),
            ("severityNumber / 2", "string", "8.5"),
            ("severityNumber > 1", "string", "true"),
            ('"42"', "int", 42),
            ("severityNumber", "int64", 17),
            ('"1.5"', "float64", 1.5),
            ("severityNumber", "float64", 17.0),
            ('"true"', "bool", True),
            ("severityNumber", "bool", True),
            ("attributes.retries", "json", [1, 2, 3]),
            ("{'a': [1, null], 'b': {}}", "json", {"a": [1, None], "b": {}}),
            ("attributes.missing", "string", None),
        ],
    )
    def test_result_becomes_the_output_type(
        self, expressions: Expressions, expression: str, output_type: Any, value: Any
    ) -> None:
        outcome = expressions.run(Program(None, (Transform(expression, "out", output_type),)), [log_record()])[0]
        assert outcome.error is None
        assert outcome.record["out"] == value
        assert type(outcome.record["out"]) is type(value)

    def test_result_that_does_not_fit_its_type_is_an_error_of_that_record(self, expressions: Expressions) -> None:
        outcome = expressions.run(Program(None, (Transform("body", "out", "int"),)), [log_record()])[0]
        assert outcome.error == "'Connection refused' is not a value of type int"
        assert outcome.record == log_record()

    @pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, -(2**63), 0])
    @pytest.mark.parametrize("extra", [(), (Transform("$match(body, /x/)", "other", "json"),)])
    def test_integers_of_64_bits_stay_exact(
        self, expressions: Expressions, number: int, extra: tuple[Transform, ...]
    ) -> None:
        record = log_record(attributes={"big": number, "list": [number], "map": {"n": number}})
        transforms = (
            Transform("attributes.big", "big", "int64"),
            Transform("attributes.list", "list", "json"),
            Transform("attributes.map", "map", "json"),
            *extra,
        )
        after = expressions.run(Program(None, transforms), [record])[0].record
        assert (after["big"], after["list"], after["map"]) == (number, [number], {"n": number})
        assert after["attributes"] == record["attributes"]

    @pytest.mark.parametrize("expression", ["1 / 0", "0 / 0", "$power(10, 400)", "[1, 1e308 * 10]", "$sqrt(-1)"])
    def test_number_that_json_does_not_have_is_an_error(self, expressions: Expressions, expression: str) -> None:
        outcome = expressions.run(Program(None, (Transform(expression, "out", "json"),)), [log_record()])[0]
        assert outcome.error

    # --- failures ------------------------------------------------------------------------------------------

    def test_failure_is_that_records_alone(self, expressions: Expressions) -> None:
        records = [log_record(), log_record(body="bad"), log_record(body=None), log_record()]
        outcomes = expressions.run(Program('$contains(body, /bad/) ? $error("no") : true'), records)
        assert [each.kept for each in outcomes][::3] == [True, True]
        assert outcomes[1].error is not None
        assert "no" in outcomes[1].error
        assert outcomes[1].record is records[1]

    @pytest.mark.parametrize("expression", [ENDLESS, HUGE])
    def test_neighbours_of_a_record_that_is_stopped_are_unaffected(
        self, expressions: Expressions, expression: str
    ) -> None:
        records = [log_record(n=number) for number in range(20)]
        outcomes = expressions.run(Program(f"n = 7 ? {expression} : n % 2 = 0"), records)
        assert outcomes[7].error is not None
        others = [number for number in range(20) if number != 7]
        assert [outcomes[number].kept for number in others] == [number % 2 == 0 for number in others]
        assert not any(outcomes[number].error for number in others)

    def test_expression_that_does_not_parse_fails_every_record_and_not_the_call(self, expressions: Expressions) -> None:
        outcomes = expressions.run(Program("body = ("), [log_record(), log_record()])
        assert all(each.error and not each.kept for each in outcomes)

    def test_record_that_is_not_json_is_an_error_of_its_own(self, expressions: Expressions) -> None:
        records = [log_record(body=b"bytes"), log_record(body="half \ud83d"), log_record()]
        outcomes = expressions.run(Program("$contains(body, /refused/)"), records)
        assert [each.error is None for each in outcomes] == [False, False, True]
        assert outcomes[2].kept

    def test_record_with_deep_nesting_breaks_nothing(self, expressions: Expressions) -> None:
        deep: Any = "core"
        for _ in range(1000):
            deep = [deep]
        records = [log_record(attributes={"deep": deep}), log_record()]
        for expression in ("$string(attributes) != 'x'", "$match($string(attributes), /core/) or true"):
            outcomes = expressions.run(Program(expression), records)
            assert outcomes[1].kept

    def test_variables_do_not_outlive_their_record(self, expressions: Expressions) -> None:
        program = Program(None, (Transform("($before := $seen; $seen := n; $before)", "before", "json"),))
        outcomes = expressions.run(program, [{"n": 1}, {"n": 2}, {"n": 3}])
        assert [each.record["before"] for each in outcomes] == [None, None, None]

    def test_expressions_cannot_change_the_record_they_read(self, expressions: Expressions) -> None:
        record = log_record()
        expressions.run(Program("$ ~> |attributes|{'error.type': 'changed'}, 'retries'| ~> $exists"), [record])
        assert record == log_record()

    # --- many at once --------------------------------------------------------------------------------------

    @pytest.mark.parametrize("pattern", ['severityText = "ERROR" and n = {}', "$contains(body, /refused/) and n = {}"])
    def test_many_threads_at_once_get_their_own_answers(self, expressions: Expressions, pattern: str) -> None:
        records = [log_record(n=number) for number in range(50)]

        def kept(number: int) -> list[int]:
            outcomes = expressions.run(Program(pattern.format(number)), records)
            return [index for index, outcome in enumerate(outcomes) if outcome.kept]

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(kept, range(50))) == [[number] for number in range(50)]

    def test_good_program_gives_right_answers_beside_hostile_ones(self, expressions: Expressions) -> None:
        good = Program("$contains(body, /refused/) and n % 2 = 0")
        records = [log_record(n=number) for number in range(10)]

        def run(program: Program) -> list[bool]:
            return [each.kept for each in expressions.run(program, records)]

        with ThreadPoolExecutor(4) as threads:
            hostile = [threads.submit(run, Program(each)) for each in (ENDLESS, HUGE)]
            answers = list(threads.map(run, [good] * 6))
        assert answers == [[number % 2 == 0 for number in range(10)]] * 6
        assert [any(each.result()) for each in hostile] == [False, False]

    # --- check ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "expression",
        [
            "severityNumber >= 17",
            'severityText in ["ERROR", "FATAL"] and $contains(body, /refused/i)',
            "($x := attributes.retries; $map($x, function($y) { $y + 1 })[0] != 2)",
            "/* why */ $not(missing)",
            "attributes.retries[$ > 1]^(>$).{'n': $} ~> $count",
        ],
    )
    def test_check_passes_jsonata(self, expressions: Expressions, expression: str) -> None:
        expressions.check(expression)

    @pytest.mark.parametrize(
        ("expression", "position"),
        [("body =", None), ("(body", None), ("body body", 5), ('body = "abc', None), ("a.[", None), ("", 0)],
    )
    def test_check_refuses_what_does_not_parse(
        self, expressions: Expressions, expression: str, position: int | None
    ) -> None:
        with pytest.raises(InvalidExpression) as refused:
            expressions.check(expression)
        if position is not None:
            assert refused.value.position == position
        assert str(refused.value)

    @pytest.mark.parametrize(
        ("expression", "position", "spelling"),
        [
            ('severityText == "ERROR"', 13, "="),
            ("severityNumber > 1 && body", 19, "and"),
            ("a || b", 2, "or"),
            ("!a", 0, "$not"),
            ('body contains "x"', 5, "$contains"),
            ("len(body) > 3", 0, "$length"),
        ],
    )
    def test_check_answers_slips_with_the_jsonata_spelling(
        self, expressions: Expressions, expression: str, position: int, spelling: str
    ) -> None:
        with pytest.raises(InvalidExpression) as refused:
            expressions.check(expression)
        assert refused.value.position == position
        assert spelling in refused.value.hint

    def test_check_refuses_eval(self, expressions: Expressions) -> None:
        with pytest.raises(InvalidExpression, match=r"\$eval"):
            expressions.check("$map(['1'], $eval)")

    def test_check_refuses_what_is_over_8_kib(self, expressions: Expressions) -> None:
        with pytest.raises(InvalidExpression, match="8193 bytes, the limit is 8192"):
            expressions.check("a" + " " * 8192)

    @pytest.mark.parametrize("opening", ["(", "[", "{'a':", "function(){", "-", "a[", "$not(", "1?"])
    def test_check_survives_deep_nesting(self, expressions: Expressions, opening: str) -> None:
        with pytest.raises(InvalidExpression):
            expressions.check(opening * (8192 // len(opening)))
