"""One output and one sink → what delivers it, or the reason why nothing is to be sent.

The delivery itself and the test of a sink share this, so that a test shows what a delivery does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import orjson

from headrace.ports.notifications import Notification, level_of
from headrace.ports.program import Outcome
from headrace.ports.secrets import signing_secrets
from headrace.route.domain.delivery import Answer
from headrace.route.domain.sinks import Sink
from headrace.route.wire.finding import cut, decode_finding, describe, plain
from headrace.route.wire.signing import encode_signature
from headrace.route.wire.slack import encode_slack

_NAMESPACE = UUID("0b8f7a52-8a3d-4d43-9a53-6d1d3c0c6f55")
_TITLE, _BODY = 250, 32_000
"""Characters of a notification. Services cut at limits of their own; this only bounds what is handed on."""


@dataclass(frozen=True, slots=True)
class Output:
    """What an agent said."""

    project_id: str
    id: str
    """What its agent was told when it was accepted. Stays the same however often it is stored again."""
    body: bytes
    """The JSON text as it was accepted: numbers keep every digit."""
    payload: Any
    """What the text means."""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class SinkRequest:
    """A request that is ready to be sent."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def encode_sink_request(
    output: Output, sink: Sink, outcome: Outcome | None, now_unix_nano: int
) -> SinkRequest | Notification | Answer:
    """What delivers to an opened `sink`; `outcome` is what its program made of the payload, None without a program.

    An Answer says why nothing is to be sent: "done" when the filter does not keep the output, else "refused".
    """
    shaped = None
    if outcome is not None:
        if outcome.error is not None:
            return Answer("refused", f"was not sent anything, since its expressions failed: {outcome.error}")
        if not outcome.kept:
            return Answer("done", "filtered out")
        if sink.template and outcome.record is None:
            return Answer("refused", "was not sent anything, since its template gave nothing")
        shaped = outcome.record if sink.template else None
    try:
        if sink.type == "apprise":
            return _notification(output, sink, shaped)
        body = _body(output, sink, shaped)
    except orjson.JSONEncodeError as cause:
        return Answer("refused", f"was not sent anything, since it cannot be written as JSON: {cause}")
    method = sink.method if sink.type == "webhook" else "POST"
    return SinkRequest(method, sink.url, _headers(output, sink, body, now_unix_nano), body)


def _body(output: Output, sink: Sink, shaped: Any) -> bytes:
    if sink.type == "slack":
        return encode_slack(output.payload, shaped, output.request_id)
    return output.body if shaped is None else orjson.dumps(shaped)


def _headers(output: Output, sink: Sink, body: bytes, now_unix_nano: int) -> dict[str, str]:
    secrets = signing_secrets(sink.signing_secret, sink.old_secrets, now_unix_nano)
    return {
        **sink.headers,
        "Content-Type": "application/json",
        "X-Project-ID": output.project_id,
        "X-Request-ID": output.request_id or output.id,
        **encode_signature(f"msg_{uuid5(_NAMESPACE, output.id + sink.id).hex}", body, secrets, now_unix_nano),
    }


def _notification(output: Output, sink: Sink, shaped: Any) -> Notification:
    """A template gives the text, or an object with `body` and maybe `title` and `severity`; else what to tell of."""
    own: dict[str, Any] = {"body": shaped} if isinstance(shaped, str) else {}
    if isinstance(shaped, dict) and "body" in shaped:
        own = shaped
    finding = decode_finding(output.payload if shaped is None or own else shaped)
    return Notification(
        url=sink.url,
        title=cut(plain(own.get("title") or finding.title), _TITLE),
        body=cut(plain(own.get("body") or describe(finding, output.request_id)), _BODY),
        level=level_of(own.get("severity") or finding.severity),
        timeout=sink.timeout,
    )
