"""Clients that send records without pause, again when they get no answer, and now and then twice or late."""

import random
import time
from collections.abc import Sequence
from threading import Condition, Event, Thread

import requests

from tests.chaos.history import History, Sent
from tests.chaos.records import encode_request

_LARGEST_REQUEST = 400
_ATTEMPTS = 8
_TIMEOUT_SECONDS = 15
_TWICE, _LATE = 0.01, 0.01
"""Shares of the requests that are sent once more although they were acknowledged: at once, or much later."""
_LATE_SECONDS = 5.0
_PATIENCE_SECONDS = 300


class Load:
    """Sends at `rate` records a second at most, to whichever of `addresses` answers."""

    def __init__(
        self, addresses: Sequence[str], headers: dict[str, str], history: History, seed: int, rate: float
    ) -> None:
        self._addresses, self._headers, self._history = list(addresses), headers, history
        self._seed, self._rate = seed, rate
        self.acknowledged = 0
        self.again = 0
        """Requests that were sent once more on purpose."""
        self._made = 0
        self._changed = Condition()
        self._stopping = Event()
        self._threads: list[Thread] = []

    def start(self, clients: int = 4) -> None:
        self._began = time.monotonic()
        self._threads = [Thread(target=self._send, args=(client,)) for client in range(clients)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, records: int) -> None:
        """Return when so many records were acknowledged.

        Raises:
            TimeoutError: for minutes no request was acknowledged.
        """
        with self._changed:
            while self.acknowledged < records:
                before = self.acknowledged
                if not self._changed.wait_for(lambda before=before: self.acknowledged > before, _PATIENCE_SECONDS):
                    raise TimeoutError(f"nothing was acknowledged for {_PATIENCE_SECONDS} s")

    def stop(self) -> None:
        """Return when no client sends any more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    # --- one client -------------------------------------------------------------------------------------

    def _send(self, client: int) -> None:
        chance = random.Random(self._seed * 1000 + client)
        late: list[tuple[float, int, int]] = []
        with requests.Session() as session:
            session.trust_env = False
            while not self._stopping.is_set():
                first, count = self._next(chance.randint(1, _LARGEST_REQUEST))
                acknowledged = self._until_acknowledged(session, chance, first, count)
                mood = chance.random()
                if acknowledged and mood < _TWICE:
                    self._once_more(session, chance, first, count)
                elif acknowledged and mood < _TWICE + _LATE:
                    late.append((time.monotonic() + _LATE_SECONDS, first, count))
                if late and late[0][0] < time.monotonic():
                    self._once_more(session, chance, *late.pop(0)[1:])
                self._keep_pace()

    def _next(self, count: int) -> tuple[int, int]:
        with self._changed:
            first = self._made
            self._made += count
            return first, count

    def _keep_pace(self) -> None:
        ahead = self._made / self._rate - (time.monotonic() - self._began)
        if ahead > 0:
            self._stopping.wait(ahead)

    def _until_acknowledged(self, session: requests.Session, chance: random.Random, first: int, count: int) -> bool:
        for _ in range(_ATTEMPTS):
            status, pause = self._post(session, chance, first, count)
            if status == 200:
                with self._changed:
                    self.acknowledged += count
                    self._changed.notify_all()
                return True
            if self._stopping.wait(pause):
                break
        return False

    def _once_more(self, session: requests.Session, chance: random.Random, first: int, count: int) -> None:
        with self._changed:
            self.again += 1
        self._post(session, chance, first, count)

    def _post(self, session: requests.Session, chance: random.Random, first: int, count: int) -> tuple[int, float]:
        """The status, 0 when no whole answer came, and how long to wait before another try."""
        body, headers = encode_request(first, count, chance.randrange(4))
        url = chance.choice(self._addresses)
        try:
            answer = session.post(
                f"{url}/v1/logs", data=body, headers={**self._headers, **headers}, timeout=_TIMEOUT_SECONDS
            )
            status, pause = answer.status_code, float(answer.headers.get("Retry-After", 1))
        except requests.RequestException:
            status, pause = 0, 0.2
        self._history.add(Sent(first, count, status))
        return status, min(pause, 2.0)
