"""One request on a kept or new connection, and its answer as far as it is wanted.

A host is checked when its URL is first read, an address when it is connected to. So a request on a kept connection
costs no check, and there is none that it could slip past.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from http.client import HTTPException
from ssl import SSLContext

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from headrace.adapters.outbound_urllib3.connections import Connection, SecureConnection, new_trust
from headrace.adapters.outbound_urllib3.idle import IdleConnections
from headrace.adapters.outbound_urllib3.network import Network
from headrace.adapters.outbound_urllib3.urls import Target, read_url
from headrace.errors import InvalidInput
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse

_READ_BYTES = 64 * 1024
_CHUNK_BYTES = 8 * 1024
_REMEMBERED_URLS = 1024
_REASON_CHARACTERS = 200

# RFC 9110 section 5; values without spaces around them, and in Latin-1 beyond ASCII, as servers read them.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")

_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class Urllib3Outbound:
    """See `ports.outbound.Outbound`."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._idle = IdleConnections()
        self._allowed = lru_cache(_REMEMBERED_URLS)(self._read_allowed)

    def check(self, url: str) -> None:
        """See `Outbound.check`."""
        self._allowed(url)

    def send(self, request: OutboundRequest) -> OutboundResponse:
        """See `Outbound.send`."""
        target = self._allowed(request.url)
        headers = {"User-Agent": "Headrace", **_checked(request.headers)}
        seconds = request.timeout.total_seconds()
        ends_monotonic = time.monotonic() + seconds
        connection = self._idle.take(target.origin) or self._new_connection(target)
        with _translated(seconds):
            try:
                connection.begin(ends_monotonic)
                response = _exchange(connection, request.method, target.path, request.body, headers)
                body = _read(response)
            except BaseException:
                connection.close()
                raise
        if response.closed and not connection.is_closed:
            self._idle.put(target.origin, connection)
        else:
            connection.close()
        return OutboundResponse(
            response.status, {name.lower(): value for name, value in response.headers.items()}, body
        )

    def close(self) -> None:
        """Close all kept connections."""
        self._idle.close()

    def _new_connection(self, target: Target) -> Connection:
        if target.scheme == "http":
            return Connection(target, self._network)
        return SecureConnection(target, self._network, ssl_context=self._trust)

    @cached_property
    def _trust(self) -> SSLContext:
        return new_trust()

    def _read_allowed(self, url: str) -> Target:
        target = read_url(url)
        self._network.refuse(self._network.rules.refusal_of_host(target.host))
        return target


def _checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)) or name.lower() in _FRAMING:
            raise InvalidInput(f"has a header that cannot be sent: {name!r}", field="headers")
    return headers


def _exchange(
    connection: Connection, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> BaseHTTPResponse:
    with suppress(BrokenPipeError, ConnectionResetError):  # who has read enough may have answered before hanging up
        connection.request(method, path, body, headers, preload_content=False)
    connection.timeout = connection.left()
    return connection.getresponse()


def _read(response: BaseHTTPResponse) -> bytes:
    """The first bytes of the body. The status has come, so a body that never ends or makes no sense is cut."""
    body, packed = b"", "content-encoding" in response.headers
    with suppress(ReadTimeoutError, DecodeError):
        while len(body) < _READ_BYTES and (chunk := response.read(_CHUNK_BYTES)):
            body += chunk
            if response.closed and not packed:  # spares a read that would only say so
                break
    return body[:_READ_BYTES]


@contextmanager
def _translated(seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as silence:
        raise NoAnswer(f"gave no answer within {seconds:g} s") from silence
    except (HTTPError, HTTPException, OSError, UnicodeError) as broken:
        raise NoAnswer(f"could not be reached: {_short(broken)}") from broken


def _short(broken: BaseException) -> str:
    """The cause at the bottom, on one line; what lies above it repeats the URL and names internals."""
    while (cause := broken.__cause__ or broken.__context__) is not None:
        broken = cause
    words = (str(broken) or type(broken).__name__)[:_REASON_CHARACTERS]
    return "".join(each if each.isprintable() else "�" for each in words)
