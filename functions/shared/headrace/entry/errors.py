"""The two shapes of an error on the wire: `google.rpc.Status` for OTLP, problem details for everything else."""

from headrace.domain.errors import HeadraceError, InvalidExpression, InvalidInput, UnsupportedMedia
from headrace.entry.http import Request, Response
from headrace.wire.otlp import CONTENT_TYPES, Encoding, decode_content_type, encode_status
from headrace.wire.problem import CONTENT_TYPE, FieldError, encode_problem

_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 10, 412: 9, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}
"""HTTP status → google.rpc.Code (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto)."""


def otlp_error(request: Request, status: int, error: HeadraceError) -> Response:
    """A `google.rpc.Status` in the request's encoding, JSON when that is unknown."""
    encoding: Encoding
    try:
        encoding = decode_content_type(request.headers.get("content-type"))
    except UnsupportedMedia:
        encoding = "json"
    bad_field = error.field if isinstance(error, InvalidInput) else None
    body = encode_status(encoding, _RPC_CODES[status], str(error), bad_field)
    return Response(status, body, CONTENT_TYPES[encoding])


def problem_error(request: Request, status: int, error: HeadraceError) -> Response:  # noqa: ARG001 - one signature
    """An RFC 9457 problem; bad input says in `errors` which fields are wrong."""
    return Response(status, encode_problem(status, str(error), _fields(error)), CONTENT_TYPE)


def _fields(error: HeadraceError) -> list[FieldError]:
    if not isinstance(error, InvalidInput):
        return []
    alone = str(error).removeprefix(f"{error.field}: ").removesuffix(f" (and {len(error.others)} more)")
    first: FieldError = {"field": error.field, "message": alone}
    if isinstance(error, InvalidExpression):
        first |= {"position": error.position, "hint": error.hint}
    return [first, *({"field": field, "message": message} for field, message in error.others)]
