"""A flat record as Headrace sends it → what there is to know about one error. Anything may be missing or odd."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from error_summary.text import clean

MESSAGE_LIMIT = 500
"""Characters of a message that are kept: what tells errors apart comes first."""

_NAME_LIMIT = 120
_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
# The first number of each range, https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_NUMBERS = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21, "CRITICAL": 21}


@dataclass(frozen=True, slots=True)
class Event:
    """One record: a log record, or a span or metric point that says something.

    `evidence` is all the text that rules look at; `severity_number` is OpenTelemetry's, 0 where unknown;
    `timestamp` is as sent, or None where it is not RFC 3339 in UTC.
    """

    service: str
    message: str
    error_type: str
    evidence: str
    severity_number: int
    timestamp: str | None
    trace_id: str | None


def read_event(record: Mapping[str, Any]) -> Event:
    """What the record says."""
    attributes = {**_exception_of_span(record), **_mapping(record.get("attributes"))}
    message = _message(record, attributes)
    error_type = _first_text(attributes, ("exception.type", "error.type"), _NAME_LIMIT)
    said = _first_text(attributes, ("exception.message", "error.message"), MESSAGE_LIMIT)
    return Event(
        service=_first_text(_mapping(record.get("resourceAttributes")), ("service.name",), _NAME_LIMIT) or "unknown",
        message=message or "(no message)",
        error_type=error_type,
        evidence="\n".join(dict.fromkeys(filter(None, (message, error_type, said)))),
        severity_number=_severity_number(record),
        timestamp=_timestamp(record.get("timestamp")),
        trace_id=_trace_id(record.get("traceId")),
    )


def moment(timestamp: str) -> tuple[str, str]:
    """What timestamps are ordered by: as text, `…00Z` would come after `…00.5Z`."""
    seconds, _, fraction = timestamp.rstrip("Z").partition(".")
    return seconds, fraction.ljust(9, "0")


def _message(record: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    body = record.get("body")
    if isinstance(body, Mapping):
        body = _first_text(body, ("message", "msg", "error"), MESSAGE_LIMIT) or body
    texts: Iterable[Any] = (
        body,
        attributes.get("exception.message"),
        _mapping(record.get("status")).get("message"),
        record.get("name"),
        record.get("eventName"),
    )
    return next(filter(None, map(_text, texts)), "")


def _text(value: Any) -> str:
    """Text as it is, any other JSON as JSON; nothing where there is nothing."""
    if value is None or value in ("", [], {}):
        return ""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), MESSAGE_LIMIT)


def _exception_of_span(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes of the exception that a span recorded, if any.

    https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
    """
    events = record.get("events")
    for event in events if isinstance(events, list) else []:
        if _mapping(event).get("name") == "exception":
            return _mapping(event.get("attributes"))
    return {}


def _severity_number(record: Mapping[str, Any]) -> int:
    number = record.get("severityNumber")
    if isinstance(number, int) and 1 <= number <= 24:
        return number
    if record.get("signal") == "span":
        return _NUMBERS["ERROR" if _mapping(record.get("status")).get("code") == "ERROR" else "INFO"]
    word = str(record.get("severityText") or "").upper()
    return next((value for name, value in _NUMBERS.items() if word.startswith(name)), 0)


def _timestamp(value: Any) -> str | None:
    return value if isinstance(value, str) and _TIMESTAMP.fullmatch(value) else None


def _trace_id(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and _TRACE_ID.fullmatch(value) else None


def _first_text(values: Mapping[str, Any], names: Iterable[str], limit: int) -> str:
    texts = (clean(values[name], limit) for name in names if isinstance(values.get(name), str))
    return next(filter(None, texts), "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
