"""The OpenAI Agents SDK, under OpenInference, OpenLLMetry and OpenTelemetry's own instrumentation.

Its traces and workflows always end well, also when the exception passed through them: only agents tell.
"""

from headrace.trace.domain.spans import Span, SpanMessage
from headrace.trace.wire.conventions.convention import OPERATIONS, Attributes, ByKey, ByName, Convention, Scope
from headrace.trace.wire.conventions.openinference import FIELDS as OPENINFERENCE_FIELDS
from headrace.trace.wire.conventions.openinference import KINDS as OPENINFERENCE_KINDS
from headrace.trace.wire.conventions.openllmetry import KINDS as OPENLLMETRY_KINDS
from headrace.trace.wire.conventions.values import text

_HANDOFF = "handoff to "

_NOBODY = "OpenAI Agents instrumentation"
"""Describes the agent that OpenTelemetry's own instrumentation names on every span but those of agents."""


def _refine_openinference(span: Span, attributes: Attributes) -> None:
    if span.kind == "agent" and not span.agent:
        span.kind = "chain"  # a trace, which says that it is an agent
    span.status_is_blind = span.kind == "chain"
    if span.kind == "handoff":
        sender, recipient = text(attributes.get("input.value")), text(attributes.get("output.value"))
        span.message = SpanMessage(sender, recipient or span.name.removeprefix(_HANDOFF), "handoff")


def _refine_openllmetry(span: Span, attributes: Attributes) -> None:
    if span.kind == "agent" and not span.agent:
        span.kind = "chain"  # a trace, as above
    elif span.kind != "agent" and attributes.get("gen_ai.agent.description") == _NOBODY:
        span.agent = span.agent_by = ""
    span.status_is_blind = span.kind == "chain"
    if span.kind == "handoff":
        sender = text(attributes.get("gen_ai.handoff.from_agent"))
        recipient = text(attributes.get("gen_ai.handoff.to_agent"))
        span.message = SpanMessage(sender, "" if recipient == "unknown" else recipient, "handoff")


CONVENTIONS = (
    Convention(
        "openai_agents.openinference",
        "openai-agents",
        scopes=(Scope("openinference.instrumentation.openai_agents"),),
        kinds=(ByName("handoff", prefixes=(_HANDOFF,)), *OPENINFERENCE_KINDS),
        fields=OPENINFERENCE_FIELDS,
        refine=_refine_openinference,
    ),
    Convention(
        "openai_agents.openllmetry",
        "openai-agents",
        scopes=(Scope("opentelemetry.instrumentation.openai_agents"),),
        marks=("gen_ai.handoff.from_agent",),
        kinds=(OPERATIONS, ByKey("gen_ai.handoff.from_agent", "handoff"), *OPENLLMETRY_KINDS),
        refine=_refine_openllmetry,
    ),
)
