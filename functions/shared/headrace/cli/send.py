"""`headrace send`: OTLP logs from a file, from standard input, or made up."""

import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from headrace import bootstrap
from headrace.cli.credentials import read_credentials
from headrace.cli.printing import one_line
from headrace.errors import InvalidInput, Unavailable

_BATCH = 512
_TIMEOUT_SECONDS = 30
_SHOWN_BYTES = 200
_PROTOBUF = "application/x-protobuf"
_SEVERITIES = {
    "TRACE": 1,
    "DEBUG": 5,
    "INFO": 9,
    "WARN": 13,
    "WARNING": 13,
    "ERROR": 17,
    "FATAL": 21,
    "CRITICAL": 21,
}
_MADE_UP = (
    ("payment-service", "ERROR", "Connection refused: database pool exhausted"),
    ("payment-service", "INFO", "Payment accepted"),
    ("checkout", "INFO", "Cart opened"),
    ("checkout", "WARN", "Slow answer from payment-service: 2.4 s"),
    ("inventory", "INFO", "Stock level read"),
    ("inventory", "ERROR", "Timeout waiting for DB connection after 30s"),
)

_BODIES = ("body", "message", "msg")
_FIELDS = frozenset(
    {"signal", "resourceAttributes", "scope", "severityNumber", "severityText", "level", *_BODIES, "attributes"}
    | {"traceId", "spanId", "timestamp", "observedTimestamp", "flags", "eventName"}
)
"""What a line says about its record: the flat record's fields, and what loggers call some of them."""

Line = dict[str, Any]


def run_send(file: Path | None, count: int, rate: float, endpoint: str | None, api_key: str | None) -> None:
    """Send, with a progress bar, and say what was stored.

    Raises:
        InvalidInput: a line that is no log record; it names the line.
        Unavailable: the receiver refused or did not answer.
    """
    if endpoint is None or api_key is None:
        credentials = read_credentials(bootstrap.settings().data_dir)
        endpoint, api_key = endpoint or credentials.endpoint, api_key or credentials.api_key
    lines = _made_up(count) if file is None else _read_lines(file)
    console = Console(highlight=False)
    columns = (TextColumn("sending"), MofNCompleteColumn(), TimeElapsedColumn())
    sent = refused = 0
    batch_size = _BATCH if not rate else max(1, min(_BATCH, round(rate / 10)))
    started = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("send", total=count if file is None else None)
        with requests.Session() as session:
            while batch := list(islice(lines, batch_size)):
                refused += _post(session, endpoint, api_key, batch)
                sent += len(batch)
                bar.update(task, completed=sent)
                if rate:
                    time.sleep(max(0.0, started + sent / rate - time.monotonic()))
    console.print(f"sent {sent} logs to {endpoint}" + (f", {refused} of them refused" if refused else ""))


def encode_logs(lines: Iterable[Line]) -> bytes:
    """An OTLP request of log lines: objects with the fields of the flat record, all of them optional.

    Loggers that write JSON have fields of their own beside them: these become attributes.
    """
    request = ExportLogsServiceRequest()
    scopes: dict[str, Any] = {}
    for line in lines:
        resource = line.get("resourceAttributes") or {}
        name = json.dumps(resource, sort_keys=True)
        if name not in scopes:
            resource_logs = request.resource_logs.add()
            _attributes(resource_logs.resource.attributes, resource)
            scopes[name] = resource_logs.scope_logs.add()
        _fill(scopes[name].log_records.add(), line)
    return bytes(request.SerializeToString())


def _fill(record: Any, line: Line) -> None:
    severity = str(line.get("severityText") or line.get("level") or "")
    record.severity_text = severity
    record.severity_number = line.get("severityNumber") or _SEVERITIES.get(severity.upper(), 0)
    _value(record.body, next((line[name] for name in _BODIES if name in line), ""))
    own = {name: value for name, value in line.items() if name not in _FIELDS}
    _attributes(record.attributes, {**own, **(line.get("attributes") or {})})
    record.trace_id = bytes.fromhex(line.get("traceId") or "")
    record.span_id = bytes.fromhex(line.get("spanId") or "")
    moment = line.get("timestamp")
    seconds = datetime.fromisoformat(moment).timestamp() if moment else time.time()
    record.time_unix_nano = round(seconds * 1_000_000) * 1000


def _attributes(target: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        pair = target.add()
        pair.key = key
        _value(pair.value, value)


def _value(target: Any, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for each in value:
            _value(target.array_value.values.add(), each)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        _attributes(target.kvlist_value.values, value)
    elif value is not None:
        target.string_value = str(value)


def _post(session: requests.Session, endpoint: str, api_key: str, batch: list[Line]) -> int:
    """Send one request; how many records of it were refused."""
    headers = {"Content-Type": _PROTOBUF, "X-API-Key": api_key}
    url = f"{endpoint.rstrip('/')}/v1/logs"
    try:
        answer = session.post(url, data=encode_logs(batch), headers=headers, timeout=_TIMEOUT_SECONDS)
    except requests.RequestException as cause:
        raise Unavailable(f"{url} gave no answer; is `headrace up` running? ({cause})") from cause
    if answer.status_code != 200:
        raise Unavailable(f"{url} answered {answer.status_code}: {one_line(_reason(answer))}")
    return int(ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records)


def _reason(answer: requests.Response) -> str:
    """What a receiver says about its refusal: a `google.rpc.Status`, or whatever else lives at the address."""
    if answer.headers.get("Content-Type") == _PROTOBUF:
        with suppress(DecodeError):
            return str(Status.FromString(answer.content).message)
    return answer.content[:_SHOWN_BYTES].decode(errors="replace")


def _made_up(count: int) -> Iterator[Line]:
    for index in range(count):
        service, severity, body = random.choice(_MADE_UP)  # noqa: S311 - for show
        yield {
            "resourceAttributes": {"service.name": service},
            "severityText": severity,
            "body": body,
            "attributes": {"made.up": True, "index": index},
        }


def _read_lines(file: Path) -> Iterator[Line]:
    try:
        source = sys.stdin if str(file) == "-" else file.open(encoding="utf-8", errors="replace")
    except OSError as cause:
        raise InvalidInput(f"{file} cannot be read: {cause.strerror}", field="file") from cause
    with source:
        for number, text in enumerate(source, start=1):
            if text.strip():
                yield _parse(text.strip(), number)


def _parse(text: str, number: int) -> Line:
    """A line of JSON is taken by its fields, any other line is the body of a record."""
    if not text.startswith("{"):
        return {"body": text}
    try:
        line: Line = json.loads(text)
        encode_logs([line])
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as cause:
        raise InvalidInput(f"line {number} is no log record: {cause}", field="file") from cause
    return line
