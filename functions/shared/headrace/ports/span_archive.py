"""A second home for spans, for teams that want to ask SQL."""

from collections.abc import Sequence
from typing import Protocol

from headrace.trace.domain.spans import Span


class SpanArchive(Protocol):
    """Keeps normalized spans as rows. May be used from many threads."""

    def store(self, project_id: str, spans: Sequence[Span]) -> None:
        """Keep `spans`; one that is there already, by its trace and span id, is there once.

        Raises:
            Unavailable: nothing is promised about any of them; storing them again is safe.
        """
        ...

    def erase(self, project_id: str) -> None:
        """Remove all spans of a project. Raises Unavailable."""
        ...
