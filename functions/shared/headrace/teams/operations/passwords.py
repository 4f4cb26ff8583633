"""Passwords as Argon2id hashes, and no more of that at once than the machine bears.

One hash takes 64 MiB and a few tens of milliseconds of several cores. So a few are made at once, a few more may wait,
and the rest is told to come back: without that, a handful of parallel logins would take a small machine's memory, and
every thread that answers requests.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from headrace.errors import Unavailable
from headrace.teams.domain.accounts import canonical_password

AT_ONCE, WAITING = 2, 10
"""Per process. Together fewer than the threads that answer requests, so that telemetry is taken meanwhile."""

hasher = PasswordHasher()
"""Argon2id with the library's parameters, the second choice of RFC 9106 section 4: 64 MiB, 3 passes, 4 lanes."""

_working = BoundedSemaphore(AT_ONCE)
_admitted = BoundedSemaphore(AT_ONCE + WAITING)


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn to hash or to check a password.

    Raises:
        Unavailable: enough others wait already.
    """
    if not _admitted.acquire(blocking=False):
        raise Unavailable("too many people are signing in at this moment", retry_after=timedelta(seconds=2))
    try:
        with _working:
            yield
    finally:
        _admitted.release()


def hash_password(password: str) -> str:
    """What may be stored of a password. Where requests come in, within a `turn`."""
    return hasher.hash(canonical_password(password))


def matches(password: str, stored: str | None) -> bool:
    """Whether `stored` is a hash of `password`. Without one the same work is done, so that time does not tell.

    Where requests come in, within a `turn`.
    """
    try:
        return hasher.verify(stored or _hash_of_nobody(), canonical_password(password))
    except VerifyMismatchError:
        return False


def outdated(stored: str) -> bool:
    """Whether `stored` was made with other parameters than today's."""
    return hasher.check_needs_rehash(stored)


def _hash_of_nobody() -> str:
    """A hash of no password, with today's parameters; it costs nothing to make, and as much as any to check."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    lanes = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${lanes}${salt}${digest}"
