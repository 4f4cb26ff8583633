"""A flat span as a normalized one: which agent did what, with which model, at what cost, and what went wrong.

The mapper that knows the span (`choose`) says what kind it is and where its fields are; `answers` and `faults` read
what all conventions share. Whatever a record holds, it becomes a span: what makes no sense is left out and noted.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from headrace.domain.handoffs import handoff_target, is_coworker_tool
from headrace.domain.records import Record
from headrace.domain.spans import Kind, Span, SpanError, SpanMessage, Status
from headrace.domain.tracing import Price
from headrace.wire.conventions.answers import coworker, read_answer, read_results, texts_of_events
from headrace.wire.conventions.choose import choose, framework_by_service, framework_named
from headrace.wire.conventions.convention import FIELDS, Attributes, ByKey, ByName, ByValue, Convention, KindRule
from headrace.wire.conventions.faults import read_error
from headrace.wire.conventions.values import LIMIT_CHARACTERS, amount, bounded, count, text
from headrace.wire.prices import cost_usd

_MOST_ATTRIBUTES = 1000
_NAME_CHARACTERS = 500
_LONGEST_NANO = 10 * 366 * 86_400 * 1_000_000_000
_REMOTE = 0x300
"""OTLP's span flags: it is known whether the parent is remote, and it is."""
_STATUSES: Mapping[Any, Status] = {"OK": "ok", "ERROR": "error"}


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
    resource_framework = text(resource.get("agent.framework") or attributes.get("agent.framework")).lower()
    convention, reason = choose(text(scope.get("name")), text(scope.get("version")), resource_framework, attributes)
    name = text(record.get("name"))[:_NAME_CHARACTERS]
    kind, why = _kind(convention, name, attributes)
    service = text(resource.get("service.name"))
    started, duration, oddities = _times(record)
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
        _STATUSES.get(_map(record.get("status")).get("code"), "unset"),
        oddities=oddities,
    )
    flags = record.get("flags")
    span.parent_is_remote = isinstance(flags, int) and flags & _REMOTE == _REMOTE
    _read_fields(span, convention, attributes)
    if convention.refine is not None:
        convention.refine(span, attributes)
    _read_definition(span, attributes)
    _read_by_kind(span, attributes, events, prices)
    _read_outcome(span, record, attributes, events)
    span.framework = span.framework or _framework(resource_framework, attributes, service)
    span.attributes = _kept(attributes, span.oddities)
    if record.get("attributes") is not None and not isinstance(record["attributes"], dict):
        span.oddities.append("its attributes are no map")
    return span


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


# --- kind ----------------------------------------------------------------------------------------------------


def _kind(convention: Convention, name: str, attributes: Attributes) -> tuple[Kind, str]:
    for rule in convention.kinds:
        found = _MATCH[type(rule)](rule, name, attributes)
        if found is not None:
            return found
    return "other", "no rule for its kind"


def _by_value(rule: ByValue, _: str, attributes: Attributes) -> tuple[Kind, str] | None:
    value = attributes.get(rule.key)
    if not isinstance(value, str):
        return None
    kind = rule.kinds.get(value)
    return None if kind is None else (kind, _equals(rule.key, value))


def _by_key(rule: ByKey, _: str, attributes: Attributes) -> tuple[Kind, str] | None:
    return (rule.kind, rule.key) if attributes.get(rule.key) is not None else None


def _by_name(rule: ByName, name: str, attributes: Attributes) -> tuple[Kind, str] | None:
    if rule.needs and rule.needs not in attributes:
        return None
    if name.startswith(rule.prefixes) or (rule.suffixes and name.endswith(rule.suffixes)):
        return rule.kind, "its name"
    return None


_MATCH: Mapping[type[KindRule], Callable[..., tuple[Kind, str] | None]] = {
    ByValue: _by_value,
    ByKey: _by_key,
    ByName: _by_name,
}


@lru_cache(maxsize=1024)
def _equals(key: str, value: str) -> str:
    return f"{key}={value}"


# --- fields --------------------------------------------------------------------------------------------------


_PLANS: dict[str, dict[str, tuple[str, ...]]] = {}
"""By the name of a convention: the keys of every field. Made once, since conventions do not change."""


def _plan(convention: Convention) -> dict[str, tuple[str, ...]]:
    plan = _PLANS.get(convention.name)
    if plan is None:
        plan = _PLANS[convention.name] = {name: convention.keys(name) for name in FIELDS}
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


def _read_fields(span: Span, convention: Convention, attributes: Attributes) -> None:
    plan = _plan(convention)
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


def _read_by_kind(span: Span, attributes: Attributes, events: Any, prices: Mapping[str, Price]) -> None:
    if span.kind == "llm_call":
        _read_usage(span, attributes, prices)
        _read_content(span, attributes, events)
    elif span.kind in ("tool_call", "handoff"):
        _read_tool(span)
    elif span.kind == "agent":
        span.model = _name(attributes, FIELDS["model"])
        if not span.agent:
            span.agent, span.agent_by = span.name.removesuffix(".run"), "kind"


def _read_usage(span: Span, attributes: Attributes, prices: Mapping[str, Price]) -> None:
    span.model = _name(attributes, FIELDS["model"])
    span.provider = _name(attributes, FIELDS["provider"])
    span.input_tokens = _count(span, attributes, "input_tokens")
    span.output_tokens = _count(span, attributes, "output_tokens")
    span.cached_tokens = _count(span, attributes, "cached_tokens")
    stated = _keyed(attributes, FIELDS["cost_usd"])
    if stated is not None:
        span.cost_usd = amount(*stated, span.oddities)
    if span.cost_usd is None:
        span.cost_usd = cost_usd(span.model, span.input_tokens, span.output_tokens, span.cached_tokens, prices)


def _count(span: Span, attributes: Attributes, field: str) -> int | None:
    stated = _keyed(attributes, FIELDS[field])
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
    elif target := handoff_target(span.tool):
        span.kind = "handoff"
        span.message = SpanMessage(span.agent, target, "handoff")


# --- outcome -------------------------------------------------------------------------------------------------


def _read_outcome(span: Span, record: Record, attributes: Attributes, events: Any) -> None:
    if span.status == "error":
        span.error = read_error(span.kind, _map(record.get("status")).get("message"), attributes, events)
        if span.error is None:
            span.status = "unset"
    elif span.kind == "llm_call" and "content_filter" in text(attributes.get("gen_ai.response.finish_reasons")):
        span.error = SpanError("blocked", "the answer was stopped by a content filter")


def _framework(resource_framework: str, attributes: Attributes, service: str) -> str:
    return (
        framework_named(resource_framework)
        or framework_named(attributes.get("gen_ai.provider.name"))
        or framework_named(attributes.get("gen_ai.system"))
        or framework_by_service(service[:200])
        or resource_framework[:60]
        or "generic"
    )


# --- time, attributes ----------------------------------------------------------------------------------------


def _times(record: Record) -> tuple[int, int | None, list[str]]:
    """Start, duration and what is odd about them."""
    oddities: list[str] = []
    started, ended = record.get("timestamp"), record.get("endTimestamp")
    start = unix_nano(started)
    if start is None or start < 0:
        oddities.append("its start is no time since 1970")
        start = 0
    if ended is None:
        return start, None, oddities
    duration = record.get("durationNano")
    if type(duration) is not int or not 0 <= duration < _LONGEST_NANO:
        oddities.append("its duration makes no sense")
        duration = 0
    elif not duration and ended != started and (unix_nano(ended) or 0) < start:
        oddities.append("it ended before it started")
    return start, duration, oddities


def unix_nano(stamp: Any) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 time in UTC as `domain.records.timestamp` writes it; None if it is none."""
    if type(stamp) is not str or len(stamp) < 20 or stamp[-1] != "Z":
        return None
    second = _second(stamp[:19])
    if second is None:
        return None
    fraction = stamp[20:-1]
    if not fraction:
        return second
    return second + int(fraction.ljust(9, "0")[:9]) if fraction.isdecimal() and fraction.isascii() else None


@lru_cache(maxsize=4096)
def _second(second: str) -> int | None:
    try:
        return int(datetime.fromisoformat(second).replace(tzinfo=UTC).timestamp()) * 1_000_000_000
    except ValueError:
        return None


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
