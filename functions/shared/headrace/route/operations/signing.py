"""Signing secrets of sinks and pipelines: a new one comes, and the ones of before sign too for a while.

So a receiver can learn the new secret before the old one is worth nothing. What is replaced by saving a whole sink or
pipeline stops at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.errors import InvalidInput
from headrace.ports.secrets import HIDDEN, OldSecret
from headrace.route.operations.needs import RouteNeeds
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut, new_signing_secret
from headrace.times import SECOND_NANO, timestamp, unix_seconds

MOST_OLD = 4
"""Each makes every request longer."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is to be stored, sealed, and what is to be told."""

    newest: str
    old: tuple[OldSecret, ...]
    told: NewSecretOut


def rotate(newest: str | None, old: Sequence[OldSecret], wanted: NewSecretIn, needs: RouteNeeds) -> Rotation:
    """`newest` and `old` are sealed, as they are stored.

    Raises:
        InvalidInput: the new secret is the stars that stand for one, or too many are valid already.
    """
    if wanted.signing_secret == HIDDEN:
        raise InvalidInput(f"signing_secret: {HIDDEN} is no secret", field="signing_secret")
    now = needs.clock.now_unix_nano()
    until = (unix_seconds(now) + wanted.old_valid_seconds) * SECOND_NANO
    # Those that were to stay longer stay no longer than the one that is replaced now.
    kept = [OldSecret(each.secret, min(each.until_unix_nano, until)) for each in old]
    kept = [OldSecret(newest, until), *kept] if newest is not None else kept
    kept = [each for each in kept if each.until_unix_nano > now]
    if len(kept) > MOST_OLD:
        raise InvalidInput(f"{MOST_OLD} older secrets are valid still: end them first")
    secret = wanted.signing_secret or new_signing_secret()
    valid_until = timestamp(until) if kept else None
    return Rotation(
        needs.vault.seal(secret), tuple(kept), NewSecretOut(signing_secret=secret, old_valid_until=valid_until)
    )


def old_until(old: Sequence[OldSecret], now_unix_nano: int) -> str | None:
    """When the last of the older secrets ends; None when none is valid."""
    latest = max((each.until_unix_nano for each in old), default=0)
    return timestamp(latest) if latest > now_unix_nano else None
