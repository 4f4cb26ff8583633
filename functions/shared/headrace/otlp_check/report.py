"""What came of a run: one result for each duty and signal, and the scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from headrace.otlp_check.sections import SPECIFICATION, Section
from headrace.otlp_check.signals import Signal

Level = Literal["MUST", "SHOULD"]
"""What a server MAY do, no server can fail to do."""
Outcome = Literal["passed", "failed", "skipped"]

_SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Header names are in lower case; of several headers with one name the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    reusable: bool
    """Whether the server lets the connection be used again."""

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def shown(self) -> dict[str, Any]:
        """What an implementer needs to see of it."""
        body = self.body[:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
        return {"status": self.status, "headers": dict(self.headers), "body_bytes": len(self.body), "body": body}


@dataclass(frozen=True, slots=True)
class Result:
    """One duty on one signal. `reason` says what was wrong or why it was not looked at, "" when it passed."""

    id: str
    signal: Signal
    level: Level
    title: str
    section: Section
    outcome: Outcome
    reason: str = ""
    seen: Answer | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        seen = self.seen.shown() if self.seen is not None else None
        return {
            "id": self.id,
            "signal": self.signal,
            "level": self.level,
            "title": self.title,
            "section": asdict(self.section),
            "outcome": self.outcome,
            "reason": self.reason,
            "seen": seen,
        }


@dataclass(frozen=True, slots=True)
class Score:
    """How many duties of one level were kept; what was skipped is in neither number."""

    passed: int
    failed: int
    skipped: int

    @property
    def percent(self) -> int | None:
        """Rounded down, so that only a whole score is 100; None when nothing was looked at."""
        looked_at = self.passed + self.failed
        return self.passed * 100 // looked_at if looked_at else None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {**asdict(self), "percent": self.percent}


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run against one endpoint."""

    url: str
    results: Sequence[Result]
    requests_sent: int
    bytes_sent: int

    @property
    def signals(self) -> list[Signal]:
        """In the order in which they were checked."""
        return list(dict.fromkeys(result.signal for result in self.results))

    @property
    def conforms(self) -> bool:
        """Whether every MUST that could be looked at was kept, and there was one."""
        musts = Counter(result.outcome for result in self.results if result.level == "MUST")
        return not musts["failed"] and musts["passed"] > 0

    def failed(self, level: Level | None = None) -> list[Result]:
        """The results that failed, of one level or of all."""
        return [each for each in self.results if each.outcome == "failed" and level in (None, each.level)]

    def score(self, signal: Signal, level: Level) -> Score:
        """Of one signal and level."""
        counted = Counter(each.outcome for each in self.results if (each.signal, each.level) == (signal, level))
        return Score(counted["passed"], counted["failed"], counted["skipped"])

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        levels: tuple[Level, ...] = ("MUST", "SHOULD")
        scores = {signal: {level: self.score(signal, level).to_json() for level in levels} for signal in self.signals}
        return {
            "specification": SPECIFICATION,
            "url": self.url,
            "conforms": self.conforms,
            "scores": scores,
            "sent": {"requests": self.requests_sent, "bytes": self.bytes_sent},
            "results": [result.to_json() for result in self.results],
        }
