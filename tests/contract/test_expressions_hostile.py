"""Every expression of the hostile corpus ends, within its share of processor time and memory, in every process.

Processor time is measured and not wall clock: the machine may be busy, the promise holds all the same. A new
expression is a new line in `tests/corpora/hostile_expressions.jsonl`.
"""

import json
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.errors import InvalidExpression
from headrace.ports.program import Program
from headrace.ports.records import Record

EngineName = Literal["jsonatapy", "jsonata-python"]
CORPUS = Path(__file__).parent.parent / "corpora" / "hostile_expressions.jsonl"
CPU_MS = 250
MEMORY_BYTES = 256 * 1024 * 1024

WARM = Program("$contains(body, /refused/)")
RECORD: Record = {
    "severityNumber": 17,
    "body": "Connection refused " * 1000,
    "attributes": {
        "list": [{"x": number} for number in range(500)],
        "nested": {"a": {"b": {"c": [1, [2, [3]]]}}},
    },
}


def hostile_expressions() -> dict[str, str]:
    """Each line: `name` and `expression`; `open` and `close` go `repeat` times around it."""
    entries = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
    return {
        entry["name"]: entry.get("open", "") * entry.get("repeat", 0)
        + entry["expression"]
        + entry.get("close", "") * entry.get("repeat", 0)
        for entry in entries
    }


HOSTILE = hostile_expressions()


@pytest.fixture(params=["jsonatapy", "jsonata-python"])
def expressions(request: pytest.FixtureRequest) -> Iterator[SandboxedExpressions]:
    expressions = SandboxedExpressions(request.param)
    yield expressions
    expressions.close()


def cpu_ms_of_children() -> float:
    """Of those that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000


def cpu_ms_of(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def address_space_limit_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Max address space")).split()[3])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_expression_ends_within_its_share(expressions: SandboxedExpressions, name: str) -> None:
    assert expressions.run(WARM, [RECORD])[0].kept
    (worker,) = expressions.worker_pids
    ended_before_ms, warm_ms = cpu_ms_of_children(), cpu_ms_of(worker)
    largest_before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert address_space_limit_bytes(worker) <= MEMORY_BYTES

    own_before_ms = time.process_time() * 1000
    (outcome,) = expressions.run(Program(HOSTILE[name]), [RECORD])
    own_ms = time.process_time() * 1000 - own_before_ms
    expressions.close()

    assert outcome.error is None or 0 < len(outcome.error) < 400
    assert outcome.record is RECORD
    assert cpu_ms_of_children() - ended_before_ms - warm_ms <= CPU_MS
    assert own_ms <= CPU_MS
    # A child's maximum begins with the size of the process that started it, and this one may have grown in other tests.
    own_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert largest <= max(MEMORY_BYTES, largest_before, own_bytes)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_expression_is_checked_within_its_share(expressions: SandboxedExpressions, name: str) -> None:
    before_ms = cpu_ms_of_children() + time.process_time() * 1000
    with suppress(InvalidExpression):
        expressions.check(HOSTILE[name])
    expressions.close()
    # Two workers of one share each, since the second engine may be asked for the position; and their starts.
    assert cpu_ms_of_children() + time.process_time() * 1000 - before_ms <= 3 * CPU_MS


def test_corpus_has_at_least_forty_entries() -> None:
    assert len(HOSTILE) >= 40


def test_good_program_beside_the_whole_corpus_gives_right_answers(expressions: SandboxedExpressions) -> None:
    good = [Program("$contains(body, /refused/)"), Program("severityNumber > 16"), Program("n % 2 = 0 and n != 4")]
    records = [{**RECORD, "body": "Connection refused", "n": number} for number in range(8)]
    expected = [[True] * 8, [True] * 8, [number % 2 == 0 and number != 4 for number in range(8)]]

    def answers(_: int) -> list[list[bool]]:
        return [[each.kept for each in expressions.run(program, records)] for program in good]

    with ThreadPoolExecutor(3) as threads:
        hostile = [threads.submit(expressions.run, Program(text), [RECORD]) for text in list(HOSTILE.values())[::4]]
        assert list(threads.map(answers, range(20))) == [expected] * 20
        assert all(len(each.result()) == 1 for each in hostile)


def test_costly_expression_cannot_hold_a_worker_beyond_the_allowance_of_its_call(
    expressions: SandboxedExpressions,
) -> None:
    expressions.run(WARM, [RECORD])
    before_ms = cpu_ms_of_children() + cpu_ms_of(expressions.worker_pids[0])
    outcomes = expressions.run(Program("$sum([1..60000].($ * $)) > 0"), [{"n": 1}] * 200)
    spent = [each for each in outcomes if each.error and each.error.startswith("not evaluated")]
    assert outcomes[0].kept or outcomes[0].error
    assert spent
    assert spent[0].error == (
        "not evaluated: the records before it used up the 1250 ms of processor time that 200 records may cost"
    )
    expressions.close()
    allowance_ms, last_record_ms = 1250, CPU_MS
    assert cpu_ms_of_children() - before_ms <= allowance_ms + last_record_ms
