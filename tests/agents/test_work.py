"""The bounded background work of `otlp-error-summary`."""

import asyncio

import pytest

from error_summary import work
from error_summary.work import Work


async def done(result: bool = True) -> bool:
    return result


async def failing() -> bool:
    raise LookupError("nobody foresaw this")


async def settled(bounded: Work) -> None:
    await bounded.finish_all(10)
    await asyncio.sleep(0)  # let the callbacks of the last task run


def test_what_was_done_is_not_done_again_and_what_was_not_is() -> None:
    async def story() -> list[str]:
        bounded = Work(2)
        first = [bounded.take("a", "a", done()), bounded.take("b", "b", done(False))]
        await settled(bounded)
        return [*first, bounded.take("a", "a", done()), bounded.take("b", "b", done())]

    assert asyncio.run(story()) == ["accepted", "accepted", "known", "accepted"]


def test_only_so_many_are_worked_on_at_once() -> None:
    async def story() -> list[str]:
        bounded = Work(2)
        return [bounded.take(key, key, done()) for key in "abca"] + [str(bounded.running)]

    assert asyncio.run(story()) == ["accepted", "accepted", "full", "known", "2"]


def test_a_fault_that_nobody_foresaw_is_logged_with_the_request_and_the_batch_may_come_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> str:
        bounded = Work(1)
        bounded.take("a", "request batch-7", failing())
        await settled(bounded)
        return bounded.take("a", "request batch-7", done())

    assert asyncio.run(story()) == "accepted"
    assert "request batch-7: a fault that nobody foresaw" in caplog.text
    assert "LookupError: nobody foresaw this" in caplog.text


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_REMEMBERED", 2)

    async def story() -> list[str]:
        bounded = Work(9)
        for key in "abc":
            bounded.take(key, key, done())
            await settled(bounded)
        return [bounded.take(key, key, done()) for key in "cba"]

    assert asyncio.run(story()) == ["known", "known", "accepted"]
