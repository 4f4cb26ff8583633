"""FakeSpanArchive: the SpanArchive port in memory. `outage` is raised by every call until it is None again."""

from collections.abc import Sequence

from headrace.errors import HeadraceError
from headrace.ports.span_archive import SpanRow


class FakeSpanArchive:
    def __init__(self) -> None:
        self.outage: HeadraceError | None = None
        self._spans: dict[tuple[str, str, str], SpanRow] = {}

    def spans(self, project_id: str) -> list[SpanRow]:
        """What is kept of a project, in the order of start."""
        found = [span for key, span in self._spans.items() if key[0] == project_id]
        return sorted(found, key=lambda span: span["started_unix_nano"])

    def store(self, project_id: str, spans: Sequence[SpanRow]) -> None:
        self._reach()
        self._spans |= {(project_id, span["trace_id"], span["span_id"]): span for span in spans}

    def erase(self, project_id: str) -> None:
        self._reach()
        self._spans = {key: span for key, span in self._spans.items() if key[0] != project_id}

    def _reach(self) -> None:
        if self.outage is not None:
            raise self.outage
