"""One call of a program in workers: its records, its allowance of processor time, and who is to blame for a death."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from headrace.adapters.expressions_jsonata import frames
from headrace.adapters.expressions_jsonata.child import Ending
from headrace.adapters.expressions_jsonata.limits import CALL_CPU_MS, CALL_CPU_PER_RECORD_MS, FRAME_BYTES, RECORD_CPU_MS
from headrace.adapters.expressions_jsonata.pool import WorkerPool
from headrace.ports.program import Outcome, Program
from headrace.ports.records import Record

_LOST_WORKER_US = RECORD_CPU_MS * 1000
"""What a death costs: at most what the kernel allows, or the 50 ms start of the next worker and a little more."""


class _Request(NamedTuple):
    number: int  # of the record in the call
    frame: bytes


class SandboxedCall:
    """Runs `program` over `records` in one worker after another, until all have an outcome.

    Its allowance of processor time is `CALL_CPU_MS` and `CALL_CPU_PER_RECORD_MS` for each record. Once it is spent,
    the records that remain fail without being tried.
    """

    def __init__(self, pool: WorkerPool, program: Program, records: Sequence[Record]) -> None:
        self._pool = pool
        self._program = program
        self._records = records
        self._outcomes: dict[int, Outcome] = {}
        self._allowance_us = 1000 * (CALL_CPU_MS + CALL_CPU_PER_RECORD_MS * len(records))
        self._spent_message = (
            f"not evaluated: the records before it used up the {self._allowance_us // 1000} ms of processor time "
            f"that {len(records)} records may cost"
        )

    def outcomes(self) -> list[Outcome]:
        """One Outcome for each record, in order.

        Raises:
            Unavailable: no worker became free or could be started.
        """
        waiting = deque(self._requests() if self._is_text() else ())
        while waiting:
            if self._allowance_us <= 0:
                self._fail((request.number for request in waiting), self._spent_message)
                break
            ending = self._exchange(waiting)
            if ending is not None and not ending.retired and waiting:
                self._allowance_us -= _LOST_WORKER_US
                self._fail([waiting.popleft().number], ending.reason)
        return [self._outcomes[index] for index in range(len(self._records))]

    def _exchange(self, waiting: deque[_Request]) -> Ending | None:
        """Take from `waiting` what one worker answers."""
        requests = b"".join([self._program_frame(), *(request.frame for request in waiting)])
        with self._pool.worker(self._program) as child:
            answers, ending = child.exchange(requests, len(waiting))
        for answer in answers:
            index = waiting.popleft().number
            if answer.verdict == frames.SPENT:
                self._fail([index], self._spent_message)
            else:
                self._outcomes[index] = _outcome(answer, self._records[index])
            self._allowance_us -= answer.cpu_us
        return ending

    def _requests(self) -> Iterable[_Request]:
        for index, record in enumerate(self._records):
            try:
                payload = orjson.dumps(record)
            except TypeError as cause:
                self._fail([index], f"the record is not JSON: {cause}")
                continue
            if len(payload) > FRAME_BYTES:
                text = f"the record is {len(payload)} bytes, the limit for this expression is {FRAME_BYTES} bytes"
                self._fail([index], text)
                continue
            yield _Request(index, frames.request(frames.RECORD, payload))

    def _is_text(self) -> bool:
        try:
            "".join(self._program.expressions).encode()
        except UnicodeEncodeError:
            self._fail(range(len(self._records)), "the expression is not text: half of a surrogate pair")
            return False
        return True

    def _program_frame(self) -> bytes:
        transforms = [(each.expression, each.output_name, each.output_type) for each in self._program.transforms]
        wanted = {
            "filter": self._program.filter,
            "transforms": transforms,
            "allowance_us": self._allowance_us,
        }
        return frames.request(frames.PROGRAM, orjson.dumps(wanted))

    def _fail(self, indexes: Iterable[int], reason: str) -> None:
        for index in indexes:
            self._outcomes[index] = Outcome(False, self._records[index], reason, certain=False)


def _outcome(answer: frames.Answer, record: Record) -> Outcome:
    if answer.verdict == frames.CHANGED:
        return Outcome(kept=True, record={**record, **orjson.loads(answer.payload)})
    if answer.verdict == frames.REPLACED:
        return Outcome(kept=True, record=orjson.loads(answer.payload))
    if answer.verdict == frames.FAILED:
        return Outcome(False, record, answer.payload.decode(errors="replace"), certain=False)
    return Outcome(kept=answer.verdict == frames.KEPT, record=record)
