"""FakeWiring: the Wiring port in memory, for tests of what changes subscriptions and of what reads them.

It keeps the whole contract (`tests/contract/wiring_suite.py`) and may be used from many threads at once:

    wiring = FakeWiring()
    wiring.outage = Unavailable("down")     # every call raises it until it is None again
"""

from threading import Lock

from headrace.errors import HeadraceError
from headrace.ports.wiring import Subscription


class FakeWiring:
    def __init__(self) -> None:
        self.outage: HeadraceError | None = None
        self._projects: dict[str, list[Subscription]] = {}
        self._lock = Lock()

    def reconcile(self, project_id: str, wanted: list[Subscription]) -> None:
        self._reach()
        with self._lock:
            self._projects[project_id] = list({each.queue: each for each in wanted}.values())

    def subscriptions(self) -> list[Subscription]:
        self._reach()
        with self._lock:
            return [each for project in self._projects.values() for each in project]

    def _reach(self) -> None:
        if self.outage is not None:
            raise self.outage
