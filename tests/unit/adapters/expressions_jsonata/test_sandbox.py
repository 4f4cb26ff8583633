import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest

from headrace.adapters.expressions_jsonata import SandboxedExpressions, engines
from headrace.adapters.expressions_jsonata.child import Child
from headrace.adapters.expressions_jsonata.limits import FRAME_BYTES
from headrace.adapters.expressions_jsonata.pool import WorkerPool
from headrace.errors import InvalidExpression, Unavailable
from headrace.ports.program import Program, Transform

PATTERN = Program("$contains(body, /refused/)")
RECORD = {"body": "Connection refused"}
PATH = os.pathsep.join(entry for entry in sys.path if entry)


@pytest.fixture
def expressions() -> Any:
    expressions = SandboxedExpressions("jsonatapy", max_workers=2)
    yield expressions
    expressions.close()


def has_ended(pid: int, seconds: float = 30) -> bool:
    """Waits for the end of a process that need not be a child of this one."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], seconds)[0])
    finally:
        os.close(process)


# --- stopped at a limit ----------------------------------------------------------------------------------------


def test_processor_time_and_memory_are_told_apart(expressions: SandboxedExpressions) -> None:
    busy = '$formatNumber(12345678901234567890, $pad("#,", 1000000, "#,") & "0")'
    (time_is_up,) = expressions.run(Program(busy), [RECORD])
    (memory_is_up,) = expressions.run(Program('$pad("a", 2000000000)'), [RECORD])
    assert time_is_up.error == "stopped after 180 ms of processor time"
    assert memory_is_up.error == "stopped at the memory limit of 250 MiB"


def test_worker_that_survives_its_memory_limit_is_replaced(expressions: SandboxedExpressions) -> None:
    doubled = "$reduce([1..18], function($a, $b) { [[$a], [$a]] }, [1])"
    expressions.run(PATTERN, [RECORD])
    (first,) = expressions.worker_pids
    expressions.run(Program(None, (Transform(doubled, "x", "json"),)), [RECORD])
    assert expressions.run(PATTERN, [RECORD])[0].kept
    assert first not in expressions.worker_pids or len(expressions.worker_pids) == 1


def test_result_over_the_frame_limit_is_an_error_with_both_sizes(expressions: SandboxedExpressions) -> None:
    program = Program(None, (Transform("$pad('a', 5000000, 'a')", "x", "string"),))
    (outcome,) = expressions.run(program, [RECORD])
    assert outcome.error == f"the result is 5000008 bytes, the limit is {FRAME_BYTES} bytes"


def test_record_over_the_frame_limit_is_an_error_with_both_sizes(expressions: SandboxedExpressions) -> None:
    outcomes = expressions.run(PATTERN, [{"body": "x" * FRAME_BYTES}, RECORD])
    assert outcomes[0].error == (
        f"the record is {FRAME_BYTES + 11} bytes, the limit for this expression is {FRAME_BYTES} bytes"
    )
    assert outcomes[1].kept


def test_large_record_is_no_obstacle_to_a_tame_expression(expressions: SandboxedExpressions) -> None:
    record = {"severityNumber": 17, "body": "x" * (2 * FRAME_BYTES)}
    assert expressions.run(Program("severityNumber = 17"), [record])[0].kept
    assert expressions.worker_pids == []


def test_results_near_the_frame_limit_come_back_whole(expressions: SandboxedExpressions) -> None:
    program = Program(None, (Transform("$pad('', 3000000, 'é')", "x", "string"),))
    outcomes = expressions.run(Program(None, (Transform("$pad('', 2000000, 'é')", "x", "string"),)), [RECORD] * 4)
    assert [len(each.record["x"]) for each in outcomes] == [2_000_000] * 4
    assert expressions.run(program, [RECORD])[0].error


# --- workers ---------------------------------------------------------------------------------------------------


def test_worker_is_started_once_and_reused(expressions: SandboxedExpressions) -> None:
    expressions.run(PATTERN, [RECORD])
    before = expressions.worker_pids
    for _ in range(5):
        expressions.run(PATTERN, [RECORD] * 3)
    assert expressions.worker_pids == before


def test_tame_programs_need_no_worker(expressions: SandboxedExpressions) -> None:
    expressions.check("body = 'x'")
    expressions.run(Program("body = 'x'", (Transform("body", "said", "string"),)), [RECORD])
    assert expressions.worker_pids == []


def test_worker_killed_while_idle_blames_no_record(expressions: SandboxedExpressions) -> None:
    expressions.run(PATTERN, [RECORD])
    (pid,) = expressions.worker_pids
    os.kill(pid, signal.SIGKILL)
    assert has_ended(pid)
    assert expressions.run(PATTERN, [RECORD])[0].kept


def test_close_ends_workers_and_later_calls_are_unavailable(expressions: SandboxedExpressions) -> None:
    expressions.run(PATTERN, [RECORD])
    (pid,) = expressions.worker_pids
    expressions.close()
    assert has_ended(pid)
    with pytest.raises(Unavailable, match="closed"):
        expressions.run(PATTERN, [RECORD])
    assert expressions.run(Program("body != ''"), [RECORD])[0].kept


def test_call_that_finds_no_free_worker_in_time_is_unavailable() -> None:
    pool = WorkerPool("jsonatapy", 1, queue_seconds=0.01)
    with pool.worker("one"), pytest.raises(Unavailable, match="busy"), pool.worker("other"):
        pass
    pool.close()


def test_one_program_leaves_a_worker_to_the_others() -> None:
    pool = WorkerPool("jsonatapy", 2, queue_seconds=0.01)
    with pool.worker("greedy"):
        with pytest.raises(Unavailable), pool.worker("greedy"):
            pass
        with pool.worker("modest") as child:
            assert child.alive
    pool.close()


def test_waiting_call_goes_on_when_a_worker_comes_back() -> None:
    pool = WorkerPool("jsonatapy", 1)
    served = threading.Event()

    def wait_for_turn() -> None:
        with pool.worker("other"):
            served.set()

    with pool.worker("one"):
        waiting = threading.Thread(target=wait_for_turn)
        waiting.start()
        assert not served.is_set()
    waiting.join(30)
    assert served.is_set()
    pool.close()


def test_exchange_that_is_broken_off_ends_its_worker() -> None:
    pool = WorkerPool("jsonatapy", 1)
    with pytest.raises(KeyboardInterrupt), pool.worker("program") as child:
        raise KeyboardInterrupt
    assert not child.alive
    assert pool.pids == []
    pool.close()


def test_worker_that_cannot_start_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    expressions = SandboxedExpressions("jsonatapy")
    with pytest.raises(Unavailable, match="could be started"):
        expressions.run(PATTERN, [RECORD])
    expressions.close()


def test_worker_that_dies_while_it_starts_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/nonexistent"])
    with pytest.raises(Unavailable, match="could be started"):
        Child("jsonatapy")


def test_pure_engine_takes_over_where_the_fast_one_has_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonatapy", None)
    assert engines.available("jsonatapy") == "jsonata-python"
    expressions = SandboxedExpressions("jsonatapy")
    assert expressions.engine == "jsonata-python"
    assert expressions.run(Program("body != ''"), [RECORD])[0].kept
    assert len(expressions.worker_pids) == 1
    expressions.close()


# --- no process stays behind -----------------------------------------------------------------------------------

PARENT = """
    from headrace.adapters.expressions_jsonata import SandboxedExpressions
    from headrace.ports.program import Program
    expressions = SandboxedExpressions()
    expressions.run(Program("$contains(body, /refused/)"), [{"body": "x"}])
    print(expressions.worker_pids[0], flush=True)
"""


@pytest.mark.parametrize(
    "then",
    ["input()", 'while True: expressions.run(Program("($f := function() { $f() }; $f())"), [{}] * 100)', ""],
    ids=["idle", "busy", "ends by itself"],
)
def test_worker_does_not_outlive_a_parent_that_is_killed(then: str) -> None:
    script = textwrap.dedent(PARENT) + then
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PATH},  # a test may
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        if then:
            parent.kill()
        parent.wait(30)
        assert has_ended(worker)


def test_fork_gets_workers_of_its_own_and_leaves_the_parents_alone() -> None:
    script = textwrap.dedent(PARENT) + textwrap.dedent("""
        import os, sys
        program, before = Program("$contains(body, /refused/)"), expressions.worker_pids
        child = os.fork()
        kept = [each.kept for each in expressions.run(program, [{"body": "refused"}, {"body": "x"}])]
        fresh = expressions.worker_pids != before
        expressions.close()
        if not child:
            os._exit(0 if kept == [True, False] and fresh else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or kept != [True, False] or fresh)
    """)
    environment = {**os.environ, "PYTHONPATH": PATH}  # a test may
    assert subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, check=False).returncode == 0


# --- check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "position"),
    [
        ("body = = 1", 7),
        ("$contains(body, /a(b/)", 16),
        ("$sum([1, 2)", 10),
        ('body & "open', 7),
        ("body & \ud83d", 7),
    ],
)
def test_error_of_the_parser_says_where(expressions: SandboxedExpressions, expression: str, position: int) -> None:
    with pytest.raises(InvalidExpression) as refused:
        expressions.check(expression)
    assert refused.value.position == position


def test_pattern_that_does_not_compile_is_refused_when_saved(expressions: SandboxedExpressions) -> None:
    with pytest.raises(InvalidExpression, match=r"[Rr]egex") as refused:
        expressions.check("$contains(body, /x{5,1}/)")
    assert refused.value.position == 16
