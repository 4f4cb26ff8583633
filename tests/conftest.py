"""What holds for all tests."""

import os
from collections.abc import Generator, Iterator

import pytest

from headrace.observability import listen
from tests.event_facts import misfits
from tests.security import leaks


@pytest.fixture(scope="session", autouse=True)
def bare_environment() -> Iterator[None]:
    """No setting of the machine under test reaches Headrace or its clients: no HEADRACE_ variable and no proxy."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(("HEADRACE_", "GLASSFLOW_", "OTEL_")) or name.lower().endswith("_proxy"):
                environment.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def secrets_are_collected() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        leaks.collect(patch)
        yield


@pytest.fixture(autouse=True)
def no_secret_in_an_event() -> Iterator[None]:
    """Fails the test when an event held a secret."""
    leaks.begin()
    unlisten = listen(leaks.hear)
    yield
    unlisten()
    assert leaks.CURRENT.leaks == []


@pytest.fixture(autouse=True)
def events_hold_their_facts() -> Iterator[None]:
    """Fails the test when an event held other facts than its class declares."""
    wrong: list[str] = []
    unlisten = listen(lambda told: wrong.extend(misfits(told)))
    yield
    unlisten()
    assert wrong == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fails the test when a secret is in what was captured of logs and standard error."""
    return leaks.judge((yield))
