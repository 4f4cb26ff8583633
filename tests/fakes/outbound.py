"""FakeOutbound: the Outbound port without a network, for tests of what sends.

It keeps the part of the contract that needs no network (`OutboundContract` in `tests/contract/outbound_suite.py`):
what cannot be sent is refused, header names come back in lower case, bodies are cut. It gives its answers in turn,
the last one for ever, keeps every request, and may be used from many threads at once:

    outbound = FakeOutbound(503, 200)       # once 503, then always 200
    outbound.will(NoAnswer("is away"))      # an exception is raised
    outbound.will(lambda request: OutboundResponse(200, {}, request.body))
    outbound.refused.add("intranet.example")  # a host that may not be sent to
    outbound.bodies[0]                      # what was sent, as JSON
"""

import re
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import orjson

from headrace.errors import InvalidInput
from headrace.ports.outbound import OutboundRequest, OutboundResponse

Answer = int | Exception | OutboundResponse | Callable[[OutboundRequest], OutboundResponse]

_BODY_BYTES = 64 * 1024
_SENDABLE_URL = re.compile(r"[^\x00-\x20\x7f\\]{1,8192}")
_SENDABLE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_SENDABLE_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")


class FakeOutbound:
    def __init__(self, *answers: Answer) -> None:
        self.requests: list[OutboundRequest] = []
        self.refused: set[str] = set()
        self._answers: list[Answer] = list(answers) or [200]
        self._lock = Lock()

    def will(self, *answers: Answer) -> None:
        """Give these answers from now on."""
        self._answers = list(answers)

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies of all requests, in the order in which they came."""
        return [orjson.loads(request.body) for request in self.requests]

    def check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            sendable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sendable = False
        if not sendable or "@" in parts.netloc or not _SENDABLE_URL.fullmatch(url):
            raise InvalidInput("has a URL that cannot be used", field="url")
        if parts.hostname in self.refused:
            raise InvalidInput(f"leads inside: {parts.hostname} is a name inside a network", field="url")

    def send(self, request: OutboundRequest) -> OutboundResponse:
        self.check(request.url)
        _check_headers(request)
        with self._lock:
            self.requests.append(request)
            answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, int):
            answer = OutboundResponse(answer, {}, b"")
        if isinstance(answer, Exception):
            raise answer
        response = answer if isinstance(answer, OutboundResponse) else answer(request)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return OutboundResponse(response.status, headers, response.body[:_BODY_BYTES])


def _check_headers(request: OutboundRequest) -> None:
    for name, value in request.headers.items():
        sendable = _SENDABLE_NAME.fullmatch(name) and _SENDABLE_VALUE.fullmatch(value)
        if not sendable or name.lower() in _FRAMING:
            raise InvalidInput(f"has a header that cannot be sent: {name}", field="headers")
