import asyncio
from typing import Any

import orjson
import pytest

from headrace import observability
from headrace.errors import NotAuthenticated, Unavailable
from headrace.events import Output, PumpWaits
from headrace.runtime.feed import Feed
from tests.unit.runtime.asgi import call, scope_of

PATIENCE_SECONDS = 20


def project_of(key: str | None) -> str:
    if key == "broken":
        raise Unavailable("the tables are down")
    if key not in ("k-1", "k-2"):
        raise NotAuthenticated("this API key is not known")
    return key.replace("k", "p")


class Reader:
    """One client of the feed."""

    def __init__(self, feed: Feed, key: str) -> None:
        self.got: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self._news: asyncio.Queue[bytes] = asyncio.Queue()
        self.task = asyncio.ensure_future(
            feed.stream(scope_of("GET", Feed.PATH, [(b"x-api-key", key.encode())]), self._receive, self._send)
        )

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self._news.put(message.get("body", b""))

    async def next(self) -> bytes:
        return await asyncio.wait_for(self._news.get(), PATIENCE_SECONDS)

    async def listening(self) -> "Reader":
        assert [await self.next(), await self.next()] == [b"", b": listening\n\n"]
        return self


def output(project_id: str, size: int = 1) -> Output:
    return Output(project_id=project_id, id="m", request_id=None, bytes=size)


def run(scenario: Any) -> None:
    asyncio.run(asyncio.wait_for(scenario, PATIENCE_SECONDS))


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), ("broken", 503)])
def test_without_a_good_key_there_is_nothing_to_hear(key, status):
    answer = call(Feed(project_of).stream, scope_of("GET", Feed.PATH, [(b"x-api-key", key.encode())]))
    assert (answer.status, orjson.loads(answer.body)["status"]) == (status, status)


def test_a_reader_hears_its_own_project_from_any_thread():
    async def scenario():
        reader = await Reader(Feed(project_of), "k-1").listening()
        observability.emit(output("p-2"))
        observability.warn(PumpWaits(reason="down"))
        await asyncio.get_running_loop().run_in_executor(None, lambda: observability.emit(output("p-1")))
        line = await reader.next()
        assert line.startswith(b"data: ")
        assert line.endswith(b"\n\n")
        heard = orjson.loads(line[6:])
        assert heard.pop("at")
        assert heard == {"event": "output", "project_id": "p-1", "id": "m", "request_id": None, "bytes": 1}
        reader.gone.set()
        await reader.task

    run(scenario())


@pytest.mark.parametrize("ending", ["stop", "gone"])
def test_a_stream_ends_when_the_reader_goes_or_the_runtime_stops_and_listens_no_more(ending):
    async def scenario():
        before = len(observability._listeners)
        feed = Feed(project_of)
        reader = await Reader(feed, "k-1").listening()
        assert len(observability._listeners) == before + 1
        feed.stop() if ending == "stop" else reader.gone.set()
        await reader.task
        assert len(observability._listeners) == before

    run(scenario())


def test_a_reader_that_is_too_slow_loses_events_and_holds_up_nobody():
    async def scenario():
        reader = await Reader(Feed(project_of), "k-1").listening()
        for number in range(5000):
            observability.emit(output("p-1", number))
        heard = [orjson.loads((await reader.next())[6:])["bytes"] for _ in range(1000)]
        assert heard == list(range(1000))
        reader.gone.set()
        await reader.task

    run(scenario())
