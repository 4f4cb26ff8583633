"""How a check is declared: a function that returns the answer which shows that the duty was kept, or raises why not."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from headrace.otlp_check.line import NoAnswer
from headrace.otlp_check.probe import ENCODINGS, Encoding, Failed, Probe, Skipped
from headrace.otlp_check.report import Answer, Level, Outcome, Result
from headrace.otlp_check.sections import Section

Run = Callable[[Probe], Answer | None]
RunInEncoding = Callable[[Probe, Encoding], Answer | None]


@dataclass(frozen=True)
class Check:
    """One duty. With an `encoding` it is looked at only where the server takes that one."""

    id: str
    level: Level
    section: Section
    title: str
    run: Run
    encoding: Encoding | None = None

    def result(self, probe: Probe) -> Result:
        """What comes of it."""
        outcome: Outcome = "passed"
        reason, seen = "", None
        try:
            seen = self.run(probe)
        except Failed as failed:
            outcome = "skipped" if isinstance(failed, Skipped) else "failed"
            reason, seen = str(failed), failed.seen
        except NoAnswer as trouble:
            outcome, reason = "failed", str(trouble)
        return Result(self.id, probe.signal, self.level, self.title, self.section, outcome, reason, seen)

    def skipped(self, probe: Probe, reason: str) -> Result:
        """When there is no use in looking."""
        return Result(self.id, probe.signal, self.level, self.title, self.section, "skipped", reason)


class Catalogue:
    """The checks of one module, in order."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def check(
        self, name: str, level: Level, section: Section, title: str, *, encoding: Encoding | None = None
    ) -> Callable[[Run], Run]:
        """Add a function as a check."""

        def add(run: Run) -> Run:
            self.checks.append(Check(name, level, section, title, run, encoding))
            return run

        return add

    def check_both(
        self, name: str, level: Level, section: Section, title: str
    ) -> Callable[[RunInEncoding], RunInEncoding]:
        """Add a function as two checks, `protobuf-…` and `json-…`."""

        def add(run: RunInEncoding) -> RunInEncoding:
            for encoding in ENCODINGS:
                run_one = partial(_with_encoding, run, encoding)
                self.checks.append(
                    Check(f"{encoding}-{name}", level, section, f"{title} ({encoding})", run_one, encoding)
                )
            return run

        return add


def _with_encoding(run: RunInEncoding, encoding: Encoding, probe: Probe) -> Answer | None:
    return run(probe, encoding)


def require(holds: bool, reason: str, answer: Answer) -> None:
    """Raises Failed unless it holds."""
    if not holds:
        raise Failed(reason, answer)


def accepted(probe: Probe, encoding: Encoding, answer: Answer) -> Answer:
    """The answer, when it says that everything was taken. Raises Failed."""
    require(answer.status == 200, f"answered {answer.status} instead of 200", answer)
    try:
        partial_success = probe.partial_success(encoding, answer)
    except Failed:
        return answer  # what is wrong with the body is for the checks on answers to say
    if partial_success is not None and partial_success.rejected:
        raise Failed(f"{partial_success.rejected} valid records rejected: {partial_success.message!r}", answer)
    return answer
