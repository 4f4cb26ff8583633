"""A second home for spans, for teams that want to ask SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

SpanRow = Mapping[str, Any]
"""A span by the names of its columns, as `trace.wire.span_rows` makes it: `started_unix_nano` is nanoseconds since
1970, text that is not known is "", a number that is not known is None, `attributes` is JSON text."""


class SpanArchive(Protocol):
    """Keeps normalized spans as rows. May be used from many threads."""

    def store(self, project_id: str, spans: Sequence[SpanRow]) -> None:
        """Keep `spans`; one that is there already, by its trace and span id, is there once.

        Raises:
            Unavailable: nothing is promised about any of them; storing them again is safe.
        """
        ...

    def erase(self, project_id: str) -> None:
        """Remove all spans of a project. Raises Unavailable."""
        ...
