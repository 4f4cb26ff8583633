"""OTLP log requests made by hand, with records that can be told apart."""

import json
from collections.abc import Iterable
from typing import Any

from headrace.intake.wire.stored import decode_records

ERROR, INFO = 17, 9
KEEP_ERRORS = "severityNumber >= 17"


def log_record(mark: str, severity: int = ERROR, **fields: Any) -> dict[str, Any]:
    """One OTLP/JSON log record whose body is `mark`."""
    return {
        "timeUnixNano": "1705314600000000000",
        "severityNumber": severity,
        "severityText": "ERROR" if severity >= ERROR else "INFO",
        "body": {"stringValue": mark},
        **fields,
    }


def logs_of(*records: dict[str, Any]) -> bytes:
    """An OTLP/JSON request of these records."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "payment-service"}}]}
    scope_logs = {"scope": {"name": "by-hand"}, "logRecords": list(records)}
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [scope_logs]}]}).encode()


def errors(*marks: str) -> bytes:
    """A request of one record of severity ERROR for each mark."""
    return logs_of(*(log_record(mark) for mark in marks))


def numbered(prefix: str, count: int) -> list[str]:
    """`count` marks."""
    return [f"{prefix}-{index}" for index in range(count)]


def marks(records: Iterable[dict[str, Any]]) -> list[str]:
    """The marks of flat records."""
    return [record["body"] for record in records]


def dead_marks(letters: Iterable[Any]) -> set[str]:
    """The marks of the records in dead letters."""
    return {mark for letter in letters for mark in marks(decode_records(letter.body, letter.attributes))}
