"""AutoGen: the spans of its own runtime, and OpenInference on top of them.

The runtime writes a span for every message that it creates, publishes, sends and processes. What agents say is in the
attribute `message` of those that process one: JSON, `{"message": …}` or `{"response": {"chat_message": …}}`.
"""

from typing import Any

from headrace.trace.domain.spans import Span, SpanMessage
from headrace.trace.wire.conventions.convention import OPERATIONS, SPAN_KINDS, Attributes, ByName, Convention, Scope
from headrace.trace.wire.conventions.openinference import FIELDS as OPENINFERENCE_FIELDS
from headrace.trace.wire.conventions.openinference import KINDS as OPENINFERENCE_KINDS
from headrace.trace.wire.conventions.values import json_object, text

_CHAT_MESSAGES = ("HandoffMessage", "TextMessage", "StructuredMessage", "ToolCallSummaryMessage", "StopMessage")


def _refine_runtime(span: Span, attributes: Attributes) -> None:
    message = attributes.get("message")
    if not isinstance(message, str) or ('"chat_message"' not in message and '"message"' not in message[:16]):
        return
    chat = _chat_message(json_object(message))
    if chat.get("type") not in _CHAT_MESSAGES:
        return
    span.agent, span.call_id = text(chat.get("source")), text(chat.get("id"))
    span.output = text(chat.get("content"))
    span.is_empty = not span.output.strip() and span.agent != "user"
    if chat["type"] == "HandoffMessage":
        span.message = SpanMessage(span.agent, text(chat.get("target")), "handoff")


def _chat_message(holder: dict[str, Any]) -> dict[str, Any]:
    response = holder.get("response")
    found = response.get("chat_message") if isinstance(response, dict) else holder.get("message")
    return found if isinstance(found, dict) else {}


CONVENTIONS = (
    Convention(
        "autogen.openinference",
        "autogen",
        scopes=(Scope("openinference.instrumentation.autogen"),),
        kinds=OPENINFERENCE_KINDS,
        fields=OPENINFERENCE_FIELDS,
    ),
    Convention(
        "autogen.runtime",
        "autogen",
        scopes=(Scope("autogen SingleThreadedAgentRuntime"), Scope("autogen GrpcWorkerAgentRuntime")),
        kinds=(ByName("message", prefixes=("autogen ",)),),
        agent_by="",
        refine=_refine_runtime,
    ),
    Convention("autogen.native", "autogen", scopes=(Scope("autogen-core"),), kinds=(OPERATIONS, SPAN_KINDS)),
)
