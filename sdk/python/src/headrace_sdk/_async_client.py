"""The same client for agents that live in an event loop; the work is done by `Headrace`, in a thread.

Why a thread: requests, the one dependency, blocks, and a second HTTP client would be a second set of retries, limits
and errors to keep equal. Handing a call over costs a tenth of a millisecond beside the request's one. Why threads of
its own: an output that waits for a server that is down may hold one for a minute, and the loop's default threads
also look up host names and run everybody else's `asyncio.to_thread`.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self

import requests

from ._answers import OutputReceipt
from ._client import POOLED_CONNECTIONS, Headrace


class AsyncHeadrace:
    """`Headrace`, awaited: same arguments, same errors, same retries, and the loop is free meanwhile.

    A call that is cancelled stops being waited for; what its thread has begun may still arrive.
    """

    def __init__(
        self,
        api_key: str | None = None,
        endpoint: str | None = None,
        *,
        timeout: float | timedelta = 10.0,
        max_retries: int = 4,
        max_retry_after: float | timedelta = 30.0,
        session: requests.Session | None = None,
    ) -> None:
        self._client = Headrace(
            api_key,
            endpoint,
            timeout=timeout,
            max_retries=max_retries,
            max_retry_after=max_retry_after,
            session=session,
        )
        # As many as there are connections: more would wait for one of these. None is started before it is needed.
        self._threads = ThreadPoolExecutor(POOLED_CONNECTIONS, "headrace-sdk")

    async def send_output(
        self, payload: Any, request_id: str | None = None, *, traceparent: str | None = None
    ) -> OutputReceipt:
        """As `Headrace.send_output`."""
        self._client.check_open()
        send = partial(self._client.send_output, payload, request_id, traceparent=traceparent)
        # With this task's context, so that the thread knows what is being answered and in which span.
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, send)

    async def close(self) -> None:
        """As `Headrace.close`."""
        self._client.close()
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self._client.endpoint!r})"
