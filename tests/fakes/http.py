"""An HTTP server on this machine that stands in for an agent or a webhook and answers as a test tells it to.

It keeps every whole request, in order. Its answers are given in turn, the last one for ever; they include all the
ways in which a server of the real world misbehaves.
"""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_SECONDS = 60
"""The longest that anything here waits for anything."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: Message
    body: bytes = field(repr=False)
    at_monotonic: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpStandIn:
    """What a test sees of the server: what it got, and what it is to answer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.released = threading.Event()
        """Ends all answers that hang."""
        self.faults: list[BaseException | None] = []
        self._requests: list[Request] = []
        self._answers: list[Answer] = [reply()]
        self._changed = threading.Condition()

    @property
    def requests(self) -> list[Request]:
        """All requests until now."""
        with self._changed:
            return list(self._requests)

    @property
    def records(self) -> list[Any]:
        """What the requests held, one after the other: each body is an array."""
        return [record for request in self.requests for record in request.json]

    def will(self, *answers: "Answer") -> None:
        """Give these answers from now on."""
        with self._changed:
            self._answers = list(answers)

    def wait_for(self, count: int, *, within: float = PATIENCE_SECONDS) -> list[Request]:
        """The requests, as soon as there are `count` of them."""
        self.wait_until(lambda: len(self._requests) >= count, within=within)
        requests = self.requests
        assert len(requests) >= count, f"{len(requests)} requests came within {within} s, {count} were expected"
        return requests

    def wait_until(self, condition: Callable[[], bool], *, within: float = PATIENCE_SECONDS) -> bool:
        """Whether `condition`, looked at after each request, held in time."""
        with self._changed:
            return self._changed.wait_for(condition, within)

    def took(self, request: Request) -> "Answer":
        """Keep a request; the answer that is due for it."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            return self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS
    server: "_Server"
    taken: Request

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died on the way: that was no request
            self.close_connection = True
            return
        self.taken = Request(self.command, self.path, self.headers, body, time.monotonic())
        self.server.stand_in.took(self.taken)(self)

    do_PUT = do_PATCH = do_POST  # noqa: N815 - the names that http.server looks for

    def do_GET(self) -> None:
        """Whoever only looks whether somebody is there, or follows a redirect, is no caller that counts."""
        reply(405)(self)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


Answer = Callable[[Exchange], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128
    stand_in: HttpStandIn

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.stand_in = HttpStandIn(f"http://127.0.0.1:{self.server_port}/process")
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that are still open, so that their threads end."""
        for connection in tuple(self._open):
            with _gone():
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        fault = sys.exception()
        if not isinstance(fault, ConnectionError | TimeoutError):  # callers that are killed hang up anywhere
            self.stand_in.faults.append(fault)


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except OSError:
        return


@contextmanager
def listening(port: int = 0) -> Iterator[HttpStandIn]:
    """A server that answers 202 until it is told otherwise."""
    with _Server(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.stand_in
        finally:
            server.stand_in.released.set()
            server.shutdown()
            thread.join(PATIENCE_SECONDS)
            server.hang_up()
    assert server.stand_in.faults == []


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, and where only `listening(port)` can begin to: it is taken."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


# --- answers -------------------------------------------------------------------------------------------------


def reply(status: int = 202, body: bytes = b"", **headers: str) -> Answer:
    """A whole answer; `Retry_After="2"` names a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(exchange: Exchange) -> None:
        exchange.begin(status, {"Content-Length": str(len(body)), **named})
        exchange.wfile.write(body)

    return answer


def hang(exchange: Exchange) -> None:
    """Take the request and never answer."""
    exchange.server.stand_in.released.wait(PATIENCE_SECONDS)
    exchange.close_connection = True


def hang_until(moment: threading.Event, then: Answer | None = None) -> Answer:
    """Answer only when `moment` has come."""

    def answer(exchange: Exchange) -> None:
        moment.wait(PATIENCE_SECONDS)
        (then or reply())(exchange)

    return answer


def hang_up(exchange: Exchange) -> None:
    """Close the connection instead of answering."""
    exchange.close_connection = True


def stop_half_way(exchange: Exchange) -> None:
    """Promise a hundred bytes, send a few, and close."""
    exchange.begin(500, {"Content-Length": "100"})
    exchange.wfile.write(b"only the beg")
    exchange.close_connection = True


def endless_body(exchange: Exchange) -> None:
    """A body that does not end for as long as somebody reads it."""
    exchange.close_connection = True
    exchange.begin(200, {})
    while not exchange.server.stand_in.released.is_set():
        exchange.wfile.write(b" " * 65536)


def dripping_body(exchange: Exchange) -> None:
    """A body that comes byte by byte, each of them in time, and never ends."""
    exchange.close_connection = True
    exchange.begin(200, {})
    while not exchange.server.stand_in.released.wait(0.05):
        exchange.wfile.write(b" ")


def dripping_headers(exchange: Exchange) -> None:
    """A status, then header after header, each of them in time, and never an end."""
    exchange.close_connection = True
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not exchange.server.stand_in.released.wait(0.2):
        exchange.wfile.write(b"X")
