"""The error answers of the management API, as OpenAPI describes them: one shared response for each status."""

from http import HTTPStatus
from typing import Any

from headrace.api.problem import CONTENT_TYPE

FIELD_ERROR: dict[str, Any] = {
    "type": "object",
    "description": "One wrong field of the input.",
    "required": ["field", "message"],
    "properties": {
        "field": {"type": "string", "description": "Its path, with dots; empty for the input as a whole."},
        "message": {"type": "string", "description": "What is wrong with it."},
        "position": {"type": ["integer", "null"], "description": "In an expression: the character, from 0."},
        "hint": {"type": "string", "description": "In an expression: how JSONata would say it."},
    },
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error, as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Always `about:blank`: the status says which kind it is."},
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What is wrong this time."},
        "errors": {
            "type": "array",
            "description": "Which fields are wrong, when that is the matter.",
            "items": {"$ref": "#/components/schemas/FieldError"},
        },
    },
}

_ERRORS: dict[int, tuple[str, str, str]] = {
    400: ("BadInput", "The input cannot work; `errors` names the fields.", "email: must be an e-mail address"),
    401: ("NotAuthenticated", "No credentials, or wrong, expired or void ones.", "the access token is not valid"),
    403: ("NotAllowed", "Your role in the project is too small.", "this needs the role editor, yours is viewer"),
    404: ("NotFound", "It is not there, or you are not a member of the project.", "there is no such project"),
    409: ("Conflict", "It exists already, or something is in the way of the change.", "ada@example.com has an account"),
    412: ("PreconditionFailed", "Somebody changed it since the version that `If-Match` names.", "it has changed since"),
    413: ("TooLarge", "The body is over the limit.", "the body is 7000000 bytes, the limit is 6291456 bytes"),
    415: ("UnsupportedMedia", "The body is not JSON by its type, or encoded other than gzip.",
          "Content-Type 'text/csv' is not taken here, only application/json"),
    429: ("TooManyRequests", "A limit on attempts is reached; `Retry-After` says when it ends.",
          "more than 10 attempts in 5 minutes: wait"),
    503: ("Unavailable", "An engine is down or busy; the same request may succeed after `Retry-After`.",
          "the store does not answer"),
}  # fmt: skip

_HEADERS = {
    401: ("WWW-Authenticate", {"type": "string"}, "`Bearer`."),
    429: ("Retry-After", {"type": "integer"}, "Seconds to wait."),
    503: ("Retry-After", {"type": "integer"}, "Seconds to wait."),
}


def response_name(status: int) -> str:
    """The name of the shared response for a status."""
    return _ERRORS[status][0]


def _response(status: int) -> dict[str, Any]:
    _, words, detail = _ERRORS[status]
    example = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if status == HTTPStatus.BAD_REQUEST:
        field, _, message = detail.partition(": ")
        example["errors"] = [{"field": field, "message": message}]
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    response: dict[str, Any] = {"description": words, "content": content}
    if status in _HEADERS:
        name, schema, meaning = _HEADERS[status]
        response["headers"] = {name: {"description": meaning, "schema": schema}}
    return response


ERROR_RESPONSES: dict[str, Any] = {response_name(status): _response(status) for status in _ERRORS}
