"""AgentTrace-style attributes: programs that name nodes, agents, messages and tools by hand."""

from types import MappingProxyType

from headrace.trace.domain.spans import MessageType, Span, SpanMessage
from headrace.trace.wire.conventions.convention import OPERATIONS, Attributes, ByKey, ByName, ByValue, Convention
from headrace.trace.wire.conventions.values import text

_MESSAGE_TYPES: MappingProxyType[str, MessageType] = MappingProxyType(
    {"request": "request", "response": "response", "broadcast": "broadcast", "handoff": "handoff"}
)


def _refine_langgraph(span: Span, attributes: Attributes) -> None:
    node_type = attributes.get("langgraph.node_type")
    if span.agent and node_type != "agent":
        span.agent_by = "node"
    source, target = attributes.get("langgraph.source_node"), attributes.get("langgraph.target_node")
    if span.kind == "handoff":
        span.message = SpanMessage(text(source), text(target), "handoff", is_edge=True)
    _name_tool(span, "langgraph.tool.")


def _refine_autogen(span: Span, attributes: Attributes) -> None:
    sender, recipient = (
        text(attributes.get("autogen.message.sender")),
        text(attributes.get("autogen.message.recipient")),
    )
    if sender or recipient:
        kind = text(attributes.get("autogen.message.type")).lower()
        span.message = SpanMessage(sender, recipient, _MESSAGE_TYPES.get(kind, "request"))
    _name_tool(span, "autogen.tool.")


def _refine_crewai(span: Span, _: Attributes) -> None:
    _name_tool(span, "crewai.tool.")


def _name_tool(span: Span, prefix: str) -> None:
    """Where only the span's name tells which tool it was."""
    if span.kind == "tool_call" and not span.tool:
        span.tool = span.name.removeprefix(prefix)


CONVENTIONS = (
    Convention(
        "agenttrace.langgraph",
        "langgraph",
        resource_frameworks=("langgraph",),
        marks=("langgraph.node", "langgraph.source_node", "langgraph.thread_id", "langgraph.checkpoint_id"),
        kinds=(
            ByKey("langgraph.source_node", "handoff"),
            ByKey("langgraph.checkpoint_id", "checkpoint"),
            ByValue(
                "langgraph.node_type", MappingProxyType({"llm": "llm_call", "tool": "tool_call", "agent": "agent"})
            ),
            ByName("handoff", prefixes=("langgraph.edge",)),
            ByName("llm_call", prefixes=("langgraph.llm",)),
            ByName("tool_call", prefixes=("langgraph.tool",)),
            ByName("checkpoint", prefixes=("langgraph.checkpoint",)),
            OPERATIONS,
            ByKey("langgraph.node", "chain"),
        ),
        fields={"agent": ("langgraph.node",), "session_id": ("session.id", "langgraph.thread_id")},
        refine=_refine_langgraph,
    ),
    Convention(
        "agenttrace.autogen",
        "autogen",
        resource_frameworks=("autogen",),
        marks=("autogen.agent.name", "autogen.agent_name", "autogen.message.sender"),
        kinds=(
            ByKey("autogen.message.sender", "message"),
            OPERATIONS,
            ByName("llm_call", prefixes=("autogen.llm",)),
            ByName("tool_call", prefixes=("autogen.tool",)),
            ByName("agent", prefixes=("autogen.agent",)),
            ByKey("gen_ai.usage.output_tokens", "llm_call"),
            ByKey("autogen.agent.name", "agent"),
        ),
        fields={
            "agent": ("autogen.agent.name", "autogen.agent_name"),
            "role": ("autogen.agent.role",),
            "input": ("autogen.message.content",),
        },
        refine=_refine_autogen,
    ),
    Convention(
        "agenttrace.crewai",
        "crewai",
        resource_frameworks=("crewai",),
        marks=("crewai.agent.name", "crewai.agent_name", "crewai.task.name", "crewai.crew.name"),
        kinds=(
            OPERATIONS,
            ByName("llm_call", prefixes=("crewai.llm",)),
            ByName("tool_call", prefixes=("crewai.tool",)),
            ByName("agent", prefixes=("crewai.task.", "crewai.agent")),
            ByName("chain", prefixes=("crewai.crew",)),
            ByKey("gen_ai.usage.output_tokens", "llm_call"),
            ByKey("crewai.agent.name", "agent"),
        ),
        fields={
            "agent": ("crewai.agent.name", "crewai.agent_name"),
            "role": ("crewai.agent.role",),
        },
        refine=_refine_crewai,
    ),
)
