"""The two shapes of an error on the wire: `google.rpc.Status` for OTLP, problem details for everything else."""

from headrace.domain.errors import UnsupportedMedia
from headrace.entry.http import Request, Response
from headrace.wire.otlp import CONTENT_TYPES, Encoding, decode_content_type, encode_status
from headrace.wire.problem import CONTENT_TYPE, encode_problem

_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 10, 412: 9, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}
"""HTTP status → google.rpc.Code (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto)."""


def otlp_error(request: Request, status: int, message: str) -> Response:
    """A `google.rpc.Status` in the request's encoding, JSON when that is unknown."""
    encoding: Encoding
    try:
        encoding = decode_content_type(request.headers.get("content-type"))
    except UnsupportedMedia:
        encoding = "json"
    return Response(status, encode_status(encoding, _RPC_CODES[status], message), CONTENT_TYPES[encoding])


def problem_error(request: Request, status: int, message: str) -> Response:  # noqa: ARG001 - one signature for both
    """An RFC 9457 problem."""
    return Response(status, encode_problem(status, message), CONTENT_TYPE)
