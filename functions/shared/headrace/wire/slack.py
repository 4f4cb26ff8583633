"""Any JSON value as a Slack message: Block Kit that reads well, and a plain `text` for notifications.

Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

from typing import Any

import orjson

_HEADER, _SECTION, _FIELD, _TEXT = 150, 3000, 2000, 3000
_FIELDS = 10
_TITLE_KEYS = ("title", "error_type", "name", "event")
_SUMMARY_KEYS = ("summary", "message", "text", "description")
_MARKS = {"critical": "🔴", "error": "🔴", "warning": "🟠", "informational": "🔵", "info": "🔵"}


def encode_slack(payload: Any, shaped: Any, request_id: str | None) -> bytes:
    """The message for `payload`; `shaped` is what the sink's template made of it, None without a template.

    A template gives the text, or a whole message (an object with `text` or `blocks`).
    """
    if isinstance(shaped, str):
        return orjson.dumps({"text": _cut(shaped, _TEXT)})
    if isinstance(shaped, dict) and ("text" in shaped or "blocks" in shaped):
        return orjson.dumps({"text": _cut(_headline(payload), _TEXT), **shaped})
    return orjson.dumps(_default(payload if shaped is None else shaped, request_id))


def _default(payload: Any, request_id: str | None) -> dict[str, Any]:
    fields = dict(payload) if isinstance(payload, dict) else {}
    summary = _take(fields, _SUMMARY_KEYS)
    headline = _headline(payload)
    for name in ("severity", *_TITLE_KEYS):
        fields.pop(name, None)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(headline, _HEADER), "emoji": True}}
    ]
    if text := summary or ("" if isinstance(payload, dict) else _plain(payload).strip()):
        blocks.append(_section(text))  # Slack refuses a message with a block that holds no text
    blocks += _field_blocks(fields)
    if request_id:
        blocks.append({"type": "context", "elements": [_markdown(f"request `{escape(request_id)}`")]})
    return {"text": _cut(": ".join(filter(None, (headline, summary))), _TEXT), "blocks": blocks}


def _headline(payload: Any) -> str:
    fields = dict(payload) if isinstance(payload, dict) else {}
    severity = str(fields.get("severity") or "").lower()
    title = _take(fields, _TITLE_KEYS) or (severity.capitalize() if severity else "Agent output")
    mark = _MARKS.get(severity, "")
    return f"{mark} {title}".strip()


def _field_blocks(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Short values side by side, long and nested ones each in a block of its own, at most ten in all."""
    shown = [(name, _plain(value)) for name, value in list(fields.items())[:_FIELDS]]
    short = [(name, text) for name, text in shown if len(text) <= 60 and "\n" not in text]
    blocks: list[dict[str, Any]] = []
    if short:
        pairs = [_markdown(_cut(f"*{escape(name)}*\n{escape(text)}", _FIELD)) for name, text in short]
        blocks.append({"type": "section", "fields": pairs})
    blocks += [_section(text, name) for name, text in shown if (name, text) not in short]
    return blocks


def _section(text: str, name: str = "") -> dict[str, Any]:
    title = f"*{escape(name)}*\n" if name else ""
    return {"type": "section", "text": _markdown(_cut(title + escape(text), _SECTION))}


def _markdown(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def escape(text: str) -> str:
    """The three characters that Slack gives a meaning (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _take(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first of `names` that holds text, removed from `fields`."""
    for name in names:
        if isinstance(fields.get(name), str) and fields[name].strip():
            return str(fields.pop(name))
    return ""


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(f"• {each}" for each in value)
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
