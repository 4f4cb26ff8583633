"""HTTP/1.1 on a bare socket, so that a check decides what goes over the line, and when. h11 makes and reads the bytes.

Every wait ends at a deadline, and an answer is read up to a limit.
"""

import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11

from headrace.otlp_check.report import Answer

_PIECE_BYTES = 64 * 1024
_LONGEST_ANSWER_BYTES = 4 * 1024 * 1024

Headers = Sequence[tuple[str, str]]


class BadInput(Exception):
    """A URL or an option that cannot be used; the message says what is wrong with it."""


class NoAnswer(Exception):
    """The server closed, kept silent or did not speak HTTP."""


class NoConnection(NoAnswer):
    """Nobody listens, or nobody who can be trusted."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server listens; `path` is what comes before `/v1/…`."""

    host: str
    port: int
    path: str = ""
    tls: bool = False

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """Raises BadInput: no http or https URL of a server."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as cause:
        raise BadInput(f"{url!r} is no URL: {cause}") from cause
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.username is not None:
        raise BadInput(f"{url!r} is not the base URL of an endpoint, as http://127.0.0.1:4318 is")
    tls = parts.scheme == "https"
    return Target(host, port or (443 if tls else 80), parts.path.rstrip("/"), tls)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request. `headers` are complete but for Host and what frames the body."""

    path: str
    headers: Headers
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"
    chunked: bool = False

    def head(self, target: Target) -> h11.Request:
        """The request line and headers."""
        framing = ("Transfer-Encoding", "chunked") if self.chunked else ("Content-Length", str(len(self.body)))
        headers = [("Host", target.authority), *self.headers, *([] if self.method == "GET" else [framing])]
        return h11.Request(method=self.method, target=target.path + self.path, headers=headers)


class Line:
    """One connection. What fails on it is NoAnswer."""

    def __init__(self, target: Target, timeout_seconds: float) -> None:
        self._target = target
        self._timeout_seconds = timeout_seconds
        self._unread = b""
        self.sent_bytes = 0
        try:
            self._socket = socket.create_connection((target.host, target.port), timeout_seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.tls:
                context = ssl.create_default_context()
                self._socket = context.wrap_socket(self._socket, server_hostname=target.host)
        except OSError as cause:
            raise NoConnection(f"cannot connect to {target.authority}: {cause}") from cause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def exchange(self, *requests: Outgoing) -> list[Answer]:
        """Send all requests, then read their answers; the list is shorter when the server ends the connection."""
        parsers, pieces = [], []
        for request in requests:
            parser = h11.Connection(h11.CLIENT)
            pieces += self._encode(parser, request)
            parsers.append(parser)
        self._send(pieces)
        answers: list[Answer] = []
        for parser in parsers:
            answers.append(self._receive(parser))
            if not answers[-1].reusable:
                break
        return answers

    def exchange_after_continue(self, request: Outgoing) -> tuple[bool, Answer]:
        """Send the head, and the body only once the server said 100; whether it did, and the final answer."""
        parser = h11.Connection(h11.CLIENT)
        head, *body = self._encode(parser, request)
        self._send([head])
        deadline = time.monotonic() + self._timeout_seconds
        event = self._next_event(parser, deadline)
        if isinstance(event, h11.InformationalResponse):
            self._send(body)
            return True, self._receive(parser)
        return False, self._receive(parser, begun=event)

    def _encode(self, parser: h11.Connection, request: Outgoing) -> list[bytes]:
        pieces = [parser.send(request.head(self._target))]
        step = max(1, len(request.body) // 3) if request.chunked else _PIECE_BYTES
        for start in range(0, len(request.body), step):
            pieces += [parser.send(h11.Data(data=request.body[start : start + step]))]
        pieces += [parser.send(h11.EndOfMessage())]
        return [piece for piece in pieces if piece]

    def _send(self, pieces: Sequence[bytes]) -> None:
        """Send until all is out or the server has begun to answer, as it may when it refuses a long body."""
        self._socket.settimeout(self._timeout_seconds)
        try:
            for piece in _joined(pieces):
                if self._answer_has_begun():
                    return
                self._socket.sendall(piece)
                self.sent_bytes += len(piece)
        except OSError:
            return  # what the server had to say about it is read next, or found missing

    def _answer_has_begun(self) -> bool:
        """Never so under TLS, where what can be read need not be of an answer."""
        return not self._target.tls and bool(select.select([self._socket], [], [], 0)[0])

    def _receive(self, parser: h11.Connection, begun: object = None) -> Answer:
        deadline = time.monotonic() + self._timeout_seconds
        response, body = begun, bytearray()
        while not isinstance(response, h11.Response):
            response = self._next_event(parser, deadline)
        while not isinstance(event := self._next_event(parser, deadline), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
            if len(body) > _LONGEST_ANSWER_BYTES:
                raise NoAnswer(f"the answer is over {_LONGEST_ANSWER_BYTES} bytes long")
        self._unread = parser.trailing_data[0]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status_code, headers, bytes(body), parser.their_state is h11.DONE)

    def _next_event(self, parser: h11.Connection, deadline: float) -> object:
        if self._unread:
            parser.receive_data(self._unread)
            self._unread = b""
        try:
            while (event := parser.next_event()) is h11.NEED_DATA:
                self._socket.settimeout(_left(deadline))
                parser.receive_data(self._socket.recv(_PIECE_BYTES))
        except TimeoutError as cause:
            raise NoAnswer(f"no whole answer within {self._timeout_seconds:g} s") from cause
        except OSError as cause:
            raise NoAnswer(f"the connection broke before the answer: {cause}") from cause
        except h11.RemoteProtocolError as cause:
            raise NoAnswer(f"closed, or no HTTP, instead of an answer: {cause}") from cause
        return event


def _left(deadline: float) -> float:
    """The seconds until then. Raises TimeoutError: it is past, however much of an answer is still coming."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _joined(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Small pieces together, so that what is to arrive at once does."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
