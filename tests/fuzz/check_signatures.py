"""Standard Webhooks: only what was signed is vouched for, and the reference library agrees."""

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import strategies as st
from standardwebhooks import Webhook

from headrace.route.wire.signing import encode_signature
from headrace_sdk import VerificationError, verify_request

_SECRET = "whsec_" + "c2VjcmV0IG9mIHR3ZW50eS1mb3VyIGJ5dGVz"
_NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
_NOW_UNIX_NANO = int(_NOW.timestamp()) * 1_000_000_000
_BODY, _ID = '{"title": "T"}', "msg_1"
_SIGNED = encode_signature(_ID, _BODY.encode(), [_SECRET], _NOW_UNIX_NANO)

_texts = st.text(max_size=12)
_pieces = st.sampled_from([*_SIGNED.values(), _BODY, "v1,", "v1a,", ".", " ", "1705314600", "msg_1.1705314600", "٣"])
_text = st.lists(_pieces | _texts, max_size=3).map("".join)
inputs = st.fixed_dictionaries(
    {},
    optional={"body": _text, **dict.fromkeys(_SIGNED, _text)},
).map(lambda changes: orjson.dumps({k: v.encode(errors="replace").decode() for k, v in changes.items()}))
"""What is changed of a request that was signed: its body or a header."""


def check(data: bytes) -> None:
    """Nothing that was changed is vouched for, and nothing else than our error comes out."""
    try:
        changes = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    if not isinstance(changes, dict) or not all(isinstance(each, str) for each in changes.values()):
        return
    headers = {**_SIGNED, **{name: value for name, value in changes.items() if name != "body"}}
    body = changes.get("body", _BODY)
    try:
        verified = verify_request(body.encode(), headers, _SECRET, now=_NOW)
    except VerificationError:
        return
    assert body == _BODY
    assert (verified.id, verified.timestamp) == (_ID, _NOW)
    _check_by_reference(body, headers)


def _check_by_reference(body: str, headers: dict[str, Any]) -> None:
    """The reference library takes the signature too; its clock cannot be set, so the signature is compared alone."""
    wanted = Webhook(_SECRET).sign(headers["webhook-id"], _NOW, body)
    assert wanted in headers["webhook-signature"].split()
