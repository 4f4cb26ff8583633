"""A stand-in for Slack's incoming webhooks: it holds messages to the documented limits, and names errors as Slack does.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (Handling errors),
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/apis/web-api/rate-limits (one message a
second; a little too early is let pass).

    stand_in.will(SlackWebhook())           # on an HttpStandIn
    assert fault(body) is None              # without a server
"""

import json
from threading import Lock
from typing import Any

from tests.fakes.http import Exchange, reply

_TEXT, _BLOCKS, _ATTACHMENTS = 40_000, 50, 100
_HEADER, _SECTION, _FIELDS, _FIELD, _ELEMENTS = 150, 3000, 10, 2000, 10
_ALL_BLOCKS = 13_200
_APART_SECONDS = 0.7


def fault(body: bytes) -> str | None:
    """The name of what is wrong with a message; None when nothing is."""
    try:
        message = json.loads(body)
    except ValueError:
        return "invalid_payload"
    if not isinstance(message, dict):
        return "invalid_payload"
    text, blocks = message.get("text"), message.get("blocks", [])
    attachments = message.get("attachments", [])
    if not (isinstance(text, str) and text.strip()) and not blocks and not attachments:
        return "no_text"
    if isinstance(text, str) and len(text) > _TEXT:
        return "msg_too_long"
    if len(attachments) > _ATTACHMENTS:
        return "too_many_attachments"
    groups = [blocks, *(each.get("blocks", []) for each in attachments)]
    if not all(_blocks_are_valid(each) for each in groups):
        return "invalid_blocks"
    return (
        "msg_blocks_too_long"
        if sum(len(json.dumps(each, ensure_ascii=False)) for each in groups) > _ALL_BLOCKS
        else None
    )


def _blocks_are_valid(blocks: Any) -> bool:
    return isinstance(blocks, list) and len(blocks) <= _BLOCKS and all(map(_is_valid, blocks))


def _is_valid(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    kind = block.get("type")
    if kind == "header":
        return _is_text(block.get("text"), _HEADER) and block["text"]["type"] == "plain_text"
    if kind == "section":
        fields = block.get("fields", [])
        texts = ([_is_text(block["text"], _SECTION)] if "text" in block else []) + [_is_text(f, _FIELD) for f in fields]
        return bool(texts) and all(texts) and len(fields) <= _FIELDS
    if kind == "context":
        elements = block.get("elements", [])
        return 1 <= len(elements) <= _ELEMENTS and all(_is_text(each, _FIELD) for each in elements)
    return kind == "divider"


def _is_text(text: Any, limit: int) -> bool:
    return (
        isinstance(text, dict)
        and text.get("type") in ("plain_text", "mrkdwn")
        and isinstance(text.get("text"), str)
        and 1 <= len(text["text"]) <= limit
    )


class SlackWebhook:
    """The answers of one webhook. Those that it refused for coming too fast are counted."""

    def __init__(self) -> None:
        self.too_fast = 0
        self._last_monotonic = 0.0
        self._lock = Lock()

    def __call__(self, exchange: Exchange) -> None:
        request = exchange.taken
        with self._lock:
            early = request.at_monotonic - self._last_monotonic < _APART_SECONDS
            self.too_fast += early
            if not early:
                self._last_monotonic = request.at_monotonic
        if early:
            reply(429, b"rate_limited", Retry_After="1")(exchange)
        elif (name := fault(request.body)) is not None:
            reply(400, name.encode())(exchange)
        else:
            reply(200, b"ok")(exchange)
