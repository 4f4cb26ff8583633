"""The client that an agent holds: what the agent says → `POST {endpoint}/internal/agent-output`.

One call walks `_payload` (bytes) → here (headers, connection) → `_retries` (again, when that helps) →
`_answers` (receipt or error); `_translation` stands at the edge to requests.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from ._answers import OutputReceipt, Sent, read_receipt
from ._errors import ConfigurationError, InvalidPayloadError
from ._origin import current_origin
from ._payload import encode_payload
from ._retries import BoundedRetry
from ._settings import (
    OUTPUT_PATH,
    is_header_value,
    resolve_api_key,
    resolve_count,
    resolve_endpoint,
    resolve_seconds,
)
from ._translation import FOREIGN, translated
from ._version import __version__

POOLED_CONNECTIONS = 32
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    # An answer that needs no unpacking cannot be a bomb.
    "Accept-Encoding": "identity",
    "User-Agent": f"headrace-sdk/{__version__}",
}


class Headrace:
    """A connection to one Headrace project; one for the whole process, used by any number of threads.

    Args:
        api_key: else `HEADRACE_API_KEY`, else `GLASSFLOW_API_KEY`.
        endpoint: base URL; else `HEADRACE_ENDPOINT`, else `GLASSFLOW_ENDPOINT`, else this machine.
        timeout: seconds or timedelta to connect, for silence on the line, and for the body of the answer.
        max_retries: further tries after 408, 429, 5xx and connection faults.
        max_retry_after: seconds or timedelta; when `Retry-After` asks for more, the call fails at once
            with an `UnavailableError` that carries the time, instead of sleeping in the agent.
        session: lends its proxies, certificates and headers, and is not closed. An adapter of the caller's
            own that it holds for this endpoint is used as it is, so its retries apply.

    Raises:
        ConfigurationError: no API key, or a value that cannot work.
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
        self._key = _ApiKey(resolve_api_key(api_key))
        self.endpoint = resolve_endpoint(endpoint)
        self._url = self.endpoint + OUTPUT_PATH
        self._timeout_seconds = resolve_seconds("timeout", timeout)
        retry = BoundedRetry.of(
            resolve_count("max_retries", max_retries), resolve_seconds("max_retry_after", max_retry_after)
        )
        self._owns_session = session is None
        self._session = session or requests.Session()
        self._closed = False
        if _is_plain(self._session.get_adapter(self._url)):
            # For this URL alone: a session that was lent keeps its ways everywhere else.
            self._session.mount(self._url, HTTPAdapter(max_retries=retry, pool_maxsize=POOLED_CONNECTIONS))

    def send_output(
        self, payload: Any, request_id: str | None = None, *, traceparent: str | None = None
    ) -> OutputReceipt:
        """Hand over what the agent found; returns once it is stored.

        Args:
            payload: any JSON value, at most 256 KiB as UTF-8 JSON.
            request_id: the `X-Request-ID` of the batch that it answers; else that of `answering`; else made
                up, so that the tries of one call can be told from two calls.
            traceparent: W3C Trace Context, passed on as it is; else OpenTelemetry's current span, else that
                of `answering`.

        Raises:
            InvalidPayloadError: payload, request_id or traceparent cannot be sent, or was refused.
            AuthenticationError: the key was refused.
            UnavailableError: no answer, or 408, 429, 5xx, after all retries.
            UnexpectedResponseError: an answer that is not Headrace's, redirects included.
            ConfigurationError: the client is closed, or its endpoint, proxy or certificates cannot work.
        """
        self.check_open()
        body = encode_payload(payload)
        origin = current_origin()
        request_id = request_id or origin.request_id or str(uuid4())
        headers = _headers(request_id, traceparent or origin.traceparent)
        sent = Sent(self._url, request_id, len(body), self._timeout_seconds, self._key.value)
        try:
            with self._post(body, headers) as response:
                return read_receipt(response, sent)
        except FOREIGN as error:
            raise translated(error, self._url, request_id) from error

    def check_open(self) -> None:
        """Raises `ConfigurationError` once the client is closed."""
        if self._closed:
            raise ConfigurationError("this client is closed")

    def close(self) -> None:
        """Close the connections, unless the session is the caller's; may be called again."""
        self._closed = True
        if self._owns_session:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self.endpoint!r})"

    def _post(self, body: bytes, headers: dict[str, str]) -> requests.Response:
        """Send through the session's adapter, not through `Session.send`.

        That one, told not to follow a redirect, still reads the redirect's whole body, however long; and
        it keeps cookies, which threads would share.
        """
        request = self._session.prepare_request(
            requests.Request("POST", self._url, data=body, headers=headers, auth=self._key)
        )
        settings: Mapping[str, Any] = self._session.merge_environment_settings(self._url, {}, True, None, None)
        adapter = self._session.get_adapter(self._url)
        return adapter.send(request, timeout=self._timeout_seconds, **settings)


class _ApiKey(AuthBase):
    """Puts the key on each request.

    As an object that does not show it, it stays out of tracebacks that print variables; as requests'
    `auth`, it keeps a `.netrc` from adding an Authorization of its own.
    """

    def __init__(self, value: str) -> None:
        self.value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-API-Key"] = self.value
        return request


def _headers(request_id: str, traceparent: str | None) -> dict[str, str]:
    headers = {**_HEADERS, "X-Request-ID": request_id}
    if traceparent:
        headers["traceparent"] = traceparent
    for name in ("X-Request-ID", "traceparent"):
        if name in headers and not is_header_value(headers[name]):
            raise InvalidPayloadError(f"{name} must be printable ASCII on one line: {headers[name]!r}")
    return headers


def _is_plain(adapter: object) -> bool:
    """Whether it is what every session starts with, and not something that the caller has put there."""
    return type(adapter) is HTTPAdapter and adapter.max_retries.total == 0
