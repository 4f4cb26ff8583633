"""An assessment → what is sent back: what people read first, so that it reads well in Slack; details last."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from error_summary.assessing import Assessment
from error_summary.findings import Verdict
from error_summary.grouping import ErrorGroup
from error_summary.records import moment
from error_summary.rules import ranked
from error_summary.text import clean

GROUPS_SENT = 40
"""Groups with all details; with the texts at their limits the output stays below 256 KiB."""

_SERVICES = 20
_NAME_LIMIT, _TEXT_LIMIT, _STEP_LIMIT, _STEPS = 80, 2000, 400, 10


def encode_output(assessment: Assessment) -> dict[str, Any]:
    """One JSON object for a batch."""
    pairs = ranked(assessment.groups, assessment.verdicts)
    group, verdict = pairs[0]
    said = assessment.enrichment
    error_type = clean(verdict.error_type, _NAME_LIMIT)
    return {
        "title": f"{error_type} in {group.service}",
        "severity": verdict.severity,
        "summary": clean(said.summary, _TEXT_LIMIT),
        "root_cause": clean(said.root_cause, _TEXT_LIMIT),
        "remediation": [clean(step, _STEP_LIMIT) for step in said.remediation[:_STEPS]],
        "services": _services(assessment.groups),
        "count": sum(each.count for each in assessment.groups),
        **_seen(assessment.groups),
        "notify": said.notify,
        **_mode(assessment),
        "error_type": error_type,
        "groups": [_group(*pair) for pair in pairs[:GROUPS_SENT]],
        **({"groups_left_out": len(pairs) - GROUPS_SENT} if len(pairs) > GROUPS_SENT else {}),
    }


def _seen(groups: Sequence[ErrorGroup]) -> dict[str, str | None]:
    first = [group.first_seen for group in groups if group.first_seen]
    last = [group.last_seen for group in groups if group.last_seen]
    return {
        "first_seen": min(first, key=moment, default=None),
        "last_seen": max(last, key=moment, default=None),
    }


def _mode(assessment: Assessment) -> dict[str, str]:
    if assessment.model is not None:
        return {"mode": "online", "model": assessment.model}
    return {"mode": "offline", "offline_reason": assessment.offline_reason or ""}


def _services(groups: Sequence[ErrorGroup]) -> str:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.service] += group.count
    named = [f"{service} ({count})" for service, count in counts.most_common(_SERVICES)]
    return ", ".join(named) + (" …" if len(counts) > _SERVICES else "")


def _group(group: ErrorGroup, verdict: Verdict) -> dict[str, Any]:
    return {
        "error_type": clean(verdict.error_type, _NAME_LIMIT),
        "severity": verdict.severity,
        "count": group.count,
        "service": group.service,
        "message": group.message,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "trace_ids": group.trace_ids,
        "fingerprint": group.fingerprint,
    }
