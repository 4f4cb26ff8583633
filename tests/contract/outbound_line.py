"""The other end of a connection, byte by byte: what real servers do when they are slow, broken or hostile."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Event, Thread
from typing import Any

_PATIENCE_SECONDS = 30
_DROPS, _DROP_SECONDS = 200, 0.05


@dataclass(frozen=True)
class Arrived:
    method: str
    headers: Mapping[str, str]
    body: bytes


class Line:
    """A listener on a free port of this machine. After each request it does the steps that a test gave it."""

    HANG, DRIP, FLOOD = object(), object(), object()

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.requests: list[Arrived] = []
        self.connections = 0
        self.keep_alive = False
        self._steps: tuple[Any, ...] = (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",)
        self._closed = 0
        self._changed = Condition()
        self._over = Event()

    def will(self, *steps: Any) -> None:
        """Send these bytes after each request; HANG, DRIP and FLOOD stand for what they say."""
        self._steps = steps

    def wait_closed(self, count: int) -> None:
        """Return when `count` connections have been closed from here."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._closed >= count, _PATIENCE_SECONDS)

    def __enter__(self) -> "Line":
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as incoming:
            connection.settimeout(_PATIENCE_SECONDS)
            while request := _read(incoming):
                self.requests.append(request)
                for step in self._steps:
                    self._do(connection, step(request) if callable(step) else step)
                if not self.keep_alive:
                    break
        with self._changed:
            self._closed += 1
            self._changed.notify_all()

    def _do(self, connection: socket.socket, step: Any) -> None:
        if step is self.HANG:
            self._over.wait(_PATIENCE_SECONDS)
        elif step is self.DRIP:
            for _ in range(_DROPS):
                if self._over.wait(_DROP_SECONDS):
                    return
                connection.sendall(b"1\r\n.\r\n" if b"chunked" in b"".join(self._sent()) else b".")
        elif step is self.FLOOD:
            while not self._over.is_set():
                connection.sendall(b"x" * 65536)
        else:
            connection.sendall(step)

    def _sent(self) -> list[bytes]:
        return [step for step in self._steps if isinstance(step, bytes)]


class HttpPeer:
    """A well-behaved server on a Line, which keeps its connections."""

    def __init__(self, line: Line) -> None:
        self._line, self.url, self.requests = line, line.url, line.requests
        line.keep_alive = True

    def will(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self._line.will(_answer(status, headers or {}, body))

    def will_echo(self) -> None:
        """Answer every request with its own body."""
        self._line.will(lambda request: _answer(200, {}, request.body))


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    framing = {} if status == 204 else {"Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in ({**headers, **framing}).items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _read(incoming: Any) -> Arrived | None:
    """The next request; None at the end of the connection."""
    first = incoming.readline().decode("latin-1").split()
    if not first:
        return None
    headers = {}
    while line := incoming.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Arrived(first[0], headers, incoming.read(int(headers.get("content-length", 0))))
