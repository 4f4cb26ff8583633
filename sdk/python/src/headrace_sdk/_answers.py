"""What the server answered → a receipt, or the error that says what to do."""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
import urllib3.exceptions

from ._errors import (
    AuthenticationError,
    HeadraceError,
    InvalidPayloadError,
    UnavailableError,
    UnexpectedResponseError,
)
from ._retries import RETRIED_STATUSES, BoundedRetry
from ._translation import FOREIGN

ANSWER_LIMIT_BYTES = 64 * 1024
_DETAIL_LIMIT_CHARACTERS = 300
_CHUNK_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class OutputReceipt:
    """What the server says about an output that it has stored.

    `id` is the id of the message, `status` the word it used: `accepted`.
    """

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What an answer is an answer to.

    Where it went, under which id, how large it was, how long the whole answer may take, and the API key,
    to be cut out of whatever is quoted.
    """

    url: str
    request_id: str
    size_bytes: int
    timeout_seconds: float
    secret: str = field(repr=False)


def read_receipt(response: requests.Response, sent: Sent) -> OutputReceipt:
    """The receipt in a 2xx answer.

    Raises:
        HeadraceError: one of its kinds, by status; also for a 2xx that does not carry a receipt, because
            then something other than Headrace took the output.
    """
    if not 200 <= response.status_code < 300:
        raise _refusal(response, sent)
    content = _parsed(_read(response, sent))
    if isinstance(content, dict):
        match content.get("id"), content.get("status"):
            case str(id_), str(status):
                return OutputReceipt(id=id_, status=status)
    raise UnexpectedResponseError(
        f"{sent.url} answered {response.status_code} without a receipt (a JSON object with id and status): "
        "is the endpoint a Headrace receiver?",
        status=response.status_code,
        request_id=sent.request_id,
    )


def _refusal(response: requests.Response, sent: Sent) -> HeadraceError:
    status = response.status_code
    detail = _detail(response, sent)
    message = f"{sent.url} answered {status}" + (f": {detail}" if detail else "")
    about: dict[str, Any] = {"status": status, "request_id": sent.request_id, "detail": detail}
    if status == 400:
        return InvalidPayloadError(message, **about)
    if status == 413:
        return InvalidPayloadError(f"{message} ({sent.size_bytes} bytes)", size_bytes=sent.size_bytes, **about)
    if status in (401, 403):
        return AuthenticationError(message, **about)
    if status in RETRIED_STATUSES:
        return UnavailableError(message, retry_after=_retry_after(response), **about)
    location = response.headers.get("Location")
    if location is None:
        return UnexpectedResponseError(message, **about)
    location = _quoted(location, sent)
    return UnexpectedResponseError(
        f"{message} (redirects to {location}, which is not followed)", location=location, **about
    )


def _detail(response: requests.Response, sent: Sent) -> str | None:
    """The explanation in a problem body (RFC 9457) or a `google.rpc.Status`, else the start of the text."""
    try:
        body = _read(response, sent)
    except (HeadraceError, *FOREIGN):
        # The status is known; that its explanation is unreadable must not hide it.
        return None
    content = _parsed(body)
    if isinstance(content, dict):
        words = [content[key] for key in ("detail", "message", "title") if isinstance(content.get(key), str)]
        if words:
            return _quoted(words[0], sent)
    return _quoted(body.decode(errors="replace"), sent) or None


def _quoted(text: str, sent: Sent) -> str:
    """A stranger's text made fit for a message: without the key, on one line, not long."""
    line = " ".join(text.replace(sent.secret, "***").split())
    printable = "".join(character for character in line if character.isprintable())
    if len(printable) <= _DETAIL_LIMIT_CHARACTERS:
        return printable
    return printable[:_DETAIL_LIMIT_CHARACTERS] + "…"


def _retry_after(response: requests.Response) -> timedelta | None:
    seconds = BoundedRetry().get_retry_after(response.raw)
    try:
        return None if seconds is None else timedelta(seconds=seconds)
    except OverflowError:
        return timedelta.max


def _read(response: requests.Response, sent: Sent) -> bytes:
    """The whole body, within `ANSWER_LIMIT_BYTES` and the time limit.

    A socket's own limit does not ensure the second: it starts anew with each byte.
    """
    deadline = time.monotonic() + sent.timeout_seconds
    body = bytearray()
    # What has come, not what was asked for; the first urllib3 of series 2 can only do the latter.
    read = getattr(response.raw, "read1", response.raw.read)
    while chunk := read(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            raise UnexpectedResponseError(
                f"{sent.url} answered {response.status_code} with more than {ANSWER_LIMIT_BYTES} bytes",
                status=response.status_code,
                request_id=sent.request_id,
            )
        if time.monotonic() > deadline:
            raise urllib3.exceptions.ReadTimeoutError(
                None,  # type: ignore[arg-type]  # only ever shown, and there is no pool to show
                sent.url,
                f"the answer was not complete after {sent.timeout_seconds} s",
            )
    return bytes(body)


def _parsed(body: bytes) -> Any:
    """The JSON in `body`, None where there is none; hostile nesting and numbers included."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
