"""What single spans mean, in every convention, and that none is too odd to be read."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.trace.domain.runs import assemble
from headrace.trace.domain.tracing import Price
from headrace.trace.wire.conventions import normalize
from headrace.trace.wire.conventions.choose import CONVENTIONS
from headrace.trace.wire.conventions.times import unix_nano
from headrace.trace.wire.runs import encode_run, encode_spans
from tests.unit.trace.wire.conventions.recordings import IDLE, LATER
from tests.unit.trace.wire.conventions.spans import START, flat

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
_KEYS = sorted(
    {
        key
        for convention in CONVENTIONS
        for name in ("agent", "tool", "input", "output")
        for key in convention.keys(name)
    }
    | {mark for convention in CONVENTIONS for mark in convention.marks}
    | {"gen_ai.usage.input_tokens", "gen_ai.response.finish_reasons", "llm.output_messages.0.message.role", "metadata"}
    | {"llm.input_messages.1.message.role", "gen_ai.input.messages", "llm.completions", "message", "user.id"}
    | {"llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "crewai.task.id", "langgraph.node_type"}
)
_VALUES = _ANYTHING | st.sampled_from(
    [
        *("chat", "execute_tool", "invoke_agent", "handoff", "LLM", "TOOL", "AGENT", "assistant", "tool", "12"),
        *("transfer_to_x", '{"message":[]}', '{"response":{}}', "[", "{", "[[[]]]", "[null]"),
        '[{"role":"assistant","parts":[{"type":"tool_call","name":7}]}]',
        '{"response":{"chat_message":{"type":"HandoffMessage","source":1,"target":[]}}}',
    ]
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=12) | _ANYTHING
_SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([scope.prefix for convention in CONVENTIONS for scope in convention.scopes])
        | _ANYTHING,
        "version": st.sampled_from(["0.1", "1.2.3rc1", "9" * 5000, ""]) | _ANYTHING,
    },
)
_EVENTS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["exception", "gen_ai.choice", "gen_ai.user.message"]) | _ANYTHING},
        optional={"attributes": _ANYTHING},
    ),
    max_size=3,
)
_IDS = st.sampled_from(["", "a", "b", "c", "d"])
_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "traceId": st.just("t") | _ANYTHING,
        "spanId": _IDS | _ANYTHING,
        "parentSpanId": _IDS | _ANYTHING,
        "name": st.text(max_size=20) | _ANYTHING,
        "attributes": _ATTRIBUTES,
        "resourceAttributes": st.fixed_dictionaries(
            {}, optional={"agent.framework": _ANYTHING, "service.name": _ANYTHING}
        ),
        "scope": _SCOPES | _ANYTHING,
        "events": _EVENTS | _ANYTHING,
        "status": st.fixed_dictionaries(
            {"code": st.sampled_from(["OK", "ERROR"]) | _ANYTHING}, optional={"message": _ANYTHING}
        )
        | _ANYTHING,
        "timestamp": st.sampled_from(["2024-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z"])
        | _ANYTHING,
        "endTimestamp": st.just("2024-01-01T00:00:01Z") | _ANYTHING,
        "durationNano": _ANYTHING,
        "flags": _ANYTHING,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_RECORDS | _ANYTHING, min_size=1, max_size=6))
def test_whatever_comes_becomes_spans_a_run_and_json(flat_spans: list[Any]) -> None:
    spans = [normalize(record) for record in flat_spans]
    run = assemble(spans, LATER, LATER, IDLE)
    assert orjson.dumps([encode_run(run), encode_spans(spans)])
    assert run.span_count >= 1


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_RECORDS)
def test_nothing_odd_needs_the_last_resort(record: dict[str, Any]) -> None:
    assert not any(oddity.startswith("could not be read") for oddity in normalize(record).oddities)


@pytest.mark.parametrize(
    ("attributes", "name", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "chat gpt-4o", "llm_call"),
        ({"gen_ai.operation.name": "execute_tool"}, "execute_tool x", "tool_call"),
        ({"gen_ai.operation.name": "create_agent", "gen_ai.agent.name": "a"}, "create_agent a", "other"),
        ({"gen_ai.operation.name": "retrieval"}, "retrieval", "retrieval"),
        ({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e"}, "embeddings", "other"),
        ({"openinference.span.kind": "RETRIEVER"}, "search", "retrieval"),
        ({"openinference.span.kind": "AGENT", "agent.name": "a"}, "run", "agent"),
        ({"traceloop.span.kind": "workflow"}, "main.workflow", "chain"),
        ({"traceloop.span.kind": "tool"}, "x.tool", "tool_call"),
        ({"langgraph.source_node": "a", "langgraph.target_node": "b"}, "langgraph.edge.a.b", "handoff"),
        ({"langgraph.checkpoint_id": "c", "langgraph.node": "a"}, "langgraph.checkpoint", "checkpoint"),
        ({"autogen.message.sender": "a", "autogen.message.recipient": "b"}, "autogen.message", "message"),
        ({"gen_ai.tool.name": "transfer_to_b", "gen_ai.operation.name": "execute_tool"}, "x", "handoff"),
        ({"agent.name": "a"}, "agent.run", "agent"),
        ({"http.request.method": "POST"}, "POST /chat", "other"),
        ({"gen_ai.prompt.0.content": "x", "llm.request.type": "chat"}, "openai.chat", "llm_call"),
        ({}, "anything", "other"),
    ],
)
def test_the_kind_of_a_span(attributes: dict[str, Any], name: str, kind: str) -> None:
    assert normalize(flat(2, attributes, name=name)).kind == kind


def test_the_scope_goes_before_the_resource_and_that_before_attributes() -> None:
    attributes = {"openinference.span.kind": "LLM"}
    resource = {"agent.framework": "AutoGen", "service.name": "my-crewai-service"}
    by_scope = normalize(flat(2, attributes, scope="openinference.instrumentation.crewai", resource=resource))
    by_resource = normalize(flat(2, attributes, scope="mine", resource=resource))
    by_attributes = normalize(flat(2, attributes, scope="mine", resource={"service.name": "my-crewai-service"}))
    assert [by_scope.framework, by_resource.framework, by_attributes.framework] == ["crewai", "autogen", "crewai"]
    assert by_attributes.rule.startswith("openinference by attribute openinference.span.kind")


def test_an_older_version_of_a_scope_has_its_own_mapper() -> None:
    scope = {"name": "opentelemetry.instrumentation.langchain"}
    old = normalize({**flat(2), "scope": {**scope, "version": "0.40.2"}})
    new = normalize({**flat(2), "scope": {**scope, "version": "0.62.4"}})
    unknown = normalize({**flat(2), "scope": scope})
    assert old.rule.startswith("langgraph.openllmetry_before_0.50 by ")
    assert new.rule.startswith("langgraph.openllmetry by ")
    assert unknown.rule.startswith("langgraph.openllmetry by ")


def test_old_names_of_tokens_and_content_are_read() -> None:
    attributes = {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 1_000_000,
        "gen_ai.usage.completion_tokens": 100_000,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.tool_calls.0.name": "look_up",
        "gen_ai.completion.0.tool_calls.0.id": "call_1",
    }
    span = normalize(flat(2, attributes, name="openai.chat"))
    assert (span.input_tokens, span.output_tokens, span.cost_usd) == (1_000_000, 100_000, 3.5)
    assert span.asked == [("look_up", "call_1", "")]


def test_a_stated_cost_goes_before_the_table_and_a_projects_price_before_the_bundled_one() -> None:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10**6}
    own = {"gpt-4o": Price(7.0, 1.0)}
    assert normalize(flat(2, attributes)).cost_usd == 2.5
    assert normalize(flat(2, attributes), own).cost_usd == 7.0
    assert normalize(flat(2, {**attributes, "llm.cost.total": 0.5}), own).cost_usd == 0.5


@pytest.mark.parametrize(
    ("value", "tokens", "oddities"),
    [
        ("12", 12, ["gen_ai.usage.input_tokens came as text"]),
        (12.0, 12, []),
        (-3, None, ["gen_ai.usage.input_tokens is not a count: -3"]),
        (True, None, ["gen_ai.usage.input_tokens is not a count: true"]),
        ([5], None, ["gen_ai.usage.input_tokens is not a count: [5]"]),
        ({"a": 1}, None, ['gen_ai.usage.input_tokens is not a count: {"a":1}']),
        (None, None, []),
        ("many", None, ["gen_ai.usage.input_tokens is not a count: many"]),
    ],
)
def test_tokens_of_the_wrong_type_are_taken_or_noted(value: Any, tokens: int | None, oddities: list[str]) -> None:
    span = normalize(flat(2, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": value}))
    assert (span.input_tokens, span.oddities) == (tokens, oddities)


def test_long_texts_are_cut_and_say_how_long_they_were() -> None:
    span = normalize(
        flat(2, {"gen_ai.operation.name": "chat", "input.value": "x" * 1_000_000, "blob": ["y" * 9000] * 9})
    )
    assert len(span.input) < 8300
    assert span.input.endswith("… [cut: 1000000 characters]")
    assert span.attributes["input.value"] == span.input
    assert span.oddities == ["blob was too large and is kept as text"]


def test_a_thousand_attributes_are_kept_and_no_more() -> None:
    span = normalize(flat(2, {f"key.{number}": number for number in range(1500)}))
    assert len(span.attributes) == 1000
    assert span.oddities == ["1500 attributes, the first 1000 were kept"]


def test_a_clock_that_runs_backwards_is_noted() -> None:
    span = normalize({**flat(2), "endTimestamp": "2001-01-01T00:00:00Z", "durationNano": 0})
    assert (span.duration_nano, span.oddities) == (0, ["it ended before it started"])


def test_a_span_that_has_not_ended_has_no_duration() -> None:
    record = flat(2)
    del record["endTimestamp"], record["durationNano"]
    assert normalize(record).duration_nano is None


@pytest.mark.parametrize(
    ("stamp", "nanoseconds"),
    [
        ("2023-11-14T22:13:20Z", START),
        ("2023-11-14T22:13:20.5Z", START + 500_000_000),
        ("2023-11-14T22:13:20.000000001Z", START + 1),
        ("2023-11-14T22:13:20.1234567891Z", START + 123_456_789),
        ("2023-11-14 22:13", None),
        ("2023-13-14T22:13:20Z", None),
        ("2023-11-14T22:13:20.٣Z", None),
        (17, None),
    ],
)
def test_times_are_read_to_the_nanosecond(stamp: Any, nanoseconds: int | None) -> None:
    assert unix_nano(stamp) == nanoseconds


@pytest.mark.parametrize(
    ("operation", "exception", "message", "kind"),
    [
        ("chat", "openai.RateLimitError", "Error code: 429", "rate_limit"),
        ("chat", "openai.APITimeoutError", "Request timed out.", "timeout"),
        ("chat", "openai.InternalServerError", "Error code: 500", "llm_error"),
        ("chat", "openai.BadRequestError", "Error code: 400 - content_filter", "blocked"),
        ("chat", "openai.BadRequestError", "Error code: 400 - no such model", "llm_error"),
        ("chat", "ValueError", "whatever", "llm_error"),
        ("chat", "asyncio.CancelledError", "", "cancelled"),
        ("execute_tool", "KeyError", "'x'", "tool_error"),
        ("execute_tool", "httpx.ReadTimeout", "", "timeout"),
        ("execute_tool", "ValueError", "the upstream answered 429", "tool_error"),
        ("invoke_agent", "agents.InputGuardrailTripwireTriggered", "", "blocked"),
        ("invoke_agent", "mine.EmptyResponseError", "", "empty_response"),
        ("invoke_agent", "KeyError", "'x'", "none"),
    ],
)
def test_the_type_of_an_error(operation: str, exception: str, message: str, kind: str) -> None:
    events = [{"name": "exception", "attributes": {"exception.type": exception, "exception.message": message}}]
    span = normalize(flat(2, {"gen_ai.operation.name": operation}, error="", events=events))
    assert span.error is not None
    assert span.error.type == kind


@pytest.mark.parametrize(
    "told",
    [
        {"gen_ai.response.finish_reasons": ["content_filter"]},
        {"llm.finish_reason": "content_filter"},
        {"gen_ai.completion.0.finish_reason": "content_filter"},
        {"output.value": '{"choices": [{"finish_reason": "content_filter"}]}'},
    ],
)
def test_an_answer_that_a_filter_stopped_is_blocked_though_its_span_is_good(told: dict[str, Any]) -> None:
    span = normalize(flat(2, {"gen_ai.operation.name": "chat", **told}))
    assert span.error is not None
    assert (span.status, span.error.type) == ("unset", "blocked")


def test_passing_control_by_an_exception_is_no_error() -> None:
    span = normalize(flat(2, {"error.type": "ParentCommand"}, error="Command(goto='b')"))
    assert (span.status, span.error) == ("unset", None)


def test_a_tool_that_hands_over_to_any_agent_names_it_in_an_argument() -> None:
    named = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_agent"}
    arguments = {"gcp.vertex.agent.tool_call_args": '{"agent_name": "b"}'}
    events = [{"name": "gen_ai.tool.message", "attributes": {"content": '{"agent_name": "b"}'}}]
    told = normalize(flat(2, {**named, **arguments}, scope="gcp.vertex.agent"))
    in_event = normalize(flat(2, named, events=events))
    for span, recipient in ((told, "b"), (in_event, "b"), (normalize(flat(2, named)), "")):
        assert span.message is not None
        assert (span.kind, span.message.type, span.message.recipient) == ("handoff", "handoff", recipient)


@pytest.mark.parametrize(
    ("scope", "framework"),
    [
        ("openinference.instrumentation.agno", "agno"),
        ("openinference.instrumentation.llama_index", "llamaindex"),
        ("openinference.instrumentation.smolagents", "smolagents"),
        ("opentelemetry.instrumentation.agno", "agno"),
        ("opentelemetry.instrumentation.llamaindex", "llamaindex"),
        ("gcp.vertex.agent", "google-adk"),
    ],
)
def test_the_framework_by_the_scope(scope: str, framework: str) -> None:
    assert normalize(flat(2, {}, scope=scope)).framework == framework


def test_preparing_a_models_call_is_none() -> None:
    prepares = {"openinference.span.kind": "LLM"}
    scope = "openinference.instrumentation.llama_index"
    assert normalize(flat(2, prepares, scope=scope, name="OpenAI._prepare_chat_with_tools")).kind == "chain"


@pytest.mark.parametrize(("before", "after"), [("gen_ai.prompt.", "."), ("llm.input_messages.", ".message.")])
def test_what_tools_answered_is_read_from_flat_attributes(before: str, after: str) -> None:
    messages = [
        {"role": "assistant"},
        {"role": "assistant"},
        {"role": "tool", "tool_call_id": "c1", "content": "Error executing tool: no"},
        {"role": "tool", "tool_call_id": "c2", "content": "sunny"},
    ]
    told = {f"{before}{n}{after}{key}": value for n, each in enumerate(messages) for key, value in each.items()}
    span = normalize(flat(2, {"gen_ai.operation.name": "chat", **told}))
    assert span.answered == [("c2", "", True), ("c1", "", False)]


def test_tracebacks_are_no_part_of_a_message() -> None:
    span = normalize(flat(2, {}, error="boom\nTraceback:\nTraceback (most recent call last):\n File x"))
    assert span.error is not None
    assert span.error.message == "boom"


def test_a_parent_of_another_process_is_known_by_the_flags() -> None:
    assert normalize(flat(2, flags=0x301)).parent_is_remote
    assert not normalize(flat(2, flags=0x101)).parent_is_remote


_PART = "llm.output_messages.0.message.contents.0.message_content."


def test_an_empty_answer_is_seen_in_every_form_and_hidden_content_is_none() -> None:
    forms: list[dict[str, Any]] = [
        {"gen_ai.output.messages": '[{"role":"assistant","parts":[]}]'},
        {"gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":" "}]}]'},
        {"llm.output_messages.0.message.role": "assistant"},
        {"llm.output_messages.0.message.role": "assistant", _PART + "type": "text"},
        {"llm.output_messages.0.message.role": "assistant", _PART + "type": "text", _PART + "text": ""},
        {"llm.completions": '[{"role":"assistant","content":""}]'},
        {"llm.completions": '[{"role":"assistant","content":[{"type":"output_text","text":""}]}]'},
        {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": ""},
        {"gen_ai.completion.0.role": "unknown", "gen_ai.completion.0.content": '""'},
    ]
    events = [{"name": "gen_ai.choice", "attributes": {"message": "[]"}}]
    hidden: list[dict[str, Any]] = [
        {},
        {"llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "__REDACTED__"},
        {"llm.output_messages.0.message.role": "assistant", _PART + "type": "image"},
        {"llm.output_messages.0.message.role": "assistant", "output.value": '{"refusal": "I must not."}'},
        {"gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"image"}]}]'},
        {"gen_ai.output.messages": "not JSON"},
    ]
    chat = {"gen_ai.operation.name": "chat"}
    assert [normalize(flat(2, {**chat, **form})).is_empty for form in forms] == [True] * len(forms)
    assert normalize(flat(2, chat, events=events)).is_empty
    assert [normalize(flat(2, {**chat, **form})).is_empty for form in hidden] == [False] * len(hidden)
