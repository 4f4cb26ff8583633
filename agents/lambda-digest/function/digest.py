"""A batch of flat records → how many of which severity came from which service."""

import json
from collections import Counter, defaultdict
from typing import Any

_LONGEST_NAME, _MOST_SERVICES = 100, 50
# The first number of each range, https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_LEVELS = ((21, "FATAL", "critical"), (17, "ERROR", "warning"), (13, "WARN", "warning"), (1, "INFO", "informational"))
_NONE = (0, "UNSET", "informational")
_Level = tuple[int, str, str]


def read_records(body: bytes) -> list[dict[str, Any]]:
    """The records of a request's body.

    Raises:
        ValueError: it is not a JSON array of objects.
    """
    try:
        records = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError("the body is not a JSON array of records")
    return records


def digest(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The digest: services in order of their records, the severity that of the worst record."""
    services: defaultdict[str, Counter[_Level]] = defaultdict(Counter)
    for record in records:
        services[_service(record)][_level(record)] += 1
    ranked = sorted(services.items(), key=lambda item: -item[1].total())
    worst = max((level for levels in services.values() for level in levels), default=_NONE)
    return {
        "title": f"{_some(len(records), 'record')} from {_some(len(services), 'service')}",
        "severity": worst[2],
        "summary": ", ".join(f"{service} ({levels.total()})" for service, levels in ranked[:_MOST_SERVICES]) or "none",
        "count": len(records),
        "groups": [_group(service, levels) for service, levels in ranked[:_MOST_SERVICES]],
    }


def _group(service: str, levels: Counter[_Level]) -> dict[str, Any]:
    by_severity = {level[1]: count for level, count in sorted(levels.items(), reverse=True)}
    return {"title": service, "severity": max(levels)[2], "count": levels.total(), "by_severity": by_severity}


def _service(record: dict[str, Any]) -> str:
    resource = record.get("resourceAttributes")
    name = resource.get("service.name") if isinstance(resource, dict) else None
    # A half of a pair of surrogates is no character, and no JSON could be made of it.
    return name.encode(errors="replace").decode()[:_LONGEST_NAME] if isinstance(name, str) and name else "unknown"


def _level(record: dict[str, Any]) -> _Level:
    number = record.get("severityNumber")
    number = number if isinstance(number, int) else 0
    return next((level for level in _LEVELS if number >= level[0]), _NONE)


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
