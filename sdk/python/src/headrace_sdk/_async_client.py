"""The same client for agents that live in an event loop; the work is done by `Headrace`, in a thread."""

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import requests

from ._answers import OutputReceipt
from ._client import Headrace


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

    async def send_output(
        self, payload: Any, request_id: str | None = None, *, traceparent: str | None = None
    ) -> OutputReceipt:
        """As `Headrace.send_output`."""
        return await asyncio.to_thread(self._client.send_output, payload, request_id, traceparent=traceparent)

    async def close(self) -> None:
        """As `Headrace.close`."""
        self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self._client.endpoint!r})"
