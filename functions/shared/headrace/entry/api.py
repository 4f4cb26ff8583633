"""Routes of the management API ↔ HTTP: binds each described route to a door."""

from collections.abc import Callable, Iterable
from typing import Any

from headrace.api.routes import Answer, Incoming, Route
from headrace.entry.http import Door, Request, Response

PREFIX = "/api/v1"

Call = Callable[[Incoming], Answer]


def mount(door: Door, operations: Iterable[tuple[Route[Any], Call]]) -> None:
    """Let `door` answer every route with its call."""
    for route, call in operations:
        door.route(route.method, PREFIX + route.path)(_view(route, call))


def _view(route: Route[Any], call: Call) -> Callable[[Request], Response]:
    def view(request: Request) -> Response:
        incoming = Incoming(
            path=request.path_parameters,
            query=request.query,
            read_body=lambda: request.body,
            content_type=request.headers.get("content-type"),
            token=request.bearer_token,
            if_match=request.headers.get("if-match"),
            address=request.address,
        )
        return _response(route, call(incoming))

    view.__name__ = route.name
    return view


def _response(route: Route[Any], answer: Answer) -> Response:
    headers = {"Cache-Control": "no-store", **answer.headers}  # tokens and keys are in some of them
    if answer.etag is not None:
        headers["ETag"] = f'"{answer.etag}"'
    body = b"" if answer.body is None else answer.body.model_dump_json(by_alias=True).encode()
    return Response(route.status, body, headers=headers)
