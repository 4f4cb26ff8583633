"""Recorded traces of real programs, what they did, and the ways in which the same trace may come."""

import gzip
import json
from collections import defaultdict
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from headrace.trace.domain.runs import Run, assemble
from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions import normalize
from tests.otlp_records import decode_request

FOLDER = Path(__file__).parents[4] / "corpora" / "agent_traces"
NAMES = sorted(str(path.relative_to(FOLDER)).removesuffix(".pb.gz") for path in FOLDER.glob("*/*.pb.gz"))
LATER = 10**19
IDLE = timedelta(minutes=15)


@cache
def body(name: str) -> bytes:
    return gzip.decompress((FOLDER / f"{name}.pb.gz").read_bytes())


@cache
def expected(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FOLDER / f"{name}.expected.json").read_text())
    return told


@cache
def text(name: str) -> str:
    """The flat spans of a recording, one JSON object a line."""
    return "\n".join(
        orjson.dumps(record).decode() for record in decode_request("traces", "protobuf", body(name), 0).records
    )


def records(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in text(name).splitlines()]


def runs_of(flat: list[dict[str, Any]]) -> list[Run]:
    """The runs that flat spans make, by time, without traces that only define agents."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for record in flat:
        span = normalize(record)
        traces[span.trace_id].append(span)
    runs = [assemble(spans, LATER, LATER, IDLE) for spans in traces.values()]
    return sorted((run for run in runs if not run.is_definition), key=lambda run: run.started_unix_nano)


def told(run: Run) -> dict[str, Any]:
    """What of a run a recording's `expected.json` tells."""
    return {
        "framework": run.framework,
        "service_name": run.service_name,
        "agents": [agent.name for agent in run.agents],
        "llm_calls": run.llm_calls,
        "llm_failed_calls": run.llm_failed_calls,
        "tool_calls": [(call.name, call.agent, call.ok) for call in run.tool_calls],
        "messages": [(message.sender, message.recipient, message.type) for message in run.messages],
        "status": run.status,
        "error_type": run.error_type,
        "recovered": run.recovered,
        "user_id": run.user_id,
        "session_id": run.session_id,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "oddities": run.oddities,
        "failures": [failure.mode for failure in run.failures],
    }


def wanted(name: str) -> list[dict[str, Any]]:
    """The same, by `expected.json`, for each of the program's requests."""
    whole = expected(name)
    requests = whole.get("requests") or [whole]
    return [_wanted({**whole, **request}) for request in requests]


_FRAMEWORKS = {"plain": "generic", "custom": "generic"}
"""Programs without a framework."""


def _wanted(request: dict[str, Any]) -> dict[str, Any]:
    messages = [(each["from"], each["to"], each["type"]) for each in request["messages"] if each["type"] != "sequence"]
    return {
        "framework": _FRAMEWORKS.get(request["framework"], request["framework"]),
        "service_name": request["service_name"],
        "agents": request["agents"],
        "llm_calls": request["llm_calls"],
        "llm_failed_calls": request["llm_failed_calls"],
        "tool_calls": [(call["name"], call["agent"], call["ok"]) for call in request["tool_calls"]],
        "messages": [] if _is_silent(request) else messages,
        "status": {"ok": "completed", "error": "failed"}[request["status"]],
        "error_type": request["error_type"],
        "recovered": request["recovered"],
        "user_id": request["user_id"] or "",
        "session_id": request["session_id"] or "",
        "input_tokens": request["input_tokens"],
        "output_tokens": request["output_tokens"],
        "oddities": [],
        "failures": ["timeout"] if request["error_type"] == "timeout" else [],
    }


def _is_silent(request: dict[str, Any]) -> bool:
    """Whether the program writes nothing from which a handoff could be told from its fixed order."""
    return any("no message or edge spans" in note for note in request.get("notes", ()))


def same(run: dict[str, Any], want: dict[str, Any]) -> bool:
    """Whether a run is as wanted; what is not known of a recording is not compared."""
    return all(run[key] == value for key, value in want.items() if value is not None)


def renamed(name: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """A recording in which agents, tools, users and the like are called otherwise."""
    whole = text(name)
    for old in sorted(names, key=len, reverse=True):
        whole = whole.replace(old, names[old])
    return [orjson.loads(line) for line in whole.splitlines()]
