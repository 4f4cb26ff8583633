"""Standard Webhooks headers: who sent a request, when, and that nobody changed it on the way.

The signatures are those of the library `standardwebhooks`, one for each secret that is valid: a receiver needs only
one of them to fit, so that secrets can be rotated without a break.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from headrace.times import unix_seconds

_PREFIX = "whsec_"


def encode_signature(message_id: str, body: bytes, secrets: Sequence[str], now_unix_nano: int) -> dict[str, str]:
    """The headers for `body` (UTF-8) at that time; `webhook-signature` only when there are `secrets`.

    A secret that does not begin with `whsec_` is its own bytes, not base64.
    """
    seconds = unix_seconds(now_unix_nano)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(seconds)}
    if secrets:
        text, at = body.decode(), datetime.fromtimestamp(seconds, UTC)
        headers["webhook-signature"] = " ".join(_key(secret).sign(message_id, at, text) for secret in secrets)
    return headers


def _key(secret: str) -> Webhook:
    return Webhook(secret if secret.startswith(_PREFIX) else secret.encode())
