"""An HTTP request → a batch of records, or the answer that says what is wrong with it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import HTTPException, Request

from error_summary.settings import Settings
from headrace_sdk import VerificationError, verify_request

_REQUEST_ID_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of a request, and what its answer has to carry; `body` is what was signed."""

    records: list[dict[str, Any]]
    body: bytes
    request_id: str
    traceparent: str | None


def check_secrets(secrets: list[str]) -> None:
    """Die at the start, and not at the first request, of a secret that cannot work.

    Raises:
        ConfigurationError: it is no secret that a request can be signed with.
    """
    if secrets:
        with suppress(VerificationError):
            verify_request(b"", {}, secrets)


async def read_batch(request: Request, settings: Settings) -> Batch:
    """The batch that the request carries.

    Raises:
        HTTPException: 413 too large, 401 not signed as it should be, 400 not a JSON array of objects.
    """
    body = await _read_body(request, settings.max_body_bytes)
    _verify(body, request, settings.signing_secrets)
    request_id = request.headers.get("x-request-id") or str(uuid4())
    if len(request_id) > _REQUEST_ID_LIMIT or not (request_id.isascii() and request_id.isprintable()):
        raise HTTPException(400, f"X-Request-ID must be at most {_REQUEST_ID_LIMIT} printable ASCII characters")
    traceparent = request.headers.get("traceparent", "")
    usable = traceparent.isascii() and traceparent.isprintable()
    return Batch(_records(body), body, request_id, traceparent if usable and traceparent else None)


async def _read_body(request: Request, limit_bytes: int) -> bytes:
    """Counted while it comes: a sender need not say how much there will be, nor say it truly."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise HTTPException(413, f"the body is over {limit_bytes} bytes; lower the pipeline's batch_size")
    return bytes(body)


def _verify(body: bytes, request: Request, secrets: list[str]) -> None:
    if not secrets:
        return
    try:
        verify_request(body, request.headers, secrets)
    except VerificationError as error:
        raise HTTPException(401, f"not signed by Headrace: {error}") from error


def _records(body: bytes) -> list[dict[str, Any]]:
    try:
        records = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error
    if not isinstance(records, list):
        raise HTTPException(400, "the body is not a JSON array of records")
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            raise HTTPException(400, f"record {index} is not a JSON object")
    return records
