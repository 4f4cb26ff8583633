"""The Lambda Runtime API (2018-06-01) on a loopback port of its own, for one function process.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

HOST = "127.0.0.1"
_PREFIX = "/2018-06-01/runtime/"


class Answer(NamedTuple):
    """What a function returned as JSON, or the error that it ended with."""

    body: bytes
    is_error: bool


class InitFailed(Exception):
    """The function could not be loaded; `body` is the error as the Runtime API has it."""

    def __init__(self, body: bytes) -> None:
        super().__init__("the function could not be loaded")
        self.body = body


def encode_error(kind: str, message: str) -> bytes:
    """An error as Lambda shows it."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class RuntimeApi:
    """Hands invocations to the process and takes its answers. One at a time, as an execution environment does."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()  # guards the two futures: the first answer wins
        self._work: queue.Queue[Mapping[str, str] | None] = queue.Queue()
        self.ready: Future[None] = Future()
        self._request_id = ""
        self._result: Future[Answer] = Future()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer((HOST, 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        return f"{HOST}:{self._server.server_port}"

    def hand_over(self, payload: Mapping[str, str]) -> Future[Answer]:
        """Give the process its next invocation; the answer to come."""
        with self._lock:
            self._request_id, self._result = payload["invoke-id"], Future()
        self._work.put(payload)
        return self._result

    def process_ended(self, status: int) -> None:
        """Whoever waits for the process hears that it is gone."""
        message = f"RequestId: {self._request_id} Error: Runtime exited with status {status}"
        error = encode_error("Runtime.ExitError", message)
        self._work.put(None)  # ends the long poll
        self.initialised(InitFailed(error))
        self.answered(self._request_id, Answer(error, is_error=True))

    def close(self) -> None:
        """Stop serving. That takes up to half a second, so nobody waits for it."""
        threading.Thread(target=self._close, daemon=True).start()

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- what the process says ----------------------------------------------------------------------------------

    def initialised(self, failure: InitFailed | None = None) -> None:
        """The function was loaded, or not."""
        with self._lock:
            if not self.ready.done():
                self.ready.set_exception(failure) if failure else self.ready.set_result(None)

    def answered(self, request_id: str, answer: Answer) -> None:
        """An invocation ended."""
        with self._lock:
            if request_id == self._request_id and not self._result.done():
                self._result.set_result(answer)

    def next_invocation(self) -> tuple[str, Mapping[str, str]] | None:
        """The event and the headers of the next invocation, as soon as there is one; None when all is over."""
        self.initialised()
        work = self._work.get()
        if work is None:
            return None
        deadline_ms = int((time.time() + self._timeout_seconds) * 1000)
        return work["payload"], {
            "Lambda-Runtime-Aws-Request-Id": work["invoke-id"],
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": work["invoked-function-arn"],
            "Lambda-Runtime-Trace-Id": work["trace-id"],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm, wbufsize = True, -1  # an answer is one packet, and waits for nothing
    api: RuntimeApi

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """`invocation/next`, a long poll."""
        found = self.api.next_invocation()
        if found is None:
            self.close_connection = True
            return
        event, headers = found
        self._reply(200, event.encode(), headers)

    def do_POST(self) -> None:
        """`init/error`, `invocation/ID/response` and `invocation/ID/error`."""
        path = self.path.removeprefix(_PREFIX)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._reply(202, b'{"status":"OK"}', {})
        if path == "init/error":
            self.api.initialised(InitFailed(body))
        elif path.startswith("invocation/"):
            _, request_id, kind = path.split("/")
            self.api.answered(request_id, Answer(body, is_error=kind == "error"))

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
