"""LangGraph and LangChain, under OpenInference and under OpenLLMetry.

A graph has nodes, and a node that calls models is an agent. An agent made by `create_agent` is a graph of its own with
the nodes `model` and `tools`; its name is in `lc_agent_name`, or else in the path of the checkpoint namespace,
`agent:UUID|model:UUID`. Handing over travels as an exception, `ParentCommand`, which is no error.
"""

from typing import Any

import orjson

from headrace.trace.domain.spans import Span, SpanMessage
from headrace.trace.wire.conventions.convention import Attributes, ByKey, Convention, Scope
from headrace.trace.wire.conventions.openinference import FIELDS as OPENINFERENCE_FIELDS
from headrace.trace.wire.conventions.openinference import KINDS as OPENINFERENCE_KINDS
from headrace.trace.wire.conventions.openllmetry import KINDS as OPENLLMETRY_KINDS
from headrace.trace.wire.conventions.values import json_object, text

_INNER_NODES = frozenset(
    ("agent", "model", "tools", "call_model", "llm", "action", "pre_model_hook", "post_model_hook", "call_tool")
)
"""Nodes of which agents are made."""
_PROPERTY = "traceloop.association.properties."
_SOURCE, _GOTO = "langgraph.command.source_node", "langgraph.command.goto_node"


def _refine_openinference(span: Span, attributes: Attributes) -> None:
    metadata = json_object(attributes.get("metadata"))
    _place(span, metadata, "")
    if span.kind == "tool_call":
        _read_command(span, attributes.get("output.value"))


def _refine_openllmetry(span: Span, attributes: Attributes) -> None:
    _place(span, attributes, _PROPERTY)
    if span.kind == "chain" and not span.agent_by:
        _take(span, text(attributes.get("gen_ai.task.name")))
    if span.kind == "agent" and f"{_PROPERTY}langgraph_node" not in attributes:
        span.framework = "langgraph"
    target = text(attributes.get(_GOTO))
    if target:
        span.message = SpanMessage(text(attributes.get(_SOURCE)), target, "handoff")
        span.message.sender = "" if span.message.sender in _INNER_NODES else span.message.sender


def _place(span: Span, properties: Attributes, prefix: str) -> None:
    """Find the agent in what LangGraph says of the place of a span in the graph."""
    node = text(properties.get(f"{prefix}langgraph_node"))
    if node or properties.get(f"{prefix}ls_integration") == "langgraph":
        span.framework = "langgraph"
    thread = text(properties.get(f"{prefix}thread_id"))
    span.session_id = span.session_id or thread
    named = text(properties.get(f"{prefix}lc_agent_name"))
    if named:
        span.agent, span.agent_by = named, "name"
    elif node and span.agent_by != "name":
        space = text(properties.get(f"{prefix}langgraph_checkpoint_ns"))
        _take(span, _agent_of(node, [part.partition(":")[0] for part in space.split("|")]))


def _agent_of(node: str, path: list[str]) -> str:
    """The innermost node that is more than a part of an agent."""
    outer = [each for each in path if each not in _INNER_NODES and not each.isdigit()]
    if node not in _INNER_NODES or not outer:
        return node if node != "tools" else ""
    return outer[-1]


def _take(span: Span, node: str) -> None:
    if node and not node.startswith("__"):
        span.agent, span.agent_by = node, "node"


def _read_command(span: Span, output: Any) -> None:
    """A tool whose result is a command to go to a node of the graph above hands over to it."""
    if not isinstance(output, str) or '"__parent__"' not in output:
        return
    try:
        command = orjson.loads(output)
    except ValueError:
        return
    if isinstance(command, dict) and isinstance(target := command.get("goto"), str) and target:
        span.kind, span.message = "handoff", SpanMessage("", target, "handoff")


CONVENTIONS = (
    Convention(
        "langgraph.openinference",
        "langchain",
        scopes=(Scope("openinference.instrumentation.langchain"),),
        # The instrumentation guesses kinds from names: a tool whose name has "agent" in it becomes AGENT.
        kinds=(ByKey("tool.name", "tool_call"), *OPENINFERENCE_KINDS),
        fields=OPENINFERENCE_FIELDS,
        agent_by="",
        refine=_refine_openinference,
    ),
    Convention(
        "langgraph.openllmetry",
        "langchain",
        scopes=(Scope("opentelemetry.instrumentation.langchain", since=(0, 50)),),
        marks=(f"{_PROPERTY}langgraph_node",),
        kinds=OPENLLMETRY_KINDS,
        refine=_refine_openllmetry,
    ),
    Convention(
        "langgraph.openllmetry_before_0.50",
        "langchain",
        scopes=(Scope("opentelemetry.instrumentation.langchain"),),
        kinds=OPENLLMETRY_KINDS,
        fields={
            "input_tokens": ("gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
            "output_tokens": ("gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"),
        },
        refine=_refine_openllmetry,
    ),
)
