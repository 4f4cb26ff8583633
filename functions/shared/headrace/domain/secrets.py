"""What stands in the place of a secret wherever it could be read."""

from collections.abc import Iterable

HIDDEN = "***"
"""Shown instead of a secret; sent back in a change it means: keep the one that is stored."""

_TOLD_APART = 4
"""Characters from which on a secret can be told from other text. Shorter ones would turn any text into stars."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text`, from somebody who may have repeated what we sent, without the `secrets`."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _TOLD_APART:
            text = text.replace(secret, HIDDEN)
    return text
