"""What the servers in this package answer: `asgi` to Headrace, the receiver in `testing` to agents."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a JSON body, and headers beside those that every body has."""

    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return json.dumps(self.content).encode()

    @property
    def all_headers(self) -> dict[str, str]:
        """Its own headers, the type of the body and its length."""
        kind = "application/json" if self.status < 400 else "application/problem+json"
        return {"Content-Type": kind, "Content-Length": str(len(self.body)), **self.headers}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Problem details (RFC 9457)."""
    content = {"type": "about:blank", "title": responses.get(status, "Failure"), "status": status, "detail": detail}
    return Reply(status, content, headers or {})
