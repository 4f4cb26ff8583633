"""What is remembered of filters: as much as is bounded, and nothing that another try may decide otherwise."""

from typing import Any

import pytest

from headrace.intake.wire.envelope import encode_attributes, encode_request
from headrace.ports.bus import Received
from headrace.ports.program import Outcome, Program
from headrace.route.domain.pipeline import Pipeline
from headrace.route.stages.select import select
from headrace.route.stages.verdicts import Verdicts
from tests.unit.intake.wire.otlp_requests import RECEIVED
from tests.unit.intake.wire.test_otlp_admit import logs


class Engine:
    """Keeps bodies that say so; counts what it was asked."""

    def __init__(self, outcome: Any = None) -> None:
        self.asked: list[Any] = []
        self._outcome = outcome

    def reads(self, expression: str) -> tuple[tuple[str, ...], ...]:
        return (("body",),)

    def run(self, program: Program, records: Any) -> list[Outcome]:
        self.asked += records
        return [self._outcome or Outcome(record["body"] == "keep", record) for record in records]


def run(engine: Engine, verdicts: Verdicts, *bodies: str, expression: str = "f") -> list[str]:
    packed = encode_request(logs(*bodies).SerializeToString(), len(bodies))
    message = Received("m", "q", packed.body, encode_attributes("p", "logs", packed, RECEIVED), 1, "r", 0)
    pipeline = Pipeline("http://agent", program=Program(expression))
    return [record["body"] for record in select(message, pipeline, engine, verdicts).kept]  # type: ignore[arg-type]


def test_the_same_is_asked_once_and_with_no_more_than_the_filter_reads() -> None:
    engine, verdicts = Engine(), Verdicts()
    for _ in range(3):
        assert run(engine, verdicts, "keep", "drop", "keep", "drop") == ["keep", "keep"]
    assert sorted(engine.asked, key=str) == [{"body": "drop"}, {"body": "keep"}]


def test_another_filter_is_asked_for_itself() -> None:
    engine, verdicts = Engine(), Verdicts()
    run(engine, verdicts, "keep", expression="one")
    run(engine, verdicts, "keep", expression="two")
    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [
        (Outcome(False, {}, "it fails"), 1),
        (Outcome(False, {}, "it took too long", certain=False), 3),
    ],
)
def test_a_failure_is_remembered_unless_time_or_memory_decided(outcome: Outcome, asked: int) -> None:
    engine, verdicts = Engine(outcome), Verdicts()
    for _ in range(3):
        run(engine, verdicts, "keep")
    assert len(engine.asked) == asked


def test_long_keys_are_not_remembered_and_many_are_bounded() -> None:
    engine, verdicts = Engine(), Verdicts()
    long = "x" * 300
    for _ in range(2):
        run(engine, verdicts, long)
    assert engine.asked == [{"body": long}] * 2
    run(engine, verdicts, *(str(number) for number in range(8000)))
    known = verdicts.of("logs", "f")
    assert sum(map(len, known.groups.values())) <= 4096
    assert run(engine, verdicts, *map(str, range(8000)), "keep") == ["keep"]
