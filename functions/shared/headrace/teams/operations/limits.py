"""Limits on attempts, kept in the tables, so that they hold however many instances of a function run."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from headrace.errors import Conflict, TooManyRequests
from headrace.ports.clock import Clock
from headrace.ports.table import PRESENT, Table, Update
from headrace.times import unix_seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within each `window`; windows begin at round times, as fixed windows do."""

    name: str
    attempts: int
    window: timedelta


LOGIN_BY_ADDRESS = Limit("login-address", 100, timedelta(minutes=5))
LOGIN_BY_ACCOUNT = Limit("login-account", 10, timedelta(minutes=5))
"""Of failures: `forgive` takes back what succeeded, so that scripts may sign in as often as they like."""
SIGNUP_BY_ADDRESS = Limit("signup-address", 100, timedelta(hours=1))
SIGNUP_BY_ACCOUNT = Limit("signup-account", 10, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Attempt:
    """Where an attempt was counted."""

    pk: str
    sk: str


def count_attempt(limit: Limit, subject: str, telemetry: Table, clock: Clock) -> Attempt:
    """Count one attempt by `subject` (a network, an account); kept as a hash.

    Counted before it is tried: of many attempts at once no more than the limit get through.

    Raises:
        TooManyRequests: that was one too many; it says when the window ends.
    """
    now = unix_seconds(clock.now_unix_nano())
    seconds = int(limit.window.total_seconds())
    ends = (now // seconds + 1) * seconds
    attempt = Attempt(f"limit#{limit.name}#{sha256(subject.encode()).hexdigest()}", str(ends))
    item = telemetry.update(Update(attempt.pk, attempt.sk, add={"attempts": 1}, set={"expires_at": ends}))
    if int(item["attempts"]) > limit.attempts:
        message = f"more than {limit.attempts} attempts in {seconds // 60} minutes: wait"
        raise TooManyRequests(message, retry_after=timedelta(seconds=ends - now))
    return attempt


def forgive(attempt: Attempt, telemetry: Table) -> None:
    """Take one attempt back; nothing to do when its window has ended."""
    try:
        telemetry.update(Update(attempt.pk, attempt.sk, add={"attempts": -1}, condition=PRESENT))
    except Conflict:
        return


def network(address: str) -> str:
    """Whom an address belongs to, as far as limits go: itself, but of IPv6 the /64 that every customer gets."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
