"""A small OTLP/HTTP receiver on this machine that does everything right, but for the one fault that a test asks for."""

import gzip
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headrace.errors import InvalidInput
from headrace.intake.wire.otlp import encode_response, encode_status
from headrace.otlp_check import Amounts
from tests.otlp_records import decode_request

PROTOBUF, JSON = "application/x-protobuf", "application/json"
ENCODINGS = {PROTOBUF: "protobuf", JSON: "json"}
KEY = ("X-Api-Key", "for-the-check")
MAX_BODY_BYTES, MAX_UNPACKED_BYTES = 256_000, 512_000
AMOUNTS = Amounts(
    timeout_seconds=20, many_records=200, long_bytes=16_000, oversize_bytes=300_000, unpacked_bytes=600_000
)


@dataclass(slots=True)
class Seen:
    """One request, and which one it is of its Content-Type."""

    method: str
    path: str
    names: list[str]
    headers: dict[str, str]
    raw: bytes
    number: int

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def encoding(self) -> str:
        """`protobuf`, `json` or, for anything else, an empty word."""
        return ENCODINGS.get(self.content_type.partition(";")[0].strip().lower(), "")

    @property
    def body(self) -> bytes:
        """Unpacked, as far as that goes."""
        unpack = zlib.decompressobj(31)
        return unpack.decompress(self.raw, MAX_UNPACKED_BYTES + 1) if self.raw[:2] == b"\x1f\x8b" else self.raw

    @property
    def too_long_unpacked(self) -> bool:
        return len(self.body) > MAX_UNPACKED_BYTES


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


class Gone(Exception):
    """The receiver hangs up."""


Fault = Callable[[Seen, Reply], Reply]


def refuse(seen: Seen, status: int, message: str, field_: str | None = None) -> Reply:
    """A `google.rpc.Status` in the encoding of the request, JSON when that is unknown."""
    encoding = seen.encoding or "json"
    media_type = PROTOBUF if encoding == "protobuf" else JSON
    return Reply(status, encode_status(encoding, 3, message, field_), media_type)  # type: ignore[arg-type]


def right_reply(seen: Seen) -> Reply:
    """What the specification asks for."""
    signal = seen.path.removeprefix("/v1/")
    if seen.method != "POST":
        return Reply(405, b"", JSON, {"Allow": "POST"})
    if seen.headers.get("x-api-key") != KEY[1]:
        refusal = refuse(seen, 401, "who are you?")
        return Reply(refusal.status, refusal.body, refusal.content_type, {"WWW-Authenticate": "Bearer"})
    if not seen.encoding or seen.headers.get("content-encoding", "gzip") != "gzip":
        return refuse(seen, 415, "send protobuf or JSON, plain or with gzip")
    if len(seen.raw) > MAX_BODY_BYTES or seen.too_long_unpacked:
        return refuse(seen, 413, "too long")
    try:
        body = gzip.decompress(seen.raw) if "content-encoding" in seen.headers else seen.raw
        found = decode_request(signal, seen.encoding, body, 1)  # type: ignore[arg-type]
    except (EOFError, OSError, zlib.error, InvalidInput) as cause:
        return refuse(seen, 400, str(cause), "")
    refused = sum(found.refused.values())
    answer = encode_response(signal, seen.encoding, refused, "an id of a wrong length")  # type: ignore[arg-type]
    return Reply(200, answer, seen.content_type)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: "_Server"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        unread = self.server.leaves_unread == length
        raw = self._chunks() if self.headers.get("Transfer-Encoding") else self.rfile.read(0 if unread else length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, list(self.headers), headers, raw, self.server.number(self.headers))
        try:
            reply = self.server.fault(seen, right_reply(seen))
        except Gone:
            self.close_connection = True
            return
        self.close_connection |= self.server.forgets_what_is_early and self._more_is_here()
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection |= reply.headers.get("Connection") == "close"

    do_GET = do_POST  # noqa: N815 - the name that http.server looks for

    def handle_expect_100(self) -> bool:
        if self.server.expects_nothing:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        return super().handle_expect_100()

    def _more_is_here(self) -> bool:
        self.connection.settimeout(0)
        try:
            return bool(self.rfile.peek(1))  # type: ignore[attr-defined]
        finally:
            self.connection.settimeout(self.timeout)

    def _chunks(self) -> bytes:
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.fault: Fault = lambda seen, reply: reply
        self.leaves_unread = -1
        """The length of bodies that it answers without having read them."""
        self.forgets_what_is_early = False
        """Whether it drops requests that come before it has answered the one before."""
        self.expects_nothing = False
        """Whether it answers before a body that it should have asked for."""
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def number(self, headers: Any) -> int:
        media_type = headers.get("Content-Type", "").partition(";")[0].lower()
        with self._lock:
            self._numbers[media_type] += 1
            return self._numbers[media_type]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up, as those do who got their answer early, are no fault."""


@contextmanager
def receiving(prepare: Callable[[_Server], None] = lambda server: None) -> Iterator[str]:
    """The URL of a receiver that does everything right but for what `prepare` breaks."""
    with _Server() as server:
        prepare(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"  # or https, when that is what `prepare` made of it
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
