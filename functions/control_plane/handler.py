"""The door for management: `/api/v1`, every route of `management`, checked by `api.dispatch`.

The same description is served as an OpenAPI document, and as a page to read.
"""

from functools import lru_cache
from typing import Any

import orjson

from headrace import __version__, bootstrap
from headrace.entry.api import PREFIX, mount
from headrace.entry.errors import problem_error
from headrace.entry.http import Door, Request, Response
from headrace.management import OPERATIONS, ROUTES

handler = Door("control_plane", problem_error, bootstrap.limits)


mount(handler, OPERATIONS)


@handler.route("GET", f"{PREFIX}/openapi.json")
def openapi(request: Request) -> Response:
    """The document, for programs."""
    return Response(200, orjson.dumps(_document(request.base)))


@handler.route("GET", "/api/docs")
def docs(request: Request) -> Response:
    """The document, for people."""
    page, policy = _page(request.base)
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return Response(200, page, "text/html; charset=utf-8", headers)


@lru_cache(maxsize=4)
def _document(base: str) -> dict[str, Any]:
    """Made at first use: a cold start has no time for it."""
    from headrace.api.openapi import build_document

    return build_document(ROUTES, version=__version__, prefix=base + PREFIX)


@lru_cache(maxsize=4)
def _page(base: str) -> tuple[bytes, str]:
    from headrace.api.openapi_page import POLICY, encode_page

    return encode_page(_document(base)), POLICY
