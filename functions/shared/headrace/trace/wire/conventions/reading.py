"""A flat span as a normalized one: which agent did what, with which model, at what cost, and what went wrong.

The mapper that knows the span (`choose`) says what kind it is and where its fields are; `answers` and `faults` read
what all conventions share. Whatever a record holds, it becomes a span: what makes no sense is left out and noted.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from headrace.ports.records import Record
from headrace.trace.domain.handoffs import AGENT_ARGUMENT, HANDOFF_TOOLS, handoff_target, is_coworker_tool
from headrace.trace.domain.spans import Span, SpanError, SpanMessage, Status
from headrace.trace.domain.tracing import Price
from headrace.trace.wire.conventions.answers import coworker, read_answer, read_results, texts_of_events
from headrace.trace.wire.conventions.choose import CONVENTIONS, choose, framework_by_service, framework_named
from headrace.trace.wire.conventions.convention import FIELDS, Attributes, Convention
from headrace.trace.wire.conventions.faults import read_error
from headrace.trace.wire.conventions.generic import GENERIC
from headrace.trace.wire.conventions.kinds import read_kind
from headrace.trace.wire.conventions.times import read_times
from headrace.trace.wire.conventions.values import LIMIT_CHARACTERS, amount, bounded, count, json_object, text
from headrace.trace.wire.prices import cost_usd

_MOST_ATTRIBUTES = 1000
_NAME_CHARACTERS = 500
_REMOTE = 0x300
"""OTLP's span flags: it is known whether the parent is remote, and it is."""
_CONTEXT_CHARACTERS = 200
"""Of names of scopes, services and frameworks."""


def normalize(record: Record, prices: Mapping[str, Price] | None = None) -> Span:
    """The flat span `record` (contract, section 1) as a span. `prices` win over the bundled ones.

    Never raises: what cannot be read is left out, and said in `oddities`.
    """
    try:
        return _normalize(record, prices or {})
    except Exception as cause:  # noqa: BLE001 - a span that nobody foresaw is stored all the same
        return _bare(record, f"could not be read: {type(cause).__name__}")


def _bare(record: Any, oddity: str) -> Span:
    held = _map(record)
    trace_id, span_id, parent, name = (
        text(held.get(key))[:64] for key in ("traceId", "spanId", "parentSpanId", "name")
    )
    rule = "none: it could not be read"
    return Span(trace_id, span_id, parent, name, "other", rule, "generic", "", 0, None, "unset", oddities=[oddity])


def _normalize(record: Record, prices: Mapping[str, Price]) -> Span:
    attributes, resource = _map(record.get("attributes")), _map(record.get("resourceAttributes"))
    scope = _map(record.get("scope"))
    events = record.get("events")
    events = events if isinstance(events, list) else ()
    resource_framework = _short(resource.get("agent.framework") or attributes.get("agent.framework")).lower()
    scope_name, scope_version = _short(scope.get("name")), _short(scope.get("version"))
    convention, reason = choose(scope_name, scope_version, resource_framework, attributes)
    name = text(record.get("name"))[:_NAME_CHARACTERS]
    kind, why = read_kind(convention, name, attributes)
    service = _short(resource.get("service.name"))
    started, duration, oddities = read_times(record)
    span = Span(
        text(record.get("traceId")),
        text(record.get("spanId")),
        text(record.get("parentSpanId")),
        name,
        kind,
        f"{convention.name} by {reason}: {why}",
        convention.framework,
        service,
        started,
        duration,
        _status(_map(record.get("status")).get("code")),
        oddities=oddities,
    )
    flags = record.get("flags")
    span.parent_is_remote = isinstance(flags, int) and flags & _REMOTE == _REMOTE
    plan = _plan(convention, attributes)
    _read_fields(span, convention, attributes, plan)
    if convention.refine is not None:
        convention.refine(span, attributes)
    _read_definition(span, attributes)
    _read_by_kind(span, attributes, plan, events, prices)
    _read_outcome(span, record, attributes, events)
    span.framework = span.framework or _framework(resource_framework, attributes, service)
    span.attributes = _kept(attributes, span.oddities)
    if record.get("attributes") is not None and not isinstance(record["attributes"], dict):
        span.oddities.append("its attributes are no map")
    return span


def _short(value: Any) -> str:
    return text(value)[:_CONTEXT_CHARACTERS]


def _status(code: Any) -> Status:
    return "error" if code == "ERROR" else "ok" if code == "OK" else "unset"


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


# --- fields --------------------------------------------------------------------------------------------------


Plan = Mapping[str, tuple[str, ...]]
"""For every field the attributes that a span has and that may hold it, the most telling first."""

_KNOWN = frozenset(key for convention in (*CONVENTIONS, GENERIC) for field in FIELDS for key in convention.keys(field))
_PLANS: dict[tuple[str, ...], Plan] = {}
"""By the convention's name and the known attributes that a span has: programs write few such combinations."""
_MOST_PLANS = 4096


def _plan(convention: Convention, attributes: Attributes) -> Plan:
    shape = (convention.name, *[key for key in attributes if key in _KNOWN])
    plan = _PLANS.get(shape)
    if plan is None:
        if len(_PLANS) >= _MOST_PLANS:
            _PLANS.clear()
        held = set(shape[1:])
        plan = {field: tuple(key for key in convention.keys(field) if key in held) for field in FIELDS}
        _PLANS[shape] = plan
    return plan


def _first(attributes: Attributes, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return value
    return None


def _name(attributes: Attributes, keys: tuple[str, ...]) -> str:
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return value if type(value) is str and len(value) <= _NAME_CHARACTERS else text(value)[:_NAME_CHARACTERS]
    return ""


def _read_fields(span: Span, convention: Convention, attributes: Attributes, plan: Plan) -> None:
    span.agent = _name(attributes, plan["agent"])
    span.agent_by = convention.agent_by or "name" if span.agent else ""
    span.role = _name(attributes, plan["role"])
    span.tool = _name(attributes, plan["tool"])
    span.call_id = _name(attributes, plan["call_id"])
    span.user_id = _name(attributes, plan["user_id"])
    span.session_id = _name(attributes, plan["session_id"])
    span.input = bounded(text(_first(attributes, plan["input"])))
    span.output = bounded(text(_first(attributes, plan["output"])))


def _read_definition(span: Span, attributes: Attributes) -> None:
    """Spans that make an agent name one that may never run."""
    if attributes.get("gen_ai.operation.name") == "create_agent":
        span.kind, span.agent_by = "other", "definition"


# --- what kinds have -----------------------------------------------------------------------------------------


def _read_by_kind(span: Span, attributes: Attributes, plan: Plan, events: Any, prices: Mapping[str, Price]) -> None:
    if span.kind == "llm_call":
        _read_usage(span, attributes, plan, prices)
        _read_content(span, attributes, events)
    elif span.kind in ("tool_call", "handoff"):
        _read_contents_of_events(span, events)
        span.input = span.input.removeprefix("tool: ")
        _read_tool(span)
    elif span.kind == "agent":
        span.model = _name(attributes, plan["model"])
        if not span.agent:
            span.agent, span.agent_by = span.name.removesuffix(".run"), "kind"


def _read_usage(span: Span, attributes: Attributes, plan: Plan, prices: Mapping[str, Price]) -> None:
    span.model = _name(attributes, plan["model"])
    span.provider = _name(attributes, plan["provider"])
    span.input_tokens = _count(span, attributes, plan["input_tokens"])
    span.output_tokens = _count(span, attributes, plan["output_tokens"])
    span.cached_tokens = _count(span, attributes, plan["cached_tokens"])
    stated = _keyed(attributes, plan["cost_usd"])
    if stated is not None:
        span.cost_usd = amount(*stated, span.oddities)
    if span.cost_usd is None:
        span.cost_usd = cost_usd(span.model, span.input_tokens, span.output_tokens, span.cached_tokens, prices)


def _count(span: Span, attributes: Attributes, keys: tuple[str, ...]) -> int | None:
    stated = _keyed(attributes, keys)
    return None if stated is None else count(*stated, span.oddities)


def _keyed(attributes: Attributes, keys: tuple[str, ...]) -> tuple[Any, str] | None:
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return value, key
    return None


def _read_content(span: Span, attributes: Attributes, events: Any) -> None:
    read_answer(span, attributes, events)
    read_results(span, attributes)
    _read_contents_of_events(span, events)


def _read_contents_of_events(span: Span, events: Any) -> None:
    if events and not (span.input and span.output):
        told, said = texts_of_events(events)
        span.input, span.output = span.input or bounded(told), span.output or bounded(said)


def _read_tool(span: Span) -> None:
    if not span.tool and span.kind == "tool_call":
        span.tool = span.name.removeprefix("execute_tool ").removesuffix(".tool").removesuffix(".run")
    if span.message is not None:
        span.kind = "handoff"
    elif is_coworker_tool(span.tool):
        span.kind = "handoff"
        span.message = SpanMessage(span.agent, coworker(span.input), "handoff")
    elif (target := handoff_target(span.tool) or _agent_in(span.tool, span.input)) or span.tool in HANDOFF_TOOLS:
        span.kind = "handoff"
        span.message = SpanMessage(span.agent, target, "handoff")


def _agent_in(tool: str, arguments: str) -> str:
    """Whom the arguments of a tool name that hands over to any agent."""
    return text(json_object(arguments).get(AGENT_ARGUMENT))[:_NAME_CHARACTERS] if tool in HANDOFF_TOOLS else ""


# --- outcome -------------------------------------------------------------------------------------------------


def _read_outcome(span: Span, record: Record, attributes: Attributes, events: Any) -> None:
    if span.status == "error":
        span.error = read_error(span.kind, _map(record.get("status")).get("message"), attributes, events)
        if span.error is None:
            span.status = "unset"
    elif span.kind == "llm_call" and _was_filtered(attributes):
        span.error = SpanError("blocked", "the answer was stopped by a content filter")


_FINISH = ("gen_ai.response.finish_reasons", "llm.finish_reason", "gen_ai.completion.0.finish_reason")
_FILTERED = re.compile(r'"finish_reason": ?"content_filter"')


def _was_filtered(attributes: Attributes) -> bool:
    told = [attributes[key] for key in _FINISH if key in attributes]
    if told:
        return any(isinstance(reasons, list | str) and "content_filter" in reasons for reasons in told)
    answer = attributes.get("output.value")
    return isinstance(answer, str) and _FILTERED.search(answer) is not None


def _framework(resource_framework: str, attributes: Attributes, service: str) -> str:
    return (
        framework_named(resource_framework)
        or framework_named(attributes.get("gen_ai.provider.name"))
        or framework_named(attributes.get("gen_ai.system"))
        or framework_by_service(service)
        or resource_framework
        or "generic"
    )


# --- attributes ----------------------------------------------------------------------------------------------


def _kept(attributes: Attributes, oddities: list[str]) -> dict[str, Any]:
    """The attributes with long texts cut."""
    if len(attributes) > _MOST_ATTRIBUTES:
        oddities.append(f"{len(attributes)} attributes, the first {_MOST_ATTRIBUTES} were kept")
        attributes = dict(list(attributes.items())[:_MOST_ATTRIBUTES])
    kept = dict(attributes)
    for key, value in attributes.items():
        kind = type(value)
        if kind is str:
            if len(value) > LIMIT_CHARACTERS:
                kept[key] = bounded(value)
        elif (kind is list or kind is dict) and value and len(orjson.dumps(value)) > LIMIT_CHARACTERS:
            kept[key] = bounded(text(value))
            oddities.append(f"{key[:80]} was too large and is kept as text")
    return kept
