"""Clients that send without pause and write down what was acknowledged: the ledger that nothing may be missing from."""

import random
from threading import Condition, Event, Thread

import requests

from tests.fakes.http import PATIENCE_SECONDS
from tests.flow.deployment import LONGEST_SECONDS, Deployment
from tests.flow.logs import ERROR, INFO, log_record, logs_of
from tests.flow.process import Runtime

_LARGEST_REQUEST = 20
KEPT = "keep"


class Load:
    """Several clients; every record has a mark of its own, about half of them are of severity ERROR."""

    def __init__(self, deployment: Deployment, seed: int, name: str = "") -> None:
        self._deployment, self._random, self._name = deployment, random.Random(seed), name
        self.acknowledged: set[str] = set()
        self.statuses: set[int] = set()
        self._made = 0
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._stopping = Event()

    @property
    def kept(self) -> set[str]:
        """Marks of the acknowledged records that the agent or the dead letters must have in the end."""
        with self._changed:
            return {mark for mark in self.acknowledged if mark.startswith(KEPT)}

    def start(self, runtime: Runtime, clients: int = 4) -> None:
        """Begin to send; each client stops when the runtime does not answer any more."""
        self._stopping.clear()
        url = f"{runtime.url}/v1/logs"
        self._threads = [Thread(target=self._send, args=(url,)) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        """Return when `more` records than now have been acknowledged."""
        with self._changed:
            wanted = len(self.acknowledged) + more
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= wanted, PATIENCE_SECONDS)

    def stop(self) -> None:
        """Return when no client sends any more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _send(self, url: str) -> None:
        headers = {"X-API-Key": self._deployment.key, "Content-Type": "application/json"}
        with requests.Session() as session:
            while not self._stopping.is_set():
                marks = self._next_marks()
                body = logs_of(*(log_record(mark, ERROR if mark.startswith(KEPT) else INFO) for mark in marks))
                try:
                    answer = session.post(url, data=body, headers=headers, timeout=LONGEST_SECONDS)
                except requests.RequestException:
                    return
                self._note(answer.status_code, marks)
                if answer.status_code == 503:
                    self._stopping.wait(float(answer.headers["Retry-After"]) / 10)

    def _next_marks(self) -> list[str]:
        with self._changed:
            start, count = self._made, self._random.randint(1, _LARGEST_REQUEST)
            self._made += count
            return [
                f"{self._random.choice((KEPT, 'drop'))}-{self._name}{number}" for number in range(start, start + count)
            ]

    def _note(self, status: int, marks: list[str]) -> None:
        with self._changed:
            self.statuses.add(status)
            if status == 200:
                self.acknowledged.update(marks)
            self._changed.notify_all()
