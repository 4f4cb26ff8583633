"""The Expressions port: what is tame runs in this process, everything else in a worker, under one promise.

A record walks: all expressions of the program are on the allow-list (`tame`), and read little of this record → the
engine is called here, in 0.3 µs, on its own thread (`engine_thread`). Otherwise the record goes as JSON to a worker
(`pool`, `child`, `worker`), which the kernel stops at its limits; whoever kills its worker is the record without an
answer, and a new worker goes on with the next one. What comes back is only the verdict and what transforms set, so
the rest of the record is exactly what it was.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from headrace.adapters.expressions_jsonata import frames
from headrace.adapters.expressions_jsonata.call import SandboxedCall
from headrace.adapters.expressions_jsonata.child import Ending
from headrace.adapters.expressions_jsonata.engine_thread import ENGINE_THREAD
from headrace.adapters.expressions_jsonata.engines import EngineName, available
from headrace.adapters.expressions_jsonata.lexer import lex
from headrace.adapters.expressions_jsonata.limits import EXPRESSION_BYTES
from headrace.adapters.expressions_jsonata.pool import WorkerPool
from headrace.adapters.expressions_jsonata.results import TookTooLong
from headrace.adapters.expressions_jsonata.slips import find_slip
from headrace.adapters.expressions_jsonata.tame import TOUCHED_BYTES, UNRESOLVED, Tame, analyse, resolve
from headrace.errors import InvalidExpression
from headrace.ports.program import Evaluate, Outcome, Program, apply
from headrace.ports.records import Record

if TYPE_CHECKING:
    from headrace.adapters.expressions_jsonata.engine_jsonatapy import JsonatapyEngine

_STALLED_MS = 1000
"""Wall clock for a tame expression. It ends on its own within 30 ms of processor time; this is for its bugs."""


class SandboxedExpressions:
    """JSONata in at most `max_workers` child processes, and in this process where that is harmless.

    With `engine` "jsonata-python", or where jsonatapy has no build for the platform, everything runs in workers.
    Usable from many threads, and after a fork. `close` ends the workers.
    """

    def __init__(self, engine: EngineName = "jsonatapy", max_workers: int = 4) -> None:
        self.engine: EngineName = available(engine)
        self._pool = WorkerPool(self.engine, max_workers)
        self._here = _engine_for_this_process(self.engine)

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that run, busy or not."""
        return self._pool.pids

    def close(self) -> None:
        """End the workers. Idle ones at once, those at work when their call ends; later calls are Unavailable."""
        self._pool.close()

    def check(self, expression: str) -> None:
        """Say whether `expression` can be compiled. Only what is tame is parsed in this process.

        Raises:
            InvalidExpression: with the position and, for a slip from another language, the JSONata spelling.
            Unavailable: no worker could be started.
        """
        _check_text(expression)
        if slip := find_slip(list(lex(expression))):
            text = f"{slip.written} is not JSONata"
            raise InvalidExpression(text, position=slip.position, hint=slip.hint)
        if not self._compiles_here(expression):
            self._compile_in_worker(expression)

    def reads(self, expression: str) -> tuple[tuple[str, ...], ...] | None:
        """The paths of an expression on the allow-list; see the port."""
        tame = analyse(expression)
        return None if tame is None else tame.paths

    def run(self, program: Program, records: Sequence[Record]) -> list[Outcome]:
        """One Outcome for each record, in order; see the port."""
        if self._here is None or not all(map(analyse, program.expressions)):
            return SandboxedCall(self._pool, program, records).outcomes()
        outcomes = ENGINE_THREAD.run(lambda: self._run_here(program, records))
        left = [record for record, outcome in zip(records, outcomes, strict=True) if outcome is None]
        others = iter(SandboxedCall(self._pool, program, left).outcomes() if left else ())
        return [next(others) if outcome is None else outcome for outcome in outcomes]

    def _run_here(self, program: Program, records: Sequence[Record]) -> list[Outcome | None]:
        """The outcomes of the records; None for one that needs a worker."""
        evaluate = self._prepared(program)
        if program.filter and not program.transforms:
            tame, quick = self._known(program.filter)
            if tame.path is None and quick is not None:
                return _filtered(program, records, tame, quick, evaluate)
        return [_applied(program, record, evaluate) for record in records]

    def _prepared(self, program: Program) -> Evaluate:
        """An evaluator that has looked up once, for all records, what it must know of the program's expressions."""
        known = {expression: self._known(expression) for expression in program.expressions}

        def evaluate(expression: str, value: Any) -> Any:
            tame, quick = known.get(expression) or self._known(expression)
            if tame.path is not None and (result := resolve(tame.path, value)) is not UNRESOLVED:
                return result
            if _touched_bytes(tame, value) > TOUCHED_BYTES:
                raise _NotHere
            if quick is not None:
                try:
                    result = quick(value)
                except BaseException:  # noqa: BLE001 - asked again below, outside of this handler, with all due care
                    result = UNRESOLVED
                if result is True or result is False or result is None:
                    return result
            return self._carefully(expression, value)

        return evaluate

    def _known(self, expression: str) -> tuple[Tame, Callable[[Any], Any] | None]:
        tame = analyse(expression)
        if self._here is None or tame is None:
            raise _NotHere
        return tame, self._here.quick(expression)

    def _carefully(self, expression: str, value: Any) -> Any:
        if self._here is None:
            raise _NotHere
        try:
            return self._here.evaluate(expression, value)
        except TookTooLong:
            raise _NotHere from None

    def _compiles_here(self, expression: str) -> bool:
        here = self._here
        if here is None or analyse(expression) is None:
            return False
        try:
            ENGINE_THREAD.run(lambda: here.compile(expression))
        except InvalidExpression:  # a worker finds out where
            return False
        return True

    def _compile_in_worker(self, expression: str) -> None:
        request = frames.request(frames.CHECK, expression.encode())
        ending: Ending | None = Ending("", retired=True)
        while ending is not None and ending.retired:
            with self._pool.worker(expression) as child:
                answers, ending = child.exchange(request, 1)
        if ending is not None:
            raise InvalidExpression(f"the expression cannot be checked: {ending.reason}")
        if answers[0].verdict == frames.INVALID:
            failure = orjson.loads(answers[0].payload)
            raise InvalidExpression(failure["message"], position=_start(expression, failure["position"]))


def _applied(program: Program, record: Record, evaluate: Evaluate) -> Outcome | None:
    try:
        return apply(program, record, evaluate)
    except _NotHere:
        return None


def _filtered(
    program: Program, records: Sequence[Record], tame: Tame, quick: Callable[[Any], Any], evaluate: Evaluate
) -> list[Outcome | None]:
    """The same for a filter alone: the usual program, in one loop, as long as it gives the usual results.

    Whatever is unusual about a record is left to `_applied`, which tries it again with all due care.
    """
    outcomes: list[Outcome | None] = []
    touched_bytes = tame.touched_bytes
    for record in records:
        try:
            verdict = quick(record) if touched_bytes(record) <= TOUCHED_BYTES else None
        except BaseException:  # noqa: BLE001 - it comes again in `_applied`, outside of this handler
            verdict = None
        if verdict is True or verdict is False:
            outcomes.append(Outcome(verdict, record))
        else:
            outcomes.append(_applied(program, record, evaluate))
    return outcomes


class _NotHere(Exception):
    """This record needs a worker after all. Not an ExpressionFailed, so it passes through `apply`."""


def _touched_bytes(tame: Tame, value: Any) -> int:
    try:
        return tame.touched_bytes(value)
    except TypeError:  # not JSON: the call in a worker says so
        raise _NotHere from None


def _engine_for_this_process(name: EngineName) -> "JsonatapyEngine | None":
    # The pure engine gets none: it is slow enough for 1 MiB to take seconds, and a pipe costs it nothing.
    if name != "jsonatapy":
        return None
    from headrace.adapters.expressions_jsonata.engine_jsonatapy import JsonatapyEngine

    return JsonatapyEngine(_STALLED_MS)


def _check_text(expression: str) -> None:
    try:
        size = len(expression.encode())
    except UnicodeEncodeError as cause:
        raise InvalidExpression("half of a surrogate pair is no text", position=cause.start) from cause
    if size > EXPRESSION_BYTES:
        raise InvalidExpression(f"the expression is {size} bytes, the limit is {EXPRESSION_BYTES} bytes")
    if not expression.strip():
        raise InvalidExpression("the expression is empty", position=0)


def _start(expression: str, position: int | None) -> int | None:
    """Where the token begins behind which the parser stopped: JSONata reports the end of the offending token."""
    if position is None:
        return None
    ends = {token.end: token.start for token in lex(expression)}
    return ends.get(position, min(position, len(expression)))
