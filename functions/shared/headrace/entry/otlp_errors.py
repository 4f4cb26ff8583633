"""The shape of an error of the receiver: `google.rpc.Status`. Apart from `errors`, since only OTLP needs protobuf."""

from headrace.entry.http import Request, Response
from headrace.errors import HeadraceError, InvalidInput, UnsupportedMedia
from headrace.intake.wire.otlp import CONTENT_TYPES, Encoding, decode_content_type, encode_status

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
