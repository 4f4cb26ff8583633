"""Stands between a client and an emulator of AWS: counts calls, and spoils those that a test names.

proxy.spoil("SendMessageBatch", refusal(400, "ThrottlingException"))     # the next call only
proxy.spoil("CreateQueue", hang_up_after)                               # done, but nobody hears of it
"""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MAPPINGS = {
    "GET": "ListEventSourceMappings",
    "POST": "CreateEventSourceMapping",
    "PUT": "UpdateEventSourceMapping",
    "DELETE": "DeleteEventSourceMapping",
}


class Exchange(BaseHTTPRequestHandler):
    """One call: passed on, or answered by what spoils it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy, operation = self.server.proxy, self._operation()
        spoiler = proxy.took(operation)
        if spoiler is None:
            self._pass_on(body)
        else:
            spoiler(self, body)

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names that http.server looks for

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """What the emulator answers."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.proxy.target_port, timeout=30)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            found = upstream.getresponse()
            kept = {name: value for name, value in found.getheaders() if name.lower().startswith("x-amzn")}
            return found.status, found.read(), kept
        finally:
            upstream.close()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _pass_on(self, body: bytes) -> None:
        status, answer, headers = self.forward(body)
        self.answer(status, headers, answer)

    def _operation(self) -> str:
        if target := self.headers.get("X-Amz-Target"):
            return str(target).rpartition(".")[2]
        return _MAPPINGS[self.command] if "event-source-mappings" in self.path else "GetFunctionConfiguration"


Spoiler = Callable[[Exchange, bytes], None]


class AwsProxy:
    """What a test sees of it."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.url = ""
        self.calls: list[str] = []
        """The operations that were called, in order."""
        self._spoilers: list[tuple[str, Spoiler]] = []
        self._changes_left = 0
        self._cut: Spoiler | None = None
        self._lock = threading.Lock()

    def spoil(self, operation: str, spoiler: Spoiler, *, times: int = 1) -> None:
        """Spoil the next call of `operation`, "" for any."""
        with self._lock:
            self._spoilers += [(operation, spoiler)] * times

    def spoil_change(self, passed: int, spoiler: Spoiler) -> None:
        """Let `passed` calls that change something pass, then spoil the next one."""
        with self._lock:
            self._changes_left, self._cut = passed, spoiler

    def took(self, operation: str) -> Spoiler | None:
        with self._lock:
            self.calls.append(operation)
            if self._cut is not None and not operation.startswith(("Get", "List")):
                self._changes_left -= 1
                if self._changes_left < 0:
                    spoiler, self._cut = self._cut, None
                    return spoiler
            for place, (name, spoiler) in enumerate(self._spoilers):
                if name in ("", operation):
                    del self._spoilers[place]
                    return spoiler
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: AwsProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers whose connection was hung up are no news."""


@contextmanager
def in_front_of(target_port: int) -> Iterator[AwsProxy]:
    with _Server(("127.0.0.1", 0), Exchange) as server:
        server.proxy = AwsProxy(target_port)
        server.proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.proxy
        finally:
            server.shutdown()
            thread.join(30)


# --- spoilers ------------------------------------------------------------------------------------------------


def refusal(status: int, code: str, message: str = "spoiled", **more: Any) -> Spoiler:
    """An error as AWS answers it, by JSON and by header."""
    answer = json.dumps({"__type": code, "message": message, **more}).encode()
    return lambda exchange, _: exchange.answer(status, {"x-amzn-ErrorType": code}, answer)


def reply(**answer: Any) -> Spoiler:
    """An answer that the emulator never gave."""
    return lambda exchange, _: exchange.answer(200, {}, json.dumps(answer).encode())


def hang_up(exchange: Exchange, _: bytes) -> None:
    """No answer, and nothing done."""
    exchange.close_connection = True
    exchange.connection.close()


def refuse_after(exchange: Exchange, body: bytes) -> None:
    """Done, but the answer says that it was not, in a way that no client tries again."""
    exchange.forward(body)
    refusal(400, "AccessDenied")(exchange, body)


def hang_up_after(exchange: Exchange, body: bytes) -> None:
    """Done, but nobody hears of it."""
    exchange.forward(body)
    hang_up(exchange, body)
