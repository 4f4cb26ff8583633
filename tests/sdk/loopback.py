"""A receiver on a free port of this machine that answers as a test tells it to, badly included."""

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCEPTED = {"status": "accepted", "id": "message-1"}
PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Received:
    """One request as it came, and from which connection."""

    path: str
    headers: Message
    body: bytes
    connection: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[["Exchange"], None]


@dataclass
class Receiver:
    """Keeps what it got; gives its `answers` in turn, the last one for ever."""

    url: str
    answers: list[Answer]
    released: threading.Event
    requests: list[Received] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    def will(self, *answers: Answer) -> None:
        self.answers[:] = answers

    def next_answer(self) -> Answer:
        return self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; `self.server` is the `_Server` below."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS

    @property
    def receiver(self) -> Receiver:
        return self.server.receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.requests.append(Received(self.path, self.headers, body, self.client_address))
        self.receiver.next_answer()(self)

    def do_GET(self) -> None:
        """Where a redirect would lead."""
        self.receiver.requests.append(Received(self.path, self.headers, b"", self.client_address))
        reply()(self)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Else a crowd of connections at once waits a second for the kernel to ask again.
    request_queue_size = 128
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        fault = sys.exception()
        # The client hangs up on answers that do not end: that is the point of them.
        if not isinstance(fault, ConnectionError | TimeoutError):
            self.receiver.faults.append(fault)


@contextmanager
def listening() -> Iterator[Receiver]:
    released = threading.Event()
    with _Server(("127.0.0.1", 0), Exchange) as server:
        server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}", [reply()], released)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.receiver
        finally:
            released.set()
            server.shutdown()
            thread.join(PATIENCE_SECONDS)
            # Threads of connections that are kept alive end with the process.
            server.block_on_close = False
    assert server.receiver.faults == []


def reply(status: int = 202, content: Any = ACCEPTED, **headers: str) -> Answer:
    """A whole answer; `content` is sent as JSON unless it is bytes; `Retry_After=…` names a header."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(exchange: Exchange) -> None:
        exchange.begin(status, {"Content-Length": str(len(body)), **named})
        exchange.wfile.write(body)

    return answer


def hang(exchange: Exchange) -> None:
    """Take the request and never answer."""
    exchange.receiver.released.wait(PATIENCE_SECONDS)
    exchange.close_connection = True


def hang_up(exchange: Exchange) -> None:
    """Close the connection instead of answering."""
    exchange.close_connection = True


def stop_half_way(exchange: Exchange) -> None:
    """Promise a hundred bytes, send a few, and close."""
    exchange.begin(202, {"Content-Length": "100"})
    exchange.wfile.write(b'{"status": ')
    exchange.close_connection = True


def endless(status: int, **headers: str) -> Answer:
    """A body that does not end for as long as somebody reads it."""

    def answer(exchange: Exchange) -> None:
        exchange.close_connection = True
        exchange.begin(status, {name.replace("_", "-"): value for name, value in headers.items()})
        while not exchange.receiver.released.is_set():
            exchange.wfile.write(b" " * 65536)

    return answer


def dripping(exchange: Exchange) -> None:
    """A body that comes a byte at a time, each one in time, and never ends."""
    exchange.close_connection = True
    exchange.begin(202, {})
    while not exchange.receiver.released.wait(0.01):
        exchange.wfile.write(b" ")


@contextmanager
def refusing() -> Iterator[str]:
    """A base URL where nobody listens, and where nobody can begin to: the port is taken."""
    with suppress(OSError), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
