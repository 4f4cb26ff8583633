"""Does this request come from Headrace? Standard Webhooks signatures, checked by whoever receives them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
("Signature scheme", "Webhook headers", "Verifying signatures").
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ._errors import (
    ConfigurationError,
    SignatureHeaderError,
    SignatureMismatchError,
    TimestampToleranceError,
)

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_UNIX_SECONDS = re.compile(r"[0-9]{1,11}")
_PREFIX = "whsec_"

Secrets = str | bytes | Iterable[str | bytes]
"""One signing secret, or several while they are being changed."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """What the signature vouches for beside the body.

    `id` is the same when the same request is sent again: who keeps the ids for as long as the tolerance
    has seen every repetition.
    """

    id: str
    timestamp: datetime


def verify_request(
    body: bytes,
    headers: Mapping[str, str],
    secrets: Secrets,
    *,
    tolerance: timedelta = timedelta(minutes=5),
    now: datetime | None = None,
) -> VerifiedRequest:
    """Prove that `body`, exactly as it was received, was signed with one of `secrets`, and lately.

    Args:
        body: the bytes of the request, before any parsing.
        headers: names in any case.
        secrets: one or several, so that a new one can come in before the old one goes. Text is `whsec_` and base64;
            other text counts both as base64 and as it stands; bytes are the key.
        tolerance: how far the time of signing may be from `now`, either way.
        now: the present, unless a test says otherwise.

    Raises:
        VerificationError: the kind of it says why.
        ConfigurationError: no secret, an empty one, or a `whsec_` that is not base64.
    """
    keys = signing_keys(secrets)
    values = {name.lower(): value for name, value in headers.items()}
    id_ = _message_id(values)
    timestamp = _timestamp(values, now or datetime.now(UTC), tolerance)
    if not _any_fits(_signatures(values), [signature(key, id_, timestamp, body) for key in keys]):
        raise SignatureMismatchError(f"no v1 signature in {SIGNATURE} was made with a secret known here")
    return VerifiedRequest(id=id_, timestamp=datetime.fromtimestamp(timestamp, UTC))


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> bytes:
    """What stands behind `v1,`: HMAC-SHA256 in base64 (specification, "Signature scheme")."""
    signed = f"{id_}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256))


def _any_fits(given: list[bytes], expected: list[bytes]) -> bool:
    """Counted, not stopped at the first: the time taken does not tell which secret it was."""
    return sum(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given) > 0


def signing_keys(secrets: Secrets) -> list[bytes]:
    """The keys that the secrets stand for.

    Raises:
        ConfigurationError: none, an empty one, or a `whsec_` that is not base64.
    """
    several = [secrets] if isinstance(secrets, str | bytes) else secrets
    keys = [key for secret in several for key in _readings(secret)]
    if not keys:
        raise ConfigurationError("no signing secret was given")
    return keys


def _readings(secret: str | bytes) -> list[bytes]:
    """The keys that a secret can stand for. An empty key would let anybody sign, so it is an error."""
    if isinstance(secret, bytes):
        candidates = [secret]
    elif secret.startswith(_PREFIX):
        candidates = [_from_base64(secret.removeprefix(_PREFIX))]
    else:
        candidates = [_from_base64(secret), secret.encode()]
    readings = [key for key in candidates if key]
    if not readings:
        raise ConfigurationError(f"a signing secret is empty, or begins with {_PREFIX} and is not base64")
    return readings


def _from_base64(text: str) -> bytes:
    """The bytes; none where it is not base64. Padding may be missing, as in the reference library."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""


def _header(values: Mapping[str, str], name: str) -> str:
    if value := values.get(name):
        return value
    raise SignatureHeaderError(f"the header {name} is missing", header=name)


def _message_id(values: Mapping[str, str]) -> str:
    """The id, without a full stop.

    That separates id, time and body, and could move the border between them (specification, "Signature
    scheme").
    """
    value = _header(values, ID)
    if "." in value:
        raise SignatureHeaderError(f"the header {ID} holds a full stop", header=ID)
    return value


def _timestamp(values: Mapping[str, str], now: datetime, tolerance: timedelta) -> int:
    value = _header(values, TIMESTAMP)
    if not _UNIX_SECONDS.fullmatch(value):
        raise SignatureHeaderError(f"the header {TIMESTAMP} is not in whole Unix seconds", header=TIMESTAMP)
    age = timedelta(seconds=now.timestamp() - int(value))
    if abs(age) > tolerance:
        when = f"{age} ago" if age > timedelta(0) else f"{-age} in the future"
        raise TimestampToleranceError(f"signed {when}, the tolerance is {tolerance}", age=age, tolerance=tolerance)
    return int(value)


def _signatures(values: Mapping[str, str]) -> list[bytes]:
    """The `v1` signatures as sent, in base64; other versions are for other verifiers."""
    versioned = (entry.partition(",") for entry in _header(values, SIGNATURE).split())
    return [signature.encode(errors="replace") for version, _, signature in versioned if version == "v1"]
