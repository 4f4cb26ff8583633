"""A bounded number of workers, shared by the threads of this process."""

import os
import threading
import weakref
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from headrace.adapters.expressions_jsonata.child import Child
from headrace.adapters.expressions_jsonata.engines import EngineName
from headrace.adapters.expressions_jsonata.limits import QUEUE_SECONDS
from headrace.errors import Unavailable


class WorkerPool:
    """Lends out workers, starting them when they are needed.

    One program never has all of them, so that an expensive one leaves a way through for the others.
    """

    def __init__(self, engine: EngineName, max_workers: int, queue_seconds: float = QUEUE_SECONDS) -> None:
        self._engine = engine
        self._queue_seconds = queue_seconds
        self._max_workers = max_workers
        self._share = max(1, max_workers - 1)
        self._forget_all()
        _pools.add(self)

    @property
    def pids(self) -> list[int]:
        """Process ids of all workers."""
        with self._changed:
            return [child.pid for child in [*self._idle, *self._lent]]

    @contextmanager
    def worker(self, program: Hashable) -> Iterator[Child]:
        """A worker for the time of one exchange. It goes back to the pool if it is still alive.

        Raises:
            Unavailable: none became free in time, none can be started, or the pool is closed.
        """
        child = self._take(program)
        answered = False
        try:
            yield child
            answered = True
        finally:
            if not (answered and child.alive):  # what it may still say would be taken for the next answer
                child.kill()
            self._give_back(program, child)

    def close(self) -> None:
        """End all idle workers now, and those at work when they come back."""
        with self._changed:
            self._closed = True
            idle = [*self._idle]
            self._idle.clear()
            self._changed.notify_all()
        for child in idle:
            child.kill()

    def after_fork(self) -> None:
        """In the child of a fork: the workers are the parent's, and the lock may be held for ever."""
        for child in [*self._idle, *self._lent]:
            child.abandon()
        self._forget_all()

    def _forget_all(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[Child] = []
        self._lent: set[Child] = set()
        self._held: Counter[Hashable] = Counter()
        self._closed = False

    def _take(self, program: Hashable) -> Child:
        with self._changed:
            self._wait_for_turn(program)
            self._held[program] += 1
            child = self._idle.pop() if self._idle else None
        try:
            if child is not None and not child.alive:
                child.kill()  # closes its pipes
                child = None
            child = child or Child(self._engine)
        except BaseException:
            self._give_back(program, None)
            raise
        with self._changed:
            self._lent.add(child)
        return child

    def _wait_for_turn(self, program: Hashable) -> None:
        def is_turn() -> bool:
            return self._closed or (self._held[program] < self._share and self._held.total() < self._max_workers)

        if not self._changed.wait_for(is_turn, self._queue_seconds):
            raise Unavailable("all expression evaluators are busy", retry_after=timedelta(seconds=5))
        if self._closed:
            raise Unavailable("the expression evaluators are closed")

    def _give_back(self, program: Hashable, child: Child | None) -> None:
        with self._changed:
            self._held -= Counter({program: 1})
            keep = child is not None and child.alive and not self._closed
            if child is not None:
                self._lent.discard(child)
            if child is not None and keep:
                self._idle.append(child)
            self._changed.notify_all()
        if child is not None and not keep:
            child.kill()


_pools: "weakref.WeakSet[WorkerPool]" = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


os.register_at_fork(after_in_child=_after_fork)
