import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from headrace_sdk import Headrace
from headrace_sdk.asgi import Batch
from headrace_sdk.testing import FakeReceiver
from tests.sdk.loopback import PATIENCE_SECONDS, Receiver, listening, refusing

KEY = "hr_a-key-that-nobody-may-see"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine under test reaches a client: no key, no proxy, no certificates."""
    for name in list(os.environ):  # to empty it
        if name.startswith(("HEADRACE_", "GLASSFLOW_")) or name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", os.devnull)


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that retries would have slept, in order; nobody sleeps."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=slept.append, time=time.time))
    return slept


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.fixture
def connect(receiver: Receiver) -> Iterator[Callable[..., Headrace]]:
    """Clients of the receiver, closed at the end."""
    with ExitStack() as clients:

        def connected(**arguments: Any) -> Headrace:
            given = {"api_key": KEY, "endpoint": receiver.url, **arguments}
            return clients.enter_context(Headrace(**given))

        yield connected


@pytest.fixture
def headrace(connect: Callable[..., Headrace]) -> Headrace:
    return connect()


@pytest.fixture
def nobody() -> Iterator[str]:
    with refusing() as url:
        yield url


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReceiver]:
    """Where agents that read the environment send what they find."""
    with FakeReceiver() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        yield receiver


class Held:
    """A function that does not return before it is released, and says how often it was entered."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.released = threading.Event()
        self.calls = 0

    def __call__(self, batch: Batch):
        self.calls += 1
        self.entered.release()
        assert self.released.wait(PATIENCE_SECONDS)
        return batch.request_id

    def wait_until_entered(self):
        assert self.entered.acquire(timeout=PATIENCE_SECONDS)


@pytest.fixture
def held():
    made = Held()
    yield made
    made.released.set()
