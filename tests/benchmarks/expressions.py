"""How fast filters run: in this process when they are tame, in a worker when they are not; 512 records a call."""

import time
from collections.abc import Callable
from functools import partial
from typing import Literal

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.adapters.expressions_jsonata.child import Child
from headrace.ports.program import Program, Transform
from headrace.ports.records import Record

ENGINES: tuple[Literal["jsonatapy", "jsonata-python"], ...] = ("jsonatapy", "jsonata-python")
RECORDS_A_CALL = 512
SECONDS = 0.5

PROGRAMS = {
    "filter, in-process": Program("severityNumber >= 17"),
    "filter on two fields, in-process": Program(
        'severityNumber >= 17 and resourceAttributes.`service.name` = "payment-service"'
    ),
    "transform, in-process": Program(None, (Transform("attributes.`error.type`", "error", "string"),)),
    "pattern, in a worker": Program("$contains(body, /refused$/)"),
    "replacement, in a worker": Program(None, (Transform('$replace(body, "Con", "Dis")', "said", "string"),)),
}


def reference_record(number: int) -> Record:
    """One log record in ten is an error."""
    return {
        "resourceAttributes": {
            "service.name": "payment-service",
            "host.name": "node-7",
            "cloud.region": "eu",
        },
        "scope": {"name": "my-library"},
        "severityNumber": 17 if number % 10 == 0 else 9,
        "severityText": "ERROR" if number % 10 == 0 else "INFO",
        "body": "Connection refused",
        "attributes": {"error.type": "ConnectionError", "http.status_code": 503, "retry": number},
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "timestamp": "2024-01-15T10:30:00Z",
    }


def measure() -> dict[str, float]:
    """Records a second for each engine and program, and the start of a worker in ms (best of 5)."""
    records = [reference_record(number) for number in range(RECORDS_A_CALL)]
    figures: dict[str, float] = {}
    for engine in ENGINES:
        figures[f"expressions, {engine}: start of a worker, ms"] = min(_worker_start_ms(engine) for _ in range(5))
        expressions = SandboxedExpressions(engine)
        for name, program in PROGRAMS.items():
            rate = _rate(partial(expressions.run, program, records))
            figures[f"expressions, {engine}: {name}, records/s"] = RECORDS_A_CALL * rate
        expressions.close()
    return figures


def _rate(call: Callable[[], object]) -> float:
    """Calls a second: the best of three rounds, as others share the machine."""
    call()
    return max(_round(call) for _ in range(3))


def _round(call: Callable[[], object]) -> float:
    calls, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < SECONDS:
        call()
        calls += 1
    return calls / took


def _worker_start_ms(engine: Literal["jsonatapy", "jsonata-python"]) -> float:
    start = time.perf_counter()
    child = Child(engine)
    took = time.perf_counter() - start
    child.kill()
    return took * 1000
