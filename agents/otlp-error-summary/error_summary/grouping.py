"""Errors that say the same → one group with a count, so that a storm of one error reads as one line."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from error_summary.records import Event, moment

TRACE_IDS = 3
"""Sample trace ids that a group keeps."""

_CHANGING = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b)"
    r"|(?P<hex>\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b)"
    r"|(?P<n>\d+(?:[.,]\d+)*)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class ErrorGroup:
    """All events of a batch with one fingerprint; the texts are those of the first."""

    fingerprint: str
    service: str
    message: str
    error_type: str
    evidence: str
    severity_number: int = 0
    count: int = 0
    first_seen: str | None = None
    last_seen: str | None = None
    trace_ids: list[str] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Count one more."""
        self.count += 1
        self.severity_number = max(self.severity_number, event.severity_number)
        if event.timestamp:
            self.first_seen = min(self.first_seen or event.timestamp, event.timestamp, key=moment)
            self.last_seen = max(self.last_seen or event.timestamp, event.timestamp, key=moment)
        if event.trace_id and event.trace_id not in self.trace_ids and len(self.trace_ids) < TRACE_IDS:
            self.trace_ids.append(event.trace_id)


def group_events(events: Iterable[Event]) -> list[ErrorGroup]:
    """The groups, the most frequent first; of equals, the one that came first."""
    groups: dict[str, ErrorGroup] = {}
    for event in events:
        key = fingerprint(event)
        if key not in groups:
            groups[key] = ErrorGroup(key, event.service, event.message, event.error_type, event.evidence)
        groups[key].add(event)
    return sorted(groups.values(), key=lambda group: -group.count)


def fingerprint(event: Event) -> str:
    """The same for the same error of the same service, today and tomorrow: 16 hex digits."""
    parts = (event.service, event.error_type, normalized(event.message))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def normalized(message: str) -> str:
    """The message without what changes from one occurrence to the next: ids, addresses, times, numbers."""
    return " ".join(_CHANGING.sub(lambda found: f"<{found.lastgroup}>", message).split())
