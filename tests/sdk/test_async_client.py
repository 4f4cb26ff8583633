"""The awaited twin behaves as the client does, and leaves the loop free."""

import asyncio
import inspect
import threading

import pytest

from headrace_sdk import AsyncHeadrace, ConfigurationError, Headrace, UnavailableError
from tests.sdk.conftest import KEY
from tests.sdk.loopback import PATIENCE_SECONDS, reply


def test_the_output_arrives_and_the_receipt_comes_back(receiver):
    async def send():
        async with AsyncHeadrace(KEY, receiver.url) as headrace:
            return await headrace.send_output({"a": 1}, "batch-7", traceparent="00-0-0-00")

    assert asyncio.run(send()).id == "message-1"
    (request,) = receiver.requests
    assert request.json == {"a": 1}
    assert request.headers["X-Request-ID"] == "batch-7"
    assert request.headers["traceparent"] == "00-0-0-00"


def test_errors_and_retries_are_those_of_the_client(receiver):
    receiver.will(reply(503, b""))

    async def send():
        async with AsyncHeadrace(KEY, receiver.url, max_retries=2) as headrace:
            await headrace.send_output({})

    with pytest.raises(UnavailableError):
        asyncio.run(send())
    assert len(receiver.requests) == 3


def test_the_loop_runs_on_while_the_server_thinks(receiver):
    thought = threading.Event()

    def think(exchange):
        assert thought.wait(PATIENCE_SECONDS)
        reply()(exchange)

    receiver.will(think)

    async def send():
        async with AsyncHeadrace(KEY, receiver.url) as headrace:
            sending = asyncio.create_task(headrace.send_output({}))
            # Only a loop that is free gets here, and only this lets the server answer.
            asyncio.get_running_loop().call_soon(thought.set)
            return await sending

    assert asyncio.run(send()).id == "message-1"


def test_ten_outputs_at_once_all_arrive(receiver):
    async def send():
        async with AsyncHeadrace(KEY, receiver.url) as headrace:
            await asyncio.gather(*(headrace.send_output(number) for number in range(10)))

    asyncio.run(send())
    assert sorted(request.json for request in receiver.requests) == list(range(10))


def test_after_async_with_it_is_closed(receiver):
    async def send():
        async with AsyncHeadrace(KEY, receiver.url) as headrace:
            pass
        await headrace.send_output({})

    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(send())


@pytest.mark.parametrize("name", ["__init__", "send_output"])
def test_the_twins_take_the_same_arguments(name):
    ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (AsyncHeadrace, Headrace))
    assert ours.parameters == theirs.parameters
