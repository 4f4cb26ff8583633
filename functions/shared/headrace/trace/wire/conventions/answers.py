"""What a model answered and which tools it asked for, in the forms that instrumentations write it.

Messages come as JSON in one attribute (GenAI from 1.37, AgentTrace style), as flat attributes with numbers in their
names (OpenInference, OpenLLMetry before 0.50) or as span events (GenAI before 1.37).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions.convention import Attributes
from headrace.trace.wire.conventions.values import json_list, json_object, text

_TEXTS = ("text", "output_text", "reasoning")
"""Types of parts of an answer that say what is in their text, and without one nothing."""

_MOST = 64
"""Tool calls of one answer that are looked at, and messages of one input from its end."""

_FAILED = (
    "error executing tool",
    "error running tool",
    "an error occurred while running the tool",
    "error: ",
    "tool execution failed",
    "traceback (most recent call last)",
)
"""How frameworks begin what they tell a model of a tool that failed."""

_EMPTY_JSON = '""'
"""An empty answer as OpenLLMetry wrote it for LangChain before 0.50."""

_REFUSAL = re.compile(r'"refusal": ?"[^"]')

Call = tuple[str, str, str]
Result = tuple[str, str, bool]


@dataclass(slots=True)
class Answer:
    """One answer: was there any, was there anything in it, and the tools asked for: name, call id, coworker."""

    is_known: bool = False
    has_content: bool = False
    asked: list[Call] = field(default_factory=list)

    def add(self, content: Any, calls: Iterator[Call]) -> None:
        """Add one message to it."""
        self.is_known = True
        self.has_content = self.has_content or _has_content(content)
        self.asked.extend(calls)


def _has_content(content: Any) -> bool:
    """Whether there is anything in a content: text, or a part that says something."""
    if isinstance(content, list):
        return any(not isinstance(part, dict) or _said(part) for part in content[:_MOST])
    return bool(text(content).strip())


def read_answer(span: Span, attributes: Attributes, events: Sequence[Any]) -> None:
    """Set what a model call's answer tells: tools asked for, and whether it was empty."""
    answer = Answer()
    if (messages := attributes.get("gen_ai.output.messages")) is not None:
        _read_messages(answer, json_list(messages))
    elif "llm.output_messages.0.message.role" in attributes:
        _read_openinference(answer, attributes)
    elif (messages := attributes.get("llm.completions")) is not None:
        _read_messages(answer, json_list(messages))
    elif "gen_ai.completion.0.role" in attributes or "gen_ai.completion.0.content" in attributes:
        _read_flat(answer, attributes)
    elif events:
        _read_events(answer, events)
    span.answer_is_known = answer.is_known
    span.asked = answer.asked[:_MOST]
    span.is_empty = answer.is_known and not answer.has_content and not answer.asked


def _read_messages(answer: Answer, messages: list[Any]) -> None:
    for message in messages[:_MOST]:
        if not isinstance(message, dict):
            continue
        parts = message.get("parts")
        if isinstance(parts, list):
            whole = [part for part in parts[:_MOST] if isinstance(part, dict)]
            said = [part for part in whole if part.get("type") != "tool_call" and _said(part)]
            answer.add(said, (_call(part) for part in whole if part.get("type") == "tool_call"))
        else:
            _read_message(answer, message)


def _said(part: Mapping[str, Any]) -> bool:
    """Whether a part says anything; parts that are neither text nor calls, such as images, do."""
    if part.get("type") in _TEXTS:
        return bool(text(part.get("content") or part.get("text")).strip())
    return True


def _read_message(answer: Answer, message: Mapping[str, Any]) -> None:
    """A message as chat completions have it."""
    calls = message.get("tool_calls")
    asked = [each for each in calls[:_MOST] if isinstance(each, dict)] if isinstance(calls, list) else []
    content = message.get("content") or message.get("refusal")
    answer.add(content, (_call(each.get("function"), each.get("id")) for each in asked))


def _call(part: Any, call_id: Any = None) -> Call:
    if not isinstance(part, dict):
        return "", text(call_id), ""
    return text(part.get("name")), text(call_id or part.get("id")), coworker(part.get("arguments"))


def coworker(arguments: Any) -> str:
    """Whom the arguments of a delegating tool name."""
    if isinstance(arguments, str) and "coworker" not in arguments:
        return ""
    return text(json_object(arguments).get("coworker"))[:200]


def _read_openinference(answer: Answer, attributes: Attributes) -> None:
    for number in range(_MOST):
        message = f"llm.output_messages.{number}.message."
        if f"{message}role" not in attributes:
            break
        content = attributes.get(f"{message}content") or list(_openinference_parts(attributes, message))
        answer.add(content, _openinference_calls(attributes, message))
    if not answer.has_content and not answer.asked:
        answer.has_content = _REFUSAL.search(text(attributes.get("output.value"))) is not None


def _openinference_parts(attributes: Attributes, message: str) -> Iterator[dict[str, Any]]:
    for number in range(_MOST):
        part = f"{message}contents.{number}.message_content."
        if (kind := attributes.get(f"{part}type")) is None:
            return
        yield {"type": kind, "text": attributes.get(f"{part}text")}


def _openinference_calls(attributes: Attributes, message: str) -> Iterator[Call]:
    for number in range(_MOST):
        call = f"{message}tool_calls.{number}.tool_call."
        name = attributes.get(f"{call}function.name")
        if name is None:
            break
        yield text(name), text(attributes.get(f"{call}id")), coworker(attributes.get(f"{call}function.arguments"))
    if (name := attributes.get(f"{message}function_call_name")) is not None:
        yield text(name), "", ""


def _read_flat(answer: Answer, attributes: Attributes) -> None:
    content = attributes.get("gen_ai.completion.0.content")
    answer.add("" if content == _EMPTY_JSON else content, _flat_calls(attributes))


def _flat_calls(attributes: Attributes) -> Iterator[Call]:
    for number in range(_MOST):
        call = f"gen_ai.completion.0.tool_calls.{number}."
        name = attributes.get(f"{call}name")
        if name is None:
            return
        yield text(name), text(attributes.get(f"{call}id")), coworker(attributes.get(f"{call}arguments"))


def _read_events(answer: Answer, events: Sequence[Any]) -> None:
    for event in events:
        if isinstance(event, dict) and event.get("name") == "gen_ai.choice":
            held = event.get("attributes")
            said = held.get("message") if isinstance(held, dict) else None
            if message := json_object(said):
                _read_message(answer, message)
            elif isinstance(said, str) and said.startswith("["):
                _read_blocks(answer, json_list(said))


def _read_blocks(answer: Answer, blocks: list[Any]) -> None:
    """A message as Bedrock has it, and Strands for every model: parts whose only key is their type."""
    whole = [block for block in blocks[:_MOST] if isinstance(block, dict)]
    said = [block for block in whole if "toolUse" not in block and text(block.get("text", block)).strip()]
    uses = [use for block in whole if isinstance(use := block.get("toolUse"), dict)]
    answer.add(said, ((text(use.get("name")), text(use.get("toolUseId")), "") for use in uses))


def read_results(span: Span, attributes: Attributes) -> None:
    """Set what tools answered since the model's last answer, as its input tells."""
    messages = attributes.get("gen_ai.input.messages")
    if isinstance(messages, str) and '"tool_call_response"' not in messages:
        return
    if messages is not None:
        span.answered = list(_results(json_list(messages)))[:_MOST]
    elif "llm.input_messages.1.message.role" in attributes:
        span.answered = list(_numbered_results(attributes, "llm.input_messages.", ".message."))[:_MOST]
    elif "gen_ai.prompt.1.role" in attributes:
        span.answered = list(_numbered_results(attributes, "gen_ai.prompt.", "."))[:_MOST]


def _results(messages: list[Any]) -> Iterator[Result]:
    for message in reversed(messages[-_MOST:]):
        if not isinstance(message, dict) or message.get("role") == "assistant":
            return
        parts = message.get("parts")
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and part.get("type") == "tool_call_response":
                said = part.get("response", part.get("result"))
                yield text(part.get("id")), text(part.get("name")), not told_of_failure(said)


def _numbered_results(attributes: Attributes, before: str, after: str) -> Iterator[Result]:
    """Results of messages in flat attributes; `before` and `after` stand around their numbers."""
    last = 1
    while f"{before}{last + 1}{after}role" in attributes:
        last += 1
    for number in range(last, max(0, last - _MOST), -1):
        message = f"{before}{number}{after}"
        if attributes[f"{message}role"] != "tool":
            return
        call_id, name = attributes.get(f"{message}tool_call_id"), attributes.get(f"{message}name")
        yield text(call_id), text(name), not told_of_failure(attributes.get(f"{message}content"))


def told_of_failure(said: Any) -> bool:
    """Whether what a tool said is how frameworks tell that it failed."""
    if isinstance(said, dict):
        return said.get("is_error") is True or said.get("status") == "error"
    return isinstance(said, str) and said[:64].lstrip().lower().startswith(_FAILED)


def texts_of_events(events: Sequence[Any]) -> tuple[str, str]:
    """What a model was told and what it answered, where content is in span events."""
    told: list[str] = []
    said: list[str] = []
    for event in events[:_MOST]:
        name = event.get("name") if isinstance(event, dict) else None
        if isinstance(name, str) and name.startswith("gen_ai.") and isinstance(event.get("attributes"), dict):
            held = event["attributes"]
            if name == "gen_ai.choice":
                said.append(text(held.get("message")))
            elif name.endswith(".message"):
                told.append(f"{name[len('gen_ai.') : -len('.message')]}: {text(held.get('content'))}")
    return "\n".join(told), "\n".join(said)
