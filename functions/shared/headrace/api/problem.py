"""Errors as RFC 9457 problem details, the shape of every door that is not OTLP."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson

CONTENT_TYPE = "application/problem+json"


FieldError = dict[str, Any]
"""`field` and `message`; for an expression also `position` and `hint`."""


def encode_problem(status: int, detail: str, errors: Sequence[FieldError] = ()) -> bytes:
    """The body of an error answer."""
    problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return orjson.dumps({**problem, "errors": list(errors)} if errors else problem)
