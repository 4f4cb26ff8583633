"""When to try again: urllib3's arithmetic, with two rules of this client on top.

A server that asks for a longer rest than the agent can afford is believed, and the try given up at once
rather than repeated too early; and no body is read on the way to a retry, since it may never end.
"""

from types import TracebackType
from typing import Any, Self

from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

RETRIED_STATUSES = frozenset({408, 429, *range(500, 600)})


class BoundedRetry(Retry):
    """`Retry` that waits for a `Retry-After` of at most `longest_wait_seconds`."""

    # Without this, a 413 with a `Retry-After` would be tried again.
    RETRY_AFTER_STATUS_CODES = frozenset()

    longest_wait_seconds: float = 0

    @classmethod
    def of(cls, max_retries: int, longest_wait_seconds: float) -> Self:
        """Up to `max_retries` further tries.

        The first comes at once, the others after 0.5, 1, 2 … 8 s and up to 0.5 s of jitter, and each when
        `Retry-After` says so.
        """
        retry = cls(
            total=max_retries,
            allowed_methods={"POST"},
            status_forcelist=RETRIED_STATUSES,
            backoff_factor=0.25,
            backoff_jitter=0.5,
            backoff_max=8,
            # The last answer is wanted as it is, with its status and its words.
            raise_on_status=False,
        )
        retry.longest_wait_seconds = longest_wait_seconds
        return retry

    def new(self, **kw: Any) -> Self:
        successor = super().new(**kw)
        successor.longest_wait_seconds = self.longest_wait_seconds
        return successor

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds, or None where the header is absent or unreadable: a bad header is no reason to fail."""
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        successor = super().increment(method, url, response, error, _pool, _stacktrace)
        if response is None:
            return successor
        if (self.get_retry_after(response) or 0) > self.longest_wait_seconds:
            reason = ResponseError(f"asked to wait longer than {self.longest_wait_seconds} s")
            raise MaxRetryError(_pool, url, reason)  # type: ignore[arg-type]  # as urllib3 does itself
        # Closed, so that urllib3 finds nothing left to drain: that read would have no end in sight.
        response.close()
        return successor
