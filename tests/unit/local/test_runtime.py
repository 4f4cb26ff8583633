"""Where the runtime listens."""

import asyncio
import socket

from headrace.local.runtime import listen


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
