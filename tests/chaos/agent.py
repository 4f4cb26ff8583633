"""The team's agent, in every mood that an HTTP server can have; it writes down which records it took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from tests.chaos.history import History, Took
from tests.chaos.records import decode_batch

_SILENT_SECONDS = 12
_SLOW_SECONDS = 1.0


class Agent:
    """Answers 202 at once unless it is in a `mood`."""

    def __init__(self, url: str, history: History) -> None:
        self.url, self._history = url, history
        self.mood = ""
        self.ending = Event()

    def took(self, request_id: str, body: bytes, answer: str, *, done: bool) -> None:
        self._history.add(Took(request_id, answer, done, decode_batch(body)))


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: "_Server"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died on the way: that was no request
            self.close_connection = True
            return
        agent = self.server.agent
        mood = agent.mood
        answer = _ANSWERS.get(mood, _well)
        # Written down before it answers: a delivery that Headrace knows of is never missing from the history.
        agent.took(self.headers["X-Request-ID"], body, mood or "202", done=answer in _TAKING)
        answer(self)

    def reply(self, status: int, length: int = 0, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _well(exchange: _Exchange) -> None:
    exchange.reply(202)


def _slow(exchange: _Exchange) -> None:
    exchange.server.agent.ending.wait(_SLOW_SECONDS)
    exchange.reply(202)


def _silent(exchange: _Exchange) -> None:
    exchange.server.agent.ending.wait(_SILENT_SECONDS)
    exchange.close_connection = True


def _half(exchange: _Exchange) -> None:
    exchange.reply(500, 100)
    exchange.wfile.write(b"only the beg")
    exchange.close_connection = True


def _no_more(exchange: _Exchange) -> None:
    """It has taken the batch and says so, but the body that it promises never comes."""
    exchange.reply(202, 100)
    exchange.server.agent.ending.wait(_SILENT_SECONDS)
    exchange.close_connection = True


_ANSWERS: dict[str, Callable[[_Exchange], None]] = {
    "agent fails": lambda exchange: exchange.reply(500),
    "agent throttles": lambda exchange: exchange.reply(429, Retry_After="1"),
    "agent is silent": _silent,
    "agent stops half-way": _half,
    "agent says 202 and no more": _no_more,
    "agent is slow": _slow,
    "agent refuses": lambda exchange: exchange.reply(400),
}
_TAKING = (_well, _slow, _no_more)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    agent: Agent

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that are killed hang up anywhere."""


@contextmanager
def listening(history: History) -> Iterator[Agent]:
    """An agent on a free port of this machine."""
    with _Server(("127.0.0.1", 0), _Exchange) as server:
        server.agent = Agent(f"http://127.0.0.1:{server.server_port}/process", history)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.agent
        finally:
            server.agent.ending.set()
            server.shutdown()
            thread.join()
