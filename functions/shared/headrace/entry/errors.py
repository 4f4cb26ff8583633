"""The shape of an error of everything but the receiver: problem details (RFC 9457)."""

from headrace.api.problem import CONTENT_TYPE, FieldError, encode_problem
from headrace.entry.http import Request, Response
from headrace.errors import HeadraceError, InvalidExpression, InvalidInput


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
