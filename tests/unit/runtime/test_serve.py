"""Where the runtime listens, and when it is ready."""

import asyncio
import os
import signal
import socket

import pytest

from headrace import bootstrap, observability
from headrace.errors import ConfigError
from headrace.runtime.serve import listen, serve


def test_answers_are_sent_at_once_and_do_not_wait_for_the_callers_acknowledgement():
    async def accepted_without_delay() -> int:
        found = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            async with await asyncio.start_server(accept, sock=listener):
                _, caller = await asyncio.open_connection("127.0.0.1", port)
                without_delay = await found
                caller.close()
                await caller.wait_closed()
        return without_delay

    assert asyncio.run(accepted_without_delay())


@pytest.fixture
def listener(data_dir):
    """Where nothing is served yet; signals are afterwards what they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    bootstrap.make_data_dir()
    with listen("127.0.0.1", 0) as made:
        yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_is_ready_as_soon_as_others_are(listener):
    said = []

    def others_ready():
        said.append("asked")
        return len(said) > 2

    def ready():
        said.append("ready")
        os.kill(os.getpid(), signal.SIGTERM)

    serve([], listener, ready, others_ready)
    assert said == ["asked", "asked", "asked", "ready"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_stops_when_it_is_told_to_also_while_others_are_not_ready(listener, number):
    said = []

    def others_ready():
        os.kill(os.getpid(), number)
        return False

    serve([], listener, lambda: said.append("ready"), others_ready)
    assert said == []


def test_others_that_will_never_be_ready_end_it(listener):
    def others_ready():
        raise ConfigError("no queue calls it")

    before = list(observability._listeners)
    with pytest.raises(ConfigError, match="no queue calls it"):
        serve([], listener, pytest.fail, others_ready)
    assert observability._listeners == before
