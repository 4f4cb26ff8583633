"""How a project wants its traces kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from headrace.trace.domain.spans import Span

IDLE = timedelta(minutes=15)
"""A run whose root has not come and that got no span for so long has timed out."""

_CONTENT_WORDS = ("input", "output", "prompt", "completion", "message", "content", "argument", "result", "document")
"""An attribute with one of these words as a part of its name may hold what people and models said."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    """None: cached tokens cost what others do."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Retention of runs and rollups, whether content is kept, and prices that win over the bundled table."""

    retention: timedelta = timedelta(days=30)
    capture_content: bool = True
    """False: inputs, outputs and attributes that hold them are not stored."""
    prices: Mapping[str, Price] = field(default_factory=dict)
    """By the beginning of a model's name."""


def without_content(span: Span) -> Span:
    """`span` without what people, models and tools said; counts, names and errors' types stay."""
    kept = {name: value for name, value in span.attributes.items() if not _holds_content(name)}
    error = span.error and replace(span.error, message="")
    return replace(span, input="", output="", error=error, attributes=kept)


def _holds_content(name: str) -> bool:
    """Counts of tokens have `input` and `output` in their names too, and are no content."""
    lower = name.lower()
    return "token" not in lower and any(word in lower for word in _CONTENT_WORDS)
