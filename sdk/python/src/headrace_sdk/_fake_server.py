"""The HTTP under `testing.FakeReceiver`: requests on a free loopback port, each answered by one function."""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from requests.structures import CaseInsensitiveDict

from ._replies import Reply, problem

_IDLE_SECONDS = 60


Answering = Callable[[str, Mapping[str, str], bytes], Reply]
"""Path, headers, body → reply."""


class FakeServer:
    """Listens from the beginning on, on `url`."""

    def __init__(self, answering: Answering) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.answering = answering
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and hang up on clients that keep their connections open."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Else a crowd of connections at once waits a second for the kernel to ask again.
    request_queue_size = 128
    answering: Answering

    def __init__(self, *arguments: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End all connections, those that wait for their next request included."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of the test's business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    # Head and body of an answer leave as one packet; two would wait for each other's acknowledgement.
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        """Answer a whole request; half of one is none."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        self._send(self.server.answering(self.path, CaseInsensitiveDict(self.headers.items()), body))

    def do_GET(self) -> None:
        """Outputs are posted."""
        self._send(problem(405, "outputs are sent with POST", {"Allow": "POST"}))

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the names that http.server looks for

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
