"""One run: an engine, its load, its faults, and the verdict."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from tests.chaos import agent as agents
from tests.chaos.agent import Agent
from tests.chaos.check import Verdict, check
from tests.chaos.history import Ended, History, Struck, read
from tests.chaos.load import Load
from tests.chaos.plant import Action, Plant
from tests.chaos.plants import PLANTS
from tests.chaos.schedule import KINDS, Fault, plan

_DRAINED_WITHIN_SECONDS = 300
"""The ladder of retries, the longest jump of a clock and the longest lease fit into it."""


@dataclass(frozen=True)
class Run:
    """What is asked for."""

    engine: str
    seed: int
    records: int
    faults: int
    rate: float


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    verdict: Verdict
    seconds: float
    sent_again: int
    """Requests that a client sent once more on purpose."""
    errors: list[Any]


def carry_out(run: Run, folder: Path) -> Outcome:
    """Everything that is started is ended, whatever happens; the history stays in `folder`."""
    began, interrupted = time.monotonic(), Event()
    history = History(folder / "history.jsonl")
    try:
        with agents.listening(history) as agent, PLANTS[run.engine](folder, agent.url, interrupted.wait) as plant:
            load = Load(plant.addresses, plant.headers, history, run.seed, run.rate)
            strikes = _Strikes(plant, agent, history, interrupted)
            try:
                _under_fire(run, load, strikes)
                _settle(plant, history)
            finally:
                interrupted.set()
                load.stop()
                strikes.pool.shutdown()
            errors = list(plant.errors())
    finally:
        history.close()
    verdict = check(lambda: read(history.path))
    return Outcome(verdict, time.monotonic() - began, load.again, errors)


def _under_fire(run: Run, load: Load, strikes: "_Strikes") -> None:
    load.start()
    for fault in plan(run.seed, run.records, run.faults, strikes.kinds):
        load.wait_for(fault.at)
        strikes.begin(fault)
    load.wait_for(run.records)
    load.stop()
    strikes.wait()


def _settle(plant: Plant, history: History) -> None:
    """Wait until nothing is in flight, and write down what is dead."""
    ends, quiet = time.monotonic() + _DRAINED_WITHIN_SECONDS, 0
    while quiet < 2 and time.monotonic() < ends:  # two looks: a message may be on its way from one queue to another
        quiet = 0 if (in_flight := plant.in_flight()) else quiet + 1
        Event().wait(0.5)
    for letter in plant.dead_letters():
        history.add(letter)
    history.add(Ended(in_flight))


class _Strikes:
    """Begins faults beside one another; those on the same target wait for one another."""

    def __init__(self, plant: Plant, agent: Agent, history: History, interrupted: Event) -> None:
        self._agent, self._history, self._interrupted = agent, history, interrupted
        self._mood = Lock()
        self._targets: dict[str, list[tuple[str, Action]]] = dict(plant.targets)
        for kind in KINDS:
            if kind.startswith("agent") and kind not in plant.spared:
                self._targets[kind] = [("agent", self._upset)]
        self.kinds = [kind for kind in KINDS if kind in self._targets]
        self.pool = ThreadPoolExecutor(64, thread_name_prefix="fault")
        self._begun: list[Future[None]] = []

    def begin(self, fault: Fault) -> None:
        candidates = self._targets[fault.kind]
        name, action = candidates[fault.target % len(candidates)]
        self._begun.append(self.pool.submit(self._strike, fault, name, action))

    def wait(self) -> None:
        """Return when all are mended; raises what went wrong with them: a process that did not start again, say."""
        for begun in self._begun:
            begun.result()

    def _strike(self, fault: Fault, name: str, action: Action) -> None:
        began = time.time()
        action(fault)
        self._history.add(Struck(fault.kind, name, began, time.time()))

    def _upset(self, fault: Fault) -> None:
        with self._mood:
            self._agent.mood = fault.kind
            self._interrupted.wait(fault.seconds)
            self._agent.mood = ""
