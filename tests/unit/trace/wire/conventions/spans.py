"""Flat spans by hand, as the receiver makes them."""

from typing import Any

from headrace.times import timestamp

START = 1_700_000_000_000_000_000
MS = 1_000_000

Record = dict[str, Any]


def flat(
    number: int, attributes: Record | None = None, *, parent: int | str = 1, name: str = "work", **more: Any
) -> Record:
    """Span `number` of a trace, child of span `parent`, starting `at` ms after the trace and taking `takes` ms."""
    at, takes = more.pop("at", number), more.pop("takes", 1)
    status: Record = {"code": more.pop("status", "UNSET")}
    if "error" in more:
        status = {"code": "ERROR", "message": more.pop("error")}
    record = {
        "signal": "span",
        "resourceAttributes": {"service.name": "desk", **more.pop("resource", {})},
        "scope": {"name": more.pop("scope", "")},
        "name": name,
        "kind": "INTERNAL",
        "attributes": attributes or {},
        "traceId": "ab" * 16,
        "spanId": f"{number:016x}",
        "parentSpanId": parent if isinstance(parent, str) else f"{parent:016x}",
        "timestamp": timestamp(START + at * MS),
        "endTimestamp": timestamp(START + (at + takes) * MS),
        "durationNano": takes * MS,
        "status": status,
    }
    return {**record, **more}


def root(**more: Any) -> Record:
    """The first span of the trace."""
    return flat(1, parent="", at=0, takes=more.pop("takes", 1000), name="request", **more)


def agent(number: int, agent_name: str, **more: Any) -> Record:
    """A span that runs an agent."""
    return flat(number, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent_name}, **more)


def model(number: int, asks: str = "", **more: Any) -> Record:
    """A model's call that answers something, or asks for a tool."""
    part = f'{{"type":"tool_call","id":"call_{number}","name":"{asks}"}}' if asks else '{"type":"text","content":"x"}'
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.output.messages": f'[{{"role":"assistant","parts":[{part}]}}]',
        **more.pop("attributes", {}),
    }
    return flat(number, attributes, **more)


def tool(number: int, tool_name: str, **more: Any) -> Record:
    """A tool's execution."""
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool_name, **more.pop("attributes", {})}
    return flat(number, attributes, **more)
