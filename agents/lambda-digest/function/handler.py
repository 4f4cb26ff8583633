"""The door: a signed batch over a Function URL or API Gateway → its digest, sent back to Headrace.

A Lambda function is frozen when it has answered, so the digest is sent before the answer, and a digest that cannot
be sent is answered so that Headrace sends the same batch again.
"""

import base64
import json
import logging
import math
import os
from functools import cache
from typing import Any

from digest import digest, read_records

from headrace_sdk import Headrace, HeadraceError, UnavailableError, VerificationError, verify_request

_RETRY_AFTER_SECONDS = 10

_logger = logging.getLogger()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """One request, as an event of payload format 1.0 or 2.0."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    body = _body(event)
    try:
        verify_request(body, headers, _signing_secrets())
        output = digest(read_records(body))
        receipt = _headrace().send_output(output, headers.get("x-request-id"), traceparent=headers.get("traceparent"))
    except VerificationError as error:
        return _answer(401, f"not signed by Headrace: {error}")
    except ValueError as error:
        return _answer(400, str(error))
    except HeadraceError as error:
        _logger.error("the digest could not be sent: %s", error)  # noqa: TRY400 - the error's words say it all
        return _answer(503, "the digest could not be sent", {"Retry-After": str(_wait_seconds(error))})
    return _answer(200, receipt.status)


@cache
def _headrace() -> Headrace:
    """One client for all calls of an instance; it has to give up before the function's time is over."""
    return Headrace(timeout=5, max_retries=1, max_retry_after=2)


@cache
def _signing_secrets() -> tuple[str, ...]:
    return tuple(os.environ["HEADRACE_SIGNING_SECRET"].split())  # noqa: TID251 - a program of its own


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _wait_seconds(error: HeadraceError) -> int:
    wait = error.retry_after if isinstance(error, UnavailableError) else None
    return math.ceil(wait.total_seconds()) if wait else _RETRY_AFTER_SECONDS


def _answer(status: int, detail: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    named = {"Content-Type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": named, "body": json.dumps({"detail": detail}), "isBase64Encoded": False}
