"""The management API in this process: the real routes behind a real door, on fakes that a test can move and look into.

needs = make_needs()
api = Api(needs)                                    # an instance of the function; a second one shares the tables
api.post("/auth/login", {"email": …, "password": …}).json["access_token"]
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet

from headrace.adapters.vault_fernet import FernetVault
from headrace.bootstrap import make_upkeep
from headrace.entry.api import PREFIX, mount
from headrace.entry.errors import problem_error
from headrace.entry.http import Door, Limits
from headrace.management import operations
from headrace.ports.queues import QueueNames
from headrace.route.operations.needs import RouteNeeds
from headrace.teams.operations import passwords
from headrace.teams.operations.identity import Members
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.operations.tokens import SigningKeys, access_token
from headrace.trace.operations.needs import RunsNeeds
from headrace.upkeep.operations.change import Changes
from headrace.upkeep.operations.needs import UpkeepNeeds
from tests.fakes.bus import FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.expressions import FakeExpressions
from tests.fakes.notifier import FakeNotifier
from tests.fakes.outbound import FakeOutbound
from tests.fakes.span_archive import FakeSpanArchive
from tests.fakes.table import FakeTable
from tests.fakes.wiring import FakeWiring
from tests.functions.events import Context, answer_body, http_event

ADA = {"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}
LIMITS = Limits(body_bytes=6 * 2**20, unpacked_bytes=32 * 2**20)
KEYS = SigningKeys({"k1": "a secret of thirty-two characters!"})


@dataclass(frozen=True)
class Reply:
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def detail(self) -> str:
        """Of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        found: str = self.json["detail"]
        return found


class Api:
    """One instance of the function. Instances on the same needs, or the same tables, are one deployment."""

    def __init__(self, needs: "Needs") -> None:
        self.needs = needs
        self._door = Door("control_plane", problem_error, lambda: LIMITS)
        mount(self._door, operations(needs))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        address: str = "203.0.113.7",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Reply:
        """`path` is below `/api/v1`; a body of bytes goes as it is, anything else as JSON."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        packed = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        event = http_event(method, PREFIX + path, sent, packed)
        event["requestContext"]["identity"]["sourceIp"] = address
        event["queryStringParameters"] = {name: str(value) for name, value in (query or {}).items()} or None
        answer = self._door(event, Context())
        lower = {name.lower(): value for name, value in answer["headers"].items()}
        return Reply(answer["statusCode"], lower, answer_body(answer))

    def get(self, path: str, **how: Any) -> Reply:
        return self.call("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Reply:
        return self.call("POST", path, body, **how)

    def token_of(self, account_id: str) -> str:
        """An access token without a login."""
        return access_token(account_id, self.needs.signing_keys, self.needs.clock)


@dataclass(frozen=True)
class Needs:
    """What all operations need, on one set of adapters. See `management.Makers`."""

    config: Any
    telemetry: Any
    bus: Any
    wiring: Any
    queues: QueueNames
    clock: Any
    archive: Any
    expressions: Any
    outbound: Any
    notifier: Any
    vault: Any
    signing_keys: SigningKeys

    def upkeep(self) -> UpkeepNeeds:
        return make_upkeep(self.config, self.telemetry, self.bus, self.wiring, self.queues, self.clock, self.archive)

    def changes(self) -> Changes:
        return Changes(self.upkeep())

    def identity(self) -> Members:
        return Members(self.config, self.signing_keys, self.clock)

    def teams(self) -> TeamsNeeds:
        return TeamsNeeds(self.config, self.telemetry, self.clock, self.signing_keys, self.changes())

    def routing(self) -> RouteNeeds:
        return RouteNeeds(
            self.config,
            self.telemetry,
            self.clock,
            self.expressions,
            self.outbound,
            self.notifier,
            self.vault,
            self.changes(),
        )

    def runs(self) -> RunsNeeds:
        return RunsNeeds(self.config, self.telemetry, self.clock, self.changes())


def make_needs(clock: FakeClock | None = None, **others: Any) -> Needs:
    """On fakes. What is in `others` takes the place of a fake."""
    time = clock or FakeClock()
    made = {
        "config": FakeTable(time),
        "telemetry": FakeTable(time),
        "bus": FakeBus(time),
        "wiring": FakeWiring(),
        "queues": QueueNames(),
        "clock": time,
        "archive": FakeSpanArchive(),
        "expressions": FakeExpressions(),
        "outbound": FakeOutbound(),
        "notifier": FakeNotifier(),
        "vault": FernetVault([Fernet.generate_key().decode()]),
        "signing_keys": KEYS,
    }
    return Needs(**{**made, **others})


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """Argon2 with the least that it takes, for tests that are about something else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield
