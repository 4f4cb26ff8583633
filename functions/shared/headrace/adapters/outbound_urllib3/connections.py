"""urllib3's connections, opened by `Network`, with one time limit for all that a request does with them.

A socket's own limit is for one step, so whoever takes or sends a byte at a time could hold a request for ever.
"""

import io
import logging
import socket
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any, cast

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from headrace.adapters.outbound_urllib3.network import Network
from headrace.adapters.outbound_urllib3.urls import Target

_LONGEST_IDLE_SECONDS = 55.0
"""Common servers and network translators forget a silent connection after a minute."""
_PIECE_BYTES = 16 * 1024
"""What TLS sends at once."""
_LONGEST_ANSWER_BYTES = 1024 * 1024
"""As sent, head included: far more than what is kept of it, so that only a flood of headers gets there."""

# It warns of headers that cannot be read with the whole URL, and a Slack URL is a secret.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class Connection(HTTPConnection):
    """Plain HTTP, one request at a time; its steps share the time that it has, and raise TimeoutError without any."""

    def __init__(self, target: Target, network: Network, **how: Any) -> None:
        super().__init__(target.host, target.port, **how)
        self._network = network
        self._ends_monotonic = self._rested_monotonic = 0.0
        self._held: list[bytes] = []
        self.response_class = cast(Any, self._answer)

    def begin(self, ends_monotonic: float) -> None:
        """What follows belongs to a request that must be over by then. Raises what `Network.open` raises."""
        self._ends_monotonic = ends_monotonic
        self.timeout = self.left()
        if self.sock is None:
            self.connect()
            self.timeout = self.left()

    def left(self) -> float:
        """Seconds. Raises TimeoutError."""
        left = self._ends_monotonic - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def rest(self) -> None:
        """The request is over, and the connection waits for another one."""
        self._rested_monotonic = time.monotonic()

    @property
    def is_usable(self) -> bool:
        """Whether the other side can be expected to take another request."""
        return self.is_connected and time.monotonic() - self._rested_monotonic < _LONGEST_IDLE_SECONDS

    def request(self, *args: Any, **kwargs: Any) -> None:
        """As in urllib3, but head and body leave together: each system call counts."""
        self._held = []
        super().request(*args, **kwargs)
        sent = b"".join(self._held)
        self.sock.sendall(sent[:_PIECE_BYTES])
        for start in range(_PIECE_BYTES, len(sent), _PIECE_BYTES):  # TLS gives the whole time to each piece anyway
            self.sock.settimeout(self.left())
            self.sock.sendall(sent[start : start + _PIECE_BYTES])

    def send(self, data: Any) -> None:
        """Called by `request` with each part of what it sends."""
        self._held.append(data)

    def _new_conn(self) -> socket.socket:
        made = self._network.open(self._dns_host, self.port, self.left())
        made.settimeout(self.left())
        return made

    def _answer(self, sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        return HTTPResponse(cast(Any, _Reading(sock, self)), *args, **kwargs)


class SecureConnection(Connection, HTTPSConnection):
    """The same over TLS."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What `http.client` takes for a socket: it asks it for a file to read an answer from, and for nothing else."""

    sock: socket.socket
    connection: Connection

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self.sock.makefile("rb", buffering=0), self.sock, self.connection))


class _Raw(io.RawIOBase):
    """The reading side of a socket, within the time and the size of one answer."""

    def __init__(self, file: Any, sock: socket.socket, connection: Connection) -> None:
        self._file, self._sock, self._connection = file, sock, connection
        self._read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._read_bytes:  # before the first one, urllib3 has set the limit
            self._sock.settimeout(self._connection.left())
        count: int = self._file.readinto(buffer)
        self._read_bytes += count
        if self._read_bytes > _LONGEST_ANSWER_BYTES:
            raise OSError(f"its answer is over {_LONGEST_ANSWER_BYTES} bytes, headers included")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def new_trust() -> ssl.SSLContext:
    """TLS that checks names, and trusts the certificates of the machine and of `certifi`. Making it takes 20 ms."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    return context
