"""What an agent's output says, whatever its fields are called: for sinks whose messages people read.

The names are those of the bundled agent (`agents/otlp-error-summary`) and others that are common; what has no
well-known name is kept as further facts, in the order in which it came.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

TITLES = ("title", "error_type", "name", "event")
SUMMARIES = ("summary", "message", "text", "description")
CAUSES = ("root_cause", "root_cause_hypothesis", "probable_cause", "cause")
REMEDIES = ("remediation", "remediation_steps", "next_steps", "steps", "recommendations", "actions")
GROUPS = ("groups", "items", "errors", "findings", "incidents")
_SEVERITY = "severity"
_NO_TITLE = "Agent output"


@dataclass(frozen=True, slots=True)
class Finding:
    """The parts that a message is made of; what an output does not have is empty."""

    title: str
    severity: str = ""
    summary: str = ""
    cause: str = ""
    remedies: tuple[str, ...] = ()
    groups: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def decode_finding(payload: Any) -> Finding:
    """The finding in any JSON value."""
    if not isinstance(payload, dict):
        return Finding(_NO_TITLE, summary=plain(payload).strip())
    facts = dict(payload)
    severity = take_text(facts, (_SEVERITY,)).lower()
    title = take_text(facts, TITLES) or severity.capitalize() or _NO_TITLE
    return Finding(
        title=title,
        severity=severity,
        summary=take_text(facts, SUMMARIES),
        cause=take_text(facts, CAUSES),
        remedies=_take_steps(facts),
        groups=_take_groups(facts),
        facts={name: value for name, value in facts.items() if value not in (None, "", [], {})},
    )


def describe(finding: Finding, request_id: str | None) -> str:
    """A finding as plain text, without its title."""
    parts = [finding.summary] if finding.summary else []
    parts += ["\n".join(f"{name}: {plain(value)}" for name, value in finding.facts.items())] if finding.facts else []
    parts += [f"Root cause: {finding.cause}"] if finding.cause else []
    parts += ["What to do:\n" + "\n".join(f"- {step}" for step in finding.remedies)] if finding.remedies else []
    parts += [plain(group) for group in finding.groups]
    parts += [f"Request {request_id}"] if request_id else []
    return "\n\n".join(parts) or finding.title


def take_text(fields: dict[str, Any], names: Iterable[str]) -> str:
    """The first of `names` that holds text, removed from `fields`."""
    for name in names:
        if isinstance(fields.get(name), str) and fields[name].strip():
            return str(fields.pop(name)).strip()
    return ""


def _take_steps(facts: dict[str, Any]) -> tuple[str, ...]:
    for name in REMEDIES:
        steps = facts.get(name)
        if isinstance(steps, str) and steps.strip():
            return (str(facts.pop(name)).strip(),)
        if isinstance(steps, list) and steps and all(isinstance(step, str) for step in steps):
            return tuple(step.strip() for step in facts.pop(name) if step.strip())
    return ()


def _take_groups(facts: dict[str, Any]) -> tuple[Mapping[str, Any], ...]:
    for name in GROUPS:
        groups = facts.get(name)
        if isinstance(groups, list) and groups and all(isinstance(each, dict) for each in groups):
            return tuple(facts.pop(name))
    return ()


def plain(value: Any) -> str:
    """Any JSON value as text for people: lists of texts with bullets, what is nested as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(f"• {each}" for each in value)
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with a sign where there were more."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
