"""Any JSON value as a Slack message: Block Kit that reads well, and a plain `text` for notifications.

A header, summary, facts, root cause, what to do, groups and the request id; at the end, as an attachment since only
these have colours, the severity. Limits: https://docs.slack.dev/reference/block-kit/blocks, of attachments and `text`:
https://docs.slack.dev/messaging/formatting-message-text and https://docs.slack.dev/reference/methods/chat.postMessage
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from headrace.route.wire.finding import TITLES, Finding, cut, decode_finding, plain, take_text

_HEADER, _SECTION, _FIELD = 150, 3000, 2000
_TEXT, _LONGEST_TEXT = 4000, 40_000
"""What Slack recommends, and what it takes."""
_BLOCKS, _ATTACHMENTS, _FIELDS, _GROUPS = 50, 100, 10, 10
_ALL_BLOCKS = 12_000
"""Characters in all: over a limit that it does not document, Slack answers `msg_blocks_too_long`."""
_SHORT = 60
_CUT = "… the rest was cut: it is too long for Slack"

_MARKS = {
    "critical": ("🔴", "#d1242f"),
    "fatal": ("🔴", "#d1242f"),
    "error": ("🔴", "#d1242f"),
    "high": ("🔴", "#d1242f"),
    "warning": ("🟠", "#e36209"),
    "warn": ("🟠", "#e36209"),
    "medium": ("🟠", "#e36209"),
    "informational": ("🔵", "#0969da"),
    "info": ("🔵", "#0969da"),
    "low": ("🔵", "#0969da"),
    "ok": ("🟢", "#1a7f37"),
    "resolved": ("🟢", "#1a7f37"),
}
_NO_MARK = ("", "#6e7781")

_ERRORS = {
    "no_service": "this webhook was removed or switched off in Slack: make a new one",
    "no_team": "the workspace is gone",
    "channel_not_found": "the channel is gone",
    "channel_is_archived": "the channel is archived",
    "action_prohibited": "an administrator forbids it",
    "invalid_payload": "the template makes what Slack does not take",
    "invalid_blocks": "the template makes blocks that Slack does not take",
    "no_text": "the template makes a message without text",
}
"""https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (Handling errors)."""

Block = dict[str, Any]


def encode_slack(payload: Any, shaped: Any, request_id: str | None) -> bytes:
    """The message for `payload`; `shaped` is what the sink's template made of it, None without a template.

    A template gives the text, a list of blocks, or a whole message (an object with `text` or `blocks`). What it gives
    is cut at Slack's limits, and is not escaped: it may hold links and mentions on purpose.
    """
    if isinstance(shaped, str):
        text = shaped if shaped.strip() else headline(decode_finding(payload))
        return orjson.dumps({"text": cut(text, _LONGEST_TEXT)})
    if _are_blocks(shaped):
        shaped = {"blocks": shaped}
    if isinstance(shaped, dict) and ("text" in shaped or "blocks" in shaped):
        return orjson.dumps(_fitted(shaped, headline(decode_finding(payload))))
    return orjson.dumps(_default(decode_finding(payload if shaped is None else shaped), request_id))


def explain(reason: str) -> str:
    """A reason that ends in what Slack said, with what that means where it is known."""
    meaning = _ERRORS.get(reason.rpartition(": ")[2])
    return f"{reason} ({meaning})" if meaning else reason


def headline(finding: Finding) -> str:
    """The one line that stands for the whole, fit for Slack's `text`."""
    mark, _ = _MARKS.get(finding.severity, _NO_MARK)
    return cut(f"{mark} {finding.title}".strip(), _TEXT)


def _default(finding: Finding, request_id: str | None) -> dict[str, Any]:
    title = headline(finding)
    header = {"type": "header", "text": {"type": "plain_text", "text": cut(title, _HEADER), "emoji": True}}
    text = escape(": ".join(filter(None, (title, finding.summary))))
    below = _within(_details(finding), _ALL_BLOCKS)
    if request_id:
        below.append(_context(f"request `{escape(cut(request_id, 200))}`"))
    message = {"text": _cut_markdown(text, _TEXT), "blocks": [header, *below]}
    if finding.severity:
        _, colour = _MARKS.get(finding.severity, _NO_MARK)
        severity = _context(f"severity *{escape(cut(finding.severity, _SHORT))}*")
        message["attachments"] = [{"color": colour, "fallback": cut(finding.severity, _SHORT), "blocks": [severity]}]
    return message


def _details(finding: Finding) -> Iterable[Block]:
    if finding.summary:
        yield _section(finding.summary)
    yield from _fact_blocks(finding.facts)
    if finding.cause:
        yield _section(finding.cause, "Root cause")
    if len(finding.remedies) == 1:
        yield _section(finding.remedies[0], "What to do")
    elif finding.remedies:
        steps = (f"{number}. {step}" for number, step in enumerate(finding.remedies, 1))
        yield _section("\n".join(steps), "What to do")
    yield from map(_group, finding.groups[:_GROUPS])
    if (more := len(finding.groups) - _GROUPS) > 0:
        yield _section(f"… and {more} more")


def _fact_blocks(facts: Mapping[str, Any]) -> Iterable[Block]:
    """Short values side by side, long and nested ones each in a block of its own, at most ten in all."""
    shown = [(_label(name), plain(value)) for name, value in list(facts.items())[:_FIELDS]]
    short = [(name, text) for name, text in shown if len(text) <= _SHORT and "\n" not in text]
    if short:
        yield {"type": "section", "fields": [_markdown(_titled(name, text), _FIELD) for name, text in short]}
    yield from (_section(text, name) for name, text in shown if (name, text) not in short)


def _group(group: Mapping[str, Any]) -> Block:
    """One of several kinds of errors: its title, how often, and what is said of it."""
    facts = dict(group)
    count = facts.pop("count", None)
    severity = take_text(facts, ("severity",)).lower()
    mark, _ = _MARKS.get(severity, _NO_MARK)
    title = take_text(facts, TITLES) or severity.capitalize() or "Group"
    often = f" × {count}" if isinstance(count, int) and not isinstance(count, bool) else ""
    lines = [f"{_label(name)}: {_inline(value)}" for name, value in facts.items() if value not in (None, "", [], {})]
    return _section("\n".join(lines), f"{mark} {title}{often}".strip())


def _inline(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return plain(value)


def _label(name: str) -> str:
    return name.replace("_", " ").strip() or "value"


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_markdown(text, _FIELD)]}


def _within(blocks: Iterable[Block], characters: int) -> list[Block]:
    """The first blocks that fit, beside header and request id; a last one says that there were more."""
    kept: list[Block] = []
    for block in blocks:
        characters -= _size(block)
        if characters < 0 or len(kept) >= _BLOCKS - 3:
            return [*kept, _section(_CUT)]
        kept.append(block)
    return kept


def _size(block: Any) -> int:
    """Characters of a block as JSON, written with spaces: who counts may write it so."""
    return len(json.dumps(block, ensure_ascii=False)) + 2


def _section(text: str, title: str = "") -> Block:
    return {"type": "section", "text": _markdown(_titled(title, text) if title else escape(text), _SECTION)}


def _titled(title: str, text: str) -> str:
    return f"*{escape(title)}*\n{escape(text)}"


def _markdown(text: str, limit: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut_markdown(text, limit)}


def _cut_markdown(text: str, limit: int) -> str:
    """Cut, but not within `&amp;` and its like, which would show their halves."""
    if len(text) <= limit:
        return text
    text = text[: limit - 1]
    last = text.rfind("&", -5)
    return (text if last < 0 or ";" in text[last:] else text[:last]) + "…"


def escape(text: str) -> str:
    """The three characters that Slack gives a meaning (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- what a template made -------------------------------------------------------------------------------------


def _are_blocks(shaped: Any) -> bool:
    return (
        isinstance(shaped, list) and bool(shaped) and all(isinstance(each, dict) and "type" in each for each in shaped)
    )


def _fitted(message: dict[str, Any], title: str) -> dict[str, Any]:
    """A message of a user's own with a text, within the limits; what is of another shape stays for Slack to judge."""
    text, blocks, attachments = (message.get(name) for name in ("text", "blocks", "attachments"))
    fitted = {**message, "text": cut(text, _LONGEST_TEXT) if isinstance(text, str) and text.strip() else title}
    left = _ALL_BLOCKS
    if isinstance(blocks, list):
        fitted["blocks"], left = _fitted_blocks(blocks, left)
    if isinstance(attachments, list):
        fitted["attachments"] = _fitted_attachments(attachments, left)
    return fitted


def _fitted_attachments(attachments: list[Any], characters: int) -> list[Any]:
    """The first ones whose blocks fit, beside those of the message, into `characters`."""
    kept: list[Any] = []
    for each in attachments[:_ATTACHMENTS]:
        if isinstance(each, dict) and isinstance(each.get("blocks"), list):
            if characters < 0:
                break
            blocks, characters = _fitted_blocks(each["blocks"], characters)
            kept.append({**each, "blocks": blocks})
        else:
            kept.append(each)
    return kept


def _fitted_blocks(blocks: list[Any], characters: int) -> tuple[list[Any], int]:
    """The first ones that fit; second, how many characters are left, negative when something was cut."""
    kept: list[Any] = []
    for block in map(_fitted_block, blocks[:_BLOCKS]):
        characters -= _size(block)
        if characters < 0:
            return [*kept[: _BLOCKS - 1], _section(_CUT)], characters
        kept.append(block)
    return kept, characters


def _fitted_block(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    fitted, limit = dict(block), _HEADER if block.get("type") == "header" else _SECTION
    if isinstance(block.get("text"), dict):
        fitted["text"] = _fitted_text(block["text"], limit)
    for name in ("fields",) if block.get("type") != "context" else ("fields", "elements"):
        if isinstance(block.get(name), list):
            fitted[name] = [_fitted_text(each, _FIELD) for each in block[name][:_FIELDS]]
    return fitted


def _fitted_text(text: Any, limit: int) -> Any:
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        return text
    shorten = cut if text.get("type") == "plain_text" else _cut_markdown
    return {**text, "text": shorten(text["text"], limit)}
