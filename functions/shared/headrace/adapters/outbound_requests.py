"""Requests to users' addresses through `requests`: pooled connections, no redirects, bounded in time and size.

A session is left out on purpose: it would keep cookies of one user's address for another's, and reads the whole
body of a redirect even when it is told not to follow it. Its adapter alone does neither, and is safe for threads.
"""

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from headrace.domain.errors import InvalidInput
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse

_READ_BYTES = 64 * 1024
_CHUNK_BYTES = 8 * 1024
_POOL = 32


class RequestsOutbound:
    """See `ports.outbound.Outbound`."""

    def __init__(self) -> None:
        self._adapter = _Adapter(pool_connections=_POOL, pool_maxsize=_POOL, max_retries=0)

    def send(self, request: OutboundRequest) -> OutboundResponse:
        """See `Outbound.send`."""
        seconds = request.timeout.total_seconds()
        with _translated(seconds):
            limit: Any = urllib3.Timeout(total=seconds)  # any, since the stubs do not know that it is taken
            sent = self._adapter.send(_prepared(request), stream=True, timeout=limit)
            with sent as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return OutboundResponse(response.status_code, headers, _read(response))

    def close(self) -> None:
        """Close all pooled connections."""
        self._adapter.close()


def _prepared(request: OutboundRequest) -> requests.PreparedRequest:
    try:
        for text in (part for pair in request.headers.items() for part in pair):
            text.encode("latin-1")
    except UnicodeEncodeError as wrong:
        raise InvalidInput(f"has a header that cannot be sent: {wrong}", field="headers") from wrong
    headers = {"User-Agent": "Headrace", **request.headers}
    return requests.Request(request.method, request.url, headers=headers, data=request.body).prepare()


def _read(response: requests.Response) -> bytes:
    """The first bytes of the body. The status has come, so a body that never ends is cut, not an error."""
    body = b""
    try:
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) >= _READ_BYTES:
                break
    except requests.exceptions.ConnectionError as broken:
        if not isinstance(broken.args[0], urllib3.exceptions.ReadTimeoutError):
            raise
    return body[:_READ_BYTES]


@contextmanager
def _translated(seconds: float) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.Timeout as silence:
        raise NoAnswer(f"gave no answer within {seconds:g} s") from silence
    except (requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema) as wrong:
        raise InvalidInput(f"has a URL that is not http or https: {wrong}", field="url") from wrong
    except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError, UnicodeError) as wrong:
        raise InvalidInput(f"has a URL that cannot be used: {wrong}", field="url") from wrong
    except requests.exceptions.InvalidHeader as wrong:
        raise InvalidInput(f"has a header that cannot be sent: {wrong}", field="headers") from wrong
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as broken:
        raise NoAnswer(f"could not be reached: {_short(broken)}") from broken


def _short(broken: BaseException) -> str:
    """The cause at the bottom; what lies above it repeats the URL and names internals."""
    while (cause := broken.__cause__ or broken.__context__) is not None:
        broken = cause
    return str(broken) or type(broken).__name__


# --- one time limit for the whole answer ------------------------------------------------------------------------
# A socket's time limit is for one read, so an answer that comes byte by byte could take for ever.


class _Raw(io.RawIOBase):
    """The reading side of a socket; all reads together have the time that the socket allows for one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._ends_monotonic = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_monotonic - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Raw(sock))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
