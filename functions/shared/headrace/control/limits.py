"""Limits on attempts, kept in the tables, so that they hold however many instances of a function run."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from headrace.domain.errors import TooManyRequests
from headrace.ports.clock import Clock
from headrace.ports.table import Table, Update


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within each `window`; windows begin at round times, as fixed windows do."""

    name: str
    attempts: int
    window: timedelta


LOGIN_BY_ADDRESS = Limit("login-address", 50, timedelta(minutes=5))
LOGIN_BY_ACCOUNT = Limit("login-account", 10, timedelta(minutes=5))
SIGNUP_BY_ADDRESS = Limit("signup-address", 20, timedelta(hours=1))


def count_attempt(limit: Limit, subject: str, telemetry: Table, clock: Clock) -> None:
    """Count one attempt by `subject` (an address, an account); kept as a hash.

    Raises:
        TooManyRequests: that was one too many; it says when the window ends.
    """
    now = clock.now_unix_nano() // 1_000_000_000
    seconds = int(limit.window.total_seconds())
    ends = (now // seconds + 1) * seconds
    pk = f"limit#{limit.name}#{sha256(subject.encode()).hexdigest()}"
    item = telemetry.update(Update(pk, str(ends), add={"attempts": 1}, set={"expires_at": ends}))
    if int(item["attempts"]) > limit.attempts:
        message = f"more than {limit.attempts} attempts in {seconds // 60} minutes: wait"
        raise TooManyRequests(message, retry_after=timedelta(seconds=ends - now))
