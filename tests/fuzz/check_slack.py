"""Slack: whatever an agent says and a template makes of it, the message keeps Slack's limits."""

import json
import re
from typing import Any

import orjson
from hypothesis import strategies as st

from headrace.route.wire.slack import encode_slack
from tests.fakes.slack import fault

_LONG = re.compile(r"(\d{1,5})×(.{1,3})", re.DOTALL)
"""How a long text is written here: `3001×ab`."""

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.builds(
    "{}×{}".format,
    st.sampled_from([50, 151, 1999, 3001, 41_000]),
    st.text(st.sampled_from("ab&<>\n 🔴"), min_size=1, max_size=3),
)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=6), inner, max_size=12),
    max_leaves=8,
)
_NAMES = ("title", "summary", "severity", "name", "x", "groups", "remediation_steps", "root_cause", "count", "items")
_payloads = st.dictionaries(st.sampled_from(_NAMES), _values) | _values
_text_objects = st.fixed_dictionaries({"type": st.sampled_from(["plain_text", "mrkdwn"]), "text": _texts})
_lists = st.lists(_text_objects, max_size=3) | _text_objects.map(lambda each: [each] * 12)
_blocks = st.one_of(
    st.fixed_dictionaries({"type": st.just("section")}, optional={"text": _text_objects, "fields": _lists}),
    st.fixed_dictionaries({"type": st.just("header"), "text": _text_objects}),
    st.fixed_dictionaries({"type": st.just("context"), "elements": _lists}),
    st.just({"type": "divider"}),
)  # fmt: skip
_many_blocks = st.lists(_blocks, max_size=5) | st.builds(lambda b, n: [b] * n, _blocks, st.integers(45, 55))
_messages = st.fixed_dictionaries(
    {},
    optional={
        "text": _texts,
        "blocks": _many_blocks,
        "attachments": st.lists(
            st.fixed_dictionaries({"color": st.just("#123456"), "blocks": _many_blocks}), max_size=3
        ),
    },
)
_shaped = st.none() | _many_blocks | _messages | _values
inputs = st.tuples(_payloads, _shaped, st.none() | _texts).map(lambda each: json.dumps(each).encode())
"""Payload, what the template made, request id."""

_LIMITS = {"msg_too_long", "too_many_attachments", "msg_blocks_too_long", "no_text"}


def check(data: bytes) -> None:
    """No limit is passed; blocks of a wrong form in a user's own message are Slack's to refuse."""
    try:
        payload, shaped, request_id = _long(orjson.loads(data))
    except (orjson.JSONDecodeError, TypeError, ValueError):
        return
    body = encode_slack(payload, shaped, request_id if isinstance(request_id, str) else None)
    found = fault(body)
    own = isinstance(shaped, list | dict)
    assert found is None or (own and found not in _LIMITS), (found, len(body))
    assert _longest_texts_fit(orjson.loads(body)), found


def _long(value: Any) -> Any:
    if isinstance(value, str):
        return _LONG.sub(lambda found: found[2] * int(found[1]), value, count=1)
    if isinstance(value, list):
        return [_long(each) for each in value]
    return {name: _long(each) for name, each in value.items()} if isinstance(value, dict) else value


def _longest_texts_fit(message: dict[str, Any]) -> bool:
    attachments = message.get("attachments")
    attachments = attachments if isinstance(attachments, list) else []
    groups = [message.get("blocks"), *(each.get("blocks") for each in attachments if isinstance(each, dict))]
    return all(len(blocks) <= 50 and all(map(_fits, blocks)) for blocks in groups if isinstance(blocks, list))


def _fits(block: Any) -> bool:
    if not isinstance(block, dict):
        return True
    limit = 150 if block.get("type") == "header" else 3000
    several = [block.get(name) for name in ("fields", "elements")]
    return _length(block.get("text")) <= limit and all(
        len(each) <= 10 and all(_length(text) <= 2000 for text in each) for each in several if isinstance(each, list)
    )


def _length(text: Any) -> int:
    return len(text["text"]) if isinstance(text, dict) and isinstance(text.get("text"), str) else 0
