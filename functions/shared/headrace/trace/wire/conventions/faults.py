"""What went wrong in a span: exceptions, statuses and messages as one of a few types of error."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.trace.domain.spans import ErrorType, Kind, SpanError
from headrace.trace.wire.conventions.convention import Attributes
from headrace.trace.wire.conventions.values import text

_MESSAGE_CHARACTERS = 1000

CONTROL_FLOW = frozenset(
    ("ParentCommand", "GraphInterrupt", "NodeInterrupt", "GraphBubbleUp", "GraphDelegate", "StopIteration")
)
"""Exceptions by which frameworks pass control; the span that they leave by did not fail."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Shows a type of error: by the name of the exception, or by the message. `is_for_tools`: in tools, too."""

    type: ErrorType
    exception: re.Pattern[str]
    message: re.Pattern[str]
    is_for_tools: bool = True


def _any(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


_NEVER = r"(?!)"

SIGNS = (
    Sign("cancelled", _any(r"cancel|KeyboardInterrupt"), _any(r"^(task|run|request) (was )?cancell?ed|CancelledError")),
    Sign("timeout", _any(r"timeout|deadline"), _any(r"timed out|deadline exceeded|time limit exceeded|TimeoutError")),
    Sign(
        "rate_limit",
        _any(r"rate.?limit|TooManyRequests|ResourceExhausted|Throttl|^429$"),
        _any(r"\b429\b|rate.?limit|too many requests|quota exceeded"),
        is_for_tools=False,
    ),
    Sign(
        "empty_response",
        _any(r"empty.?(response|answer|output)"),
        _any(r"(empty|no) (response|answer|output)\b|none or empty|(response|answer|output) (is|was) empty"),
        is_for_tools=False,
    ),
    Sign(
        "blocked",
        _any(r"guardrail|tripwire|content.?filter|content.?policy|safety"),
        _any(r"guardrail|tripwire|content.?filter|content.?(management )?policy|blocked by"),
    ),
    Sign(
        "tool_error",
        _any(r"^Tool|ToolError|ToolException|ToolFailure|ToolExecution"),
        _any(r"(running|executing|calling) tool"),
    ),
    Sign(
        "llm_error",
        _any(
            r"^5\d\d$|APIError|APIStatus|APIConnection|InternalServer|BadRequest|Authentication|PermissionDenied"
            r"|Overloaded|ContextLength|ModelBehavior|ServiceUnavailable|LLM"
        ),
        _any(r"error code: [45]\d\d|getting response|calling (the )?(llm|model)|context.?length|api key"),
        is_for_tools=False,
    ),
)
"""Looked at one after the other: the exception's name of all of them first, then the message."""

_FILTER = _any(r"content.?filter|content (management )?policy")
"""What a model's server says that answers a bad request because of what was asked for."""

_BY_KIND: dict[Kind, ErrorType] = {"tool_call": "tool_error", "llm_call": "llm_error"}


def read_error(kind: Kind, message: Any, attributes: Attributes, events: Sequence[Any]) -> SpanError | None:
    """The error of a span whose status is one. None: the exception only passed control."""
    name, said = _exception(events)
    name = name or text(attributes.get("error.type"))
    told = text(message) or said
    name = name or _name_in(told)
    if name.rsplit(".", 1)[-1] in CONTROL_FLOW or _name_in(told) in CONTROL_FLOW:
        return None
    return SpanError(classify(kind, name, told), _short(told or name))


def classify(kind: Kind, exception: str, message: str) -> ErrorType:
    """The type of an error, by the name of the exception and then by the message."""
    signs = [sign for sign in SIGNS if sign.is_for_tools or kind != "tool_call"]
    last = exception.rsplit(".", 1)[-1]
    found = next((sign.type for sign in signs if sign.exception.search(last)), None)
    beginning = message[:_MESSAGE_CHARACTERS]
    found = found or next((sign.type for sign in signs if sign.message.search(beginning)), None)
    if found == "llm_error" and _FILTER.search(beginning):
        return "blocked"
    if kind == "tool_call" and found in (None, "llm_error"):
        return "tool_error"
    if kind == "llm_call" and found in (None, "tool_error"):
        return "llm_error"
    return found or _BY_KIND.get(kind, "none")


def _exception(events: Sequence[Any]) -> tuple[str, str]:
    """Type and message of the first exception event."""
    for event in events:
        if isinstance(event, dict) and event.get("name") == "exception":
            held = event.get("attributes")
            if isinstance(held, dict):
                return text(held.get("exception.type")), text(held.get("exception.message"))
    return "", ""


def _name_in(message: str) -> str:
    """The exception's name where a message starts with it: `Name: …` or `Name(…`."""
    found = re.match(r"([A-Za-z_][\w.]{2,80})[:(]", message)
    return found[1] if found else ""


def _short(message: str) -> str:
    """Without the traceback that some put after it."""
    for start in ("Traceback (most recent call last)", "\nTraceback:"):
        head, found, _ = message.partition(start)
        if found and head.strip():
            message = head
    message = message.strip()
    return message if len(message) <= _MESSAGE_CHARACTERS else message[:_MESSAGE_CHARACTERS] + "…"
