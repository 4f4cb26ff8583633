"""How much runs at once, what is remembered, and how long a caller who finds no room is told to wait."""

import asyncio

import pytest

from headrace_sdk import _runs
from headrace_sdk._runs import Full, Runs


async def done():
    pass


def run(work):
    return asyncio.run(work())


def test_only_the_latest_keys_are_remembered():
    async def work():
        runs = Runs(limit=1, remembered=2)
        for key in ("a", "b", "c"):
            await runs.start(key, key, done)
        return [runs.start(key, key, done) is None for key in ("c", "b", "a")]

    assert run(work) == [True, True, False]


def test_a_key_that_runs_gives_its_run_even_when_there_is_no_room():
    async def work():
        runs = Runs(limit=1, remembered=2)
        first = runs.start("a", "a", done)
        assert runs.start("a", "a", done) is first
        with pytest.raises(Full):
            runs.start("b", "b", done)
        await first

    run(work)


@pytest.mark.parametrize(("latest", "oldest", "expected"), [(7, 2, 7), (2, 30, 30)])
def test_who_finds_no_room_waits_as_long_as_a_batch_takes_or_has_taken(monkeypatch, latest, oldest, expected):
    now = 0.0
    monkeypatch.setattr(_runs.time, "monotonic", lambda: now)

    async def work():
        nonlocal now
        runs = Runs(limit=1, remembered=2)
        released = asyncio.Event()
        task = runs.start("a", "a", released.wait)
        now += latest
        released.set()
        await task
        await asyncio.sleep(0)
        last = runs.start("b", "b", asyncio.Event().wait)
        now += oldest
        with pytest.raises(Full) as full:
            runs.start("c", "c", done)
        last.cancel()
        return full.value.free_in_seconds

    assert run(work) == expected


def test_work_that_will_not_be_cancelled_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(_runs, "_CANCELLING_SECONDS", 0.01)

    async def work():
        runs = Runs(limit=1, remembered=1)
        released = asyncio.Event()

        async def stubborn():
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue

        task = runs.start("a", "a", stubborn)
        await runs.finish(0.01)
        assert not task.done()
        released.set()
        await task

    run(work)
