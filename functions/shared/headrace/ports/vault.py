"""Secrets at rest: webhook header values, Slack URLs, signing secrets."""

from typing import Protocol


class Vault(Protocol):
    """Seals text so that only a holder of the deployment's keys can read it. May be used from many threads.

    Keys are rotated by putting a new one before the old ones: the first seals, all of them open.
    """

    def seal(self, text: str) -> str:
        """`text`, sealed with the newest key; differs each time."""
        ...

    def open(self, sealed: str) -> str:
        """The text that was sealed.

        Raises:
            Unavailable: sealed with a key that this deployment does not have (any more).
        """
        ...

    def reseal(self, sealed: str) -> str:
        """The same secret, sealed with the newest key. Raises Unavailable as `open` does."""
        ...
