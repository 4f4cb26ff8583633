"""Every recording comes out as what its program did, however its spans arrive and whatever its agents are called."""

import random
from base64 import b64decode
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from headrace.trace.domain.runs import assemble
from headrace.trace.domain.tracing import without_content
from headrace.trace.wire.conventions import normalize
from tests.otlp_records import decode_request
from tests.unit.trace.wire.conventions.recordings import (
    IDLE,
    LATER,
    NAMES,
    body,
    expected,
    records,
    renamed,
    runs_of,
    same,
    text,
    told,
    wanted,
)


def _compare(flat: list[dict[str, Any]], want: list[dict[str, Any]]) -> None:
    runs = [told(run) for run in runs_of(flat)]
    assert len(runs) == len(want)
    for run in runs:
        wish = next(each for each in want if each["session_id"] == run["session_id"])
        assert same(run, wish), {key: (run[key], wish[key]) for key in wish if run[key] != wish[key]}


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_comes_out_as_what_its_program_did(name: str) -> None:
    _compare(records(name), wanted(name))
    for run in runs_of(records(name)):
        assert run.models
        assert all(model.startswith(expected(name)["model"]) for model in run.models)
        assert run.cost_usd is not None
        assert run.cost_usd > 0


@pytest.mark.parametrize("name", NAMES)
def test_json_comes_out_like_protobuf(name: str) -> None:
    request = ExportTraceServiceRequest.FromString(body(name))
    as_json = MessageToDict(request, use_integers_for_enums=True)
    for span in _spans_of(as_json):
        for holder in (span, *span.get("links", ())):
            for key in {"traceId", "spanId", "parentSpanId"} & set(holder):
                holder[key] = b64decode(holder[key]).hex()
    decoded = decode_request("traces", "json", orjson.dumps(as_json), 0).records
    assert runs_of([orjson.loads(orjson.dumps(each)) for each in decoded]) == runs_of(records(name))


def _spans_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    scopes = [scope for resource in request["resourceSpans"] for scope in resource["scopeSpans"]]
    return [span for scope in scopes for span in scope["spans"]]


@pytest.mark.parametrize("name", NAMES)
def test_order_repetition_and_other_traces_make_no_difference(name: str) -> None:
    flat, other = records(name), records(NAMES[(NAMES.index(name) + 7) % len(NAMES)])
    chance = random.Random(name)
    mixed = [*flat, *chance.choices(flat, k=len(flat) // 2), *other]
    chance.shuffle(mixed)
    mine = {record["traceId"] for record in flat}
    assert [run for run in runs_of(mixed) if run.trace_id in mine] == runs_of(flat)


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_knows_the_names_and_versions_of_a_recording(name: str) -> None:
    """Names are put for names in what was sent and in what is expected alike; scopes tell no version."""
    agents = {agent: f"zorro{number}_bot" for number, agent in enumerate(_agents(name))}
    in_tools = {agent.lower().replace(" ", "_"): new for agent, new in agents.items()}
    called = dict.fromkeys(call["name"] for call in expected(name)["tool_calls"])
    tools = {tool: f"do_thing_{number}" for number, tool in enumerate(called)}
    names = {**agents, **in_tools, **tools}
    want = orjson.dumps(wanted(name)).decode()
    for old in sorted(names, key=len, reverse=True):
        want = want.replace(f'"{old}"', f'"{names[old]}"')
    flat = renamed(name, names)
    for record in flat:
        record["scope"].pop("version", None)
    _compare(flat, [_tuples(each) for each in orjson.loads(want)])


def _agents(name: str) -> list[str]:
    """Those that took part, and those that are only defined."""
    defined = [agent for agent in ("hotel_agent", "refund_agent") if agent in text(name)]
    return list(dict.fromkeys((*expected(name)["agents"], *defined)))


def _tuples(want: dict[str, Any]) -> dict[str, Any]:
    for key in ("tool_calls", "messages"):
        want[key] = [tuple(each) for each in want[key]]
    return want


@pytest.mark.parametrize("name", NAMES)
def test_without_content_only_what_content_tells_is_missing(name: str) -> None:
    flat = records(name)
    spans = [normalize(record) for record in flat]
    for trace_id in {span.trace_id for span in spans}:
        whole = [span for span in spans if span.trace_id == trace_id]
        bare = assemble([without_content(span) for span in whole], LATER, LATER, IDLE)
        run = assemble(whole, LATER, LATER, IDLE)
        assert (bare.agents, bare.status, bare.error_type) == (run.agents, run.status, run.error_type)
        assert (bare.tool_calls, bare.messages) == (run.tool_calls, run.messages)


def test_every_span_says_which_rule_read_it() -> None:
    rules = {normalize(record).rule for name in NAMES for record in records(name)}
    assert all(" by " in rule for rule in rules)
    assert (
        "crewai.openinference by scope openinference.instrumentation.crewai 1.1.21: openinference.span.kind=AGENT"
        in rules
    )
    assert "agenttrace.langgraph by agent.framework langgraph: langgraph.source_node" in rules
    assert "gen_ai by attribute gen_ai.operation.name: gen_ai.operation.name=chat" in rules


def test_a_trace_that_only_defines_agents_says_so() -> None:
    spans = [normalize(record) for record in records("langgraph-openllmetry/three-agents")]
    defining = [span for span in spans if span.agent_by == "definition"]
    assert defining
    run = assemble([defining[0]], LATER, LATER, IDLE)
    assert run.is_definition
    assert (run.agents, run.status) == ([], "completed")
