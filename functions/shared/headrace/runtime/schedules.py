"""Fires the schedules of the template, and the runtime's own housekeeping, each on a thread of its own."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event, Thread

from headrace import events
from headrace.entry.schedule import encode_event
from headrace.errors import Unavailable
from headrace.observability import crash, warn
from headrace.runtime.functions import Loaded

Job = tuple[str, timedelta, Callable[[], object]]
"""`(name, how often, what)`"""


def scheduled_calls(functions: Sequence[Loaded]) -> list[Job]:
    """The jobs that the template asks for."""
    return [
        (loaded.function.name, every, lambda call=loaded: call(encode_event(call.function.name)))  # type: ignore[misc]
        for loaded in functions
        for every in loaded.function.schedules
    ]


def in_turn(jobs: Sequence[Job], take_turn: Callable[[str, timedelta], bool]) -> list[Job]:
    """The same jobs, each run by that process of a deployment whose turn it is."""

    def shared(name: str, every: timedelta, job: Callable[[], object]) -> Job:
        return name, every, lambda: take_turn(name, every) and job()

    return [shared(*each) for each in jobs]


class Schedules:
    """Runs each job over and over until stopped. A job that takes longer than its period skips the missed times."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._stopping = Event()
        self._threads = [Thread(target=self._repeat, args=job, daemon=True) for job in jobs]

    def start(self) -> None:
        """Begin; each job runs for the first time after its first period."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Start no job any more. One that runs is left to end by itself."""
        self._stopping.set()

    def _repeat(self, name: str, every: timedelta, job: Callable[[], object]) -> None:
        while not self._stopping.wait(every.total_seconds()):
            try:
                job()
            except Unavailable as problem:
                warn(events.ScheduleWaits(job=name, reason=str(problem)))
            except Exception:  # noqa: BLE001 - the next time may go better
                crash(events.ScheduleFailed(job=name))
