"""Secrets: what stands in their place wherever they could be read, and which of them sign at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

HIDDEN = "***"
"""Shown instead of a secret; sent back in a change it means: keep the one that is stored."""

_TOLD_APART = 4
"""Characters from which on a secret can be told from other text. Shorter ones would turn any text into stars."""


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A signing secret that another one has followed. It signs too for a while, so that no receiver is cut off."""

    secret: str = field(repr=False)
    until_unix_nano: int

    def with_secret(self, change: Callable[[str], str]) -> "OldSecret":
        """The same, with its secret put through `change`."""
        return replace(self, secret=change(self.secret))


def signing_secrets(newest: str | None, old: Sequence[OldSecret], now_unix_nano: int) -> tuple[str, ...]:
    """The secrets that sign at that time, the newest first."""
    if newest is None:
        return ()
    return (newest, *(each.secret for each in old if each.until_unix_nano > now_unix_nano))


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text`, from somebody who may have repeated what we sent, without the `secrets`."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _TOLD_APART:
            text = text.replace(secret, HIDDEN)
    return text
