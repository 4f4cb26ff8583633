"""For agents' own tests: a receiver that can be told to fail, and requests as Headrace makes them.

The receiver and `call_agent` are real HTTP on this machine's loopback, so what an agent does to its connections is
tested with it; `run_agent` spares an ASGI agent the server. Needs nothing but this package, and no certain test
framework.
"""

import asyncio
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid4, uuid5

import requests

from ._asgi_driver import AgentAnswer, Application, ask
from ._fake_server import FakeServer
from ._origin import origin_of
from ._payload import LIMIT_BYTES
from ._replies import Reply, problem
from ._settings import OUTPUT_PATH, resolve_seconds
from ._verify import ID, SIGNATURE, TIMESTAMP, Secrets, signature, signing_keys

__all__ = ["AgentAnswer", "AgentRequest", "FakeReceiver", "Output", "agent_request", "call_agent", "run_agent"]


@dataclass(frozen=True, slots=True)
class Output:
    """What an agent has sent and the receiver has taken."""

    payload: Any
    request_id: str | None
    traceparent: str | None


class FakeReceiver:
    """A stand-in for `/internal/agent-output`, with the real one's checks: key, JSON, 256 KiB.

    Use it as a context manager: `with FakeReceiver() as receiver:`. It listens on a free port; `url` and `api_key`
    are what the agent's client needs, `environment` holds both under the names that the client reads.

    Args:
        api_key: the only key that it takes; any other is answered with 401.
    """

    def __init__(self, api_key: str = "test-key") -> None:
        self.api_key = api_key
        self._server = FakeServer(self._answer)
        self._changed = threading.Condition()
        self._outputs: list[Output] = []
        self._statuses: list[int] = []
        self._failures: list[Reply] = []

    @property
    def url(self) -> str:
        """The `endpoint` of a client."""
        return self._server.url

    @property
    def environment(self) -> dict[str, str]:
        """Variables for an agent that makes its client as `Headrace()`."""
        return {"HEADRACE_ENDPOINT": self.url, "HEADRACE_API_KEY": self.api_key}

    @property
    def outputs(self) -> list[Output]:
        """What was taken until now, in order."""
        with self._changed:
            return list(self._outputs)

    @property
    def statuses(self) -> list[int]:
        """What each request until now was answered with, in order; retries count, refused ones too."""
        with self._changed:
            return list(self._statuses)

    def fail(self, *statuses: int, retry_after: float | timedelta | None = None) -> None:
        """Answer the next requests with these statuses, one each, and `Retry-After` seconds when given."""
        headers = {}
        if retry_after is not None:
            headers["Retry-After"] = f"{resolve_seconds('retry_after', retry_after):.0f}"
        with self._changed:
            self._failures += [problem(status, "the test wants it so", headers) for status in statuses]

    def wait_for_outputs(self, count: int = 1, *, within: float | timedelta = 10.0) -> list[Output]:
        """All outputs, as soon as there are `count`.

        Raises:
            AssertionError: there were fewer after `within` seconds.
        """
        seconds = resolve_seconds("within", within)
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._outputs) >= count, seconds):
                raise AssertionError(
                    f"{len(self._outputs)} outputs after {seconds:g} s, {count} expected; answered {self._statuses}"
                )
        return self.outputs

    def close(self) -> None:
        """Stop listening; may be called again."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._changed:
            reply = self._failures.pop(0) if self._failures else self._take(path, headers, body)
            self._statuses.append(reply.status)
            self._changed.notify_all()
        return reply

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if path != OUTPUT_PATH:
            return problem(404, f"there is only {OUTPUT_PATH}")
        if headers.get("X-API-Key") != self.api_key:
            return problem(401, "the API key is missing or not the receiver's")
        if len(body) > LIMIT_BYTES:
            return problem(413, f"the body has {len(body)} bytes, the limit is {LIMIT_BYTES} bytes")
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError) as wrong:
            return problem(400, f"the body is not JSON: {wrong}")
        origin = origin_of(headers)
        self._outputs.append(Output(payload, origin.request_id, origin.traceparent))
        return Reply(202, {"status": "accepted", "id": str(uuid4())})


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """One batch as Headrace sends it; for test clients of web frameworks, which take both as they are."""

    body: bytes
    headers: dict[str, str]


def agent_request(
    records: Sequence[Mapping[str, Any]],
    *,
    secrets: Secrets | None = None,
    project_id: str = "test-project",
    request_id: str | None = None,
) -> AgentRequest:
    """The body and headers of one batch, with a trace of its own.

    Args:
        records: flat records; `{}` will do where the agent does not look.
        secrets: the project's signing secrets; each adds a signature.
        project_id: what `X-Project-ID` says.
        request_id: give the same again for a batch that is repeated.

    Raises:
        ConfigurationError: a secret that cannot sign.
    """
    request_id = request_id or str(uuid4())
    body = json.dumps(list(records), separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Project-ID": project_id,
        "X-Request-ID": request_id,
        "traceparent": f"00-{uuid5(NAMESPACE_URL, request_id).hex}-{uuid4().hex[:16]}-01",
    }
    if secrets is not None:
        headers |= _signed(body, request_id, secrets)
    return AgentRequest(body, headers)


def call_agent(
    url: str,
    records: Sequence[Mapping[str, Any]],
    *,
    secrets: Secrets | None = None,
    project_id: str = "test-project",
    request_id: str | None = None,
    timeout: float = 30.0,
) -> requests.Response:
    """Post one batch to an agent, following no redirect: Headrace does not either. As `agent_request`."""
    request = agent_request(records, secrets=secrets, project_id=project_id, request_id=request_id)
    return requests.post(url, data=request.body, headers=request.headers, timeout=timeout, allow_redirects=False)


def run_agent(
    app: Application,
    records: Sequence[Mapping[str, Any]],
    *,
    path: str = "/process",
    secrets: Secrets | None = None,
    project_id: str = "test-project",
    request_id: str | None = None,
) -> AgentAnswer:
    """Start an ASGI application in this process, give it one batch, and shut it down. As `agent_request`.

    An agent of `headrace_sdk.asgi` has sent its result when this returns. Not for use inside a running event loop.

    Raises:
        RuntimeError: the application refused to start.
    """
    request = agent_request(records, secrets=secrets, project_id=project_id, request_id=request_id)
    return asyncio.run(ask(app, path, request.headers, request.body))


def _signed(body: bytes, request_id: str, secrets: Secrets) -> dict[str, str]:
    """The Standard Webhooks headers; the id is the same again for the same batch, and has no full stop."""
    id_, timestamp = f"msg_{uuid5(NAMESPACE_URL, request_id).hex}", int(time.time())
    signatures = (f"v1,{signature(key, id_, timestamp, body).decode()}" for key in signing_keys(secrets))
    return {ID: id_, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}
