"""Errors as RFC 9457 problem details, the shape of every door that is not OTLP."""

from http import HTTPStatus

import orjson

CONTENT_TYPE = "application/problem+json"


def encode_problem(status: int, detail: str) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail})
