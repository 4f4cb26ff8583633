"""The OpenAPI 3.1 document of the management API, made from the routes that serve it.

https://spec.openapis.org/oas/v3.1.1.html. Which error answers a route has follows from what it declares: see
`error_statuses`.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from inspect import getdoc
from typing import Any

from pydantic import BaseModel

from headrace.api.openapi_errors import ERROR_RESPONSES, FIELD_ERROR, PROBLEM, response_name
from headrace.api.openapi_schemas import Json, Mode, NoExample, Schemas
from headrace.api.roles import ROLES
from headrace.api.routes import ID_PATTERN, Route

_INTRODUCTION = """\
Everything that a team sets up in Headrace: accounts, projects, keys, members, the pipeline to the agent, sinks.

Sign up or in to get an access token, and send it as `Authorization: Bearer …`. Bodies are JSON; unknown fields are
refused by name. Every error is an RFC 9457 problem (`application/problem+json`), with `errors` naming the fields of
bad input. A project that is not there and one that is not yours give the same 404. Lists take `limit` and `cursor`,
and answer `items` and `next_cursor`, which is null on the last page.
"""

_ACCESS_WORDS = {"public": "Needs no access token.", "account": "Needs an access token."}
_PARAMETER = re.compile(r"\{(\w+)\}")
_SECTIONS = re.compile(r"^(Raises|Returns|Args):", re.MULTILINE)


def build_document(routes: Sequence[Route[Any]], *, version: str, prefix: str) -> Json:
    """The document; `prefix` is the path of the API at the host that serves the document."""
    schemas = Schemas([model for route in routes for model in _models(route)])
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace management API",
            "version": version,
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": prefix, "description": "The deployment that serves this document"}],
        "tags": _tags(routes),
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM, "FieldError": FIELD_ERROR, **schemas.definitions},
            "responses": ERROR_RESPONSES,
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Of `/auth/login`, `/auth/signup` or `/auth/refresh`; good for 15 minutes.",
                }
            },
        },
    }


def error_statuses(route: Route[Any]) -> list[int]:
    """The HTTP statuses of the errors that a route may answer, in order."""
    found = {503, *route.errors}
    if route.access != "public":
        found.add(401)
    if route.access in ROLES:
        found.add(404)
    if route.access in ROLES[1:]:
        found.add(403)
    if route.query is not None or route.body is not None:
        found.add(400)
    if route.body is not None:
        found |= {413, 415}
    if route.takes_if_match:
        found |= {400, 412}
    return sorted(found)


def tag_of(route: Route[Any]) -> str:
    """The group that a route belongs to: the module of its operation."""
    return route.operation.__module__.rpartition(".")[2].replace("_", " ")


def _models(route: Route[Any]) -> Iterator[tuple[type[BaseModel], Mode]]:
    for model in (route.body, route.query):
        if model is not None:
            yield model, "validation"
    if route.answer is not None:
        yield route.answer, "serialization"


def _tags(routes: Sequence[Route[Any]]) -> list[Json]:
    modules = {tag_of(route): route.operation.__module__ for route in routes}
    return [
        {"name": tag, "description": (sys.modules[module].__doc__ or "").strip().partition("\n\n")[0]}
        for tag, module in modules.items()
    ]


def _operation(route: Route[Any], schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": route.name,
        "tags": [tag_of(route)],
        "summary": route.summary,
        "description": f"{_description(route)}\n\n{_access_words(route)}".strip(),
        "security": [] if route.access == "public" else [{"accessToken": []}],
        "parameters": [*_path_parameters(route), *_header_parameters(route), *_query_parameters(route, schemas)],
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": _content(schemas, route.body, "validation"),
        }
    errors = {str(status): _reference(response_name(status)) for status in error_statuses(route)}
    return {**operation, "responses": {str(route.status): _answer(route, schemas), **errors}}


def _reference(response: str) -> Json:
    return {"$ref": f"#/components/responses/{response}"}


def _description(route: Route[Any]) -> str:
    """The operation's docstring, as far as it is for users."""
    return _SECTIONS.split(getdoc(route.operation) or "")[0].strip()


def _access_words(route: Route[Any]) -> str:
    about_self = ", or to be about yourself" if route.or_self else ""
    return _ACCESS_WORDS.get(route.access, f"Needs the role `{route.access}` in the project{about_self}.")


def _path_parameters(route: Route[Any]) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"Id of the {name.removesuffix('_id').replace('_', ' ')}.",
            "schema": {"type": "string", "pattern": f"^{ID_PATTERN}$"},
            "example": "5f0c4b57-9d0a-4f1f-8f6f-7a10c2d3e4f5"
            if name == "project_id"
            else "9d0a3f1f6f6f7a106d0f5a0e5f0c4b57",
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _header_parameters(route: Route[Any]) -> list[Json]:
    if not route.takes_if_match:
        return []
    words = "Change it only if it is still the version with this `ETag`; without it, whatever it is."
    return [{"name": "If-Match", "in": "header", "description": words, "schema": {"type": "string"}, "example": '"7"'}]


def _query_parameters(route: Route[Any], schemas: Schemas) -> list[Json]:
    if route.query is None:
        return []
    model = schemas.inline(route.query)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in model.get("required", []),
            "description": schema.get("description", ""),
            "schema": _without_null({key: value for key, value in schema.items() if key != "description"}),
        }
        for name, schema in model["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A query string has no null: what may be left out is left out."""
    options = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    return {**options[0], **_unless_null(schema)} if len(options) == 1 else schema


def _unless_null(schema: Json) -> Json:
    return {"default": schema["default"]} if schema.get("default") is not None else {}


def _answer(route: Route[Any], schemas: Schemas) -> Json:
    if route.answer is None:
        return {"description": "Done; there is nothing to say."}
    answer: Json = {
        "description": (getdoc(route.answer) or "").partition("\n\n")[0],
        "content": _content(schemas, route.answer, "serialization"),
    }
    if route.conditional:
        words = "Names this version, for `If-Match` in a change."
        answer["headers"] = {"ETag": {"description": words, "schema": {"type": "string"}}}
    return answer


def _content(schemas: Schemas, model: type[BaseModel], mode: Mode) -> Json:
    media: dict[str, Any] = {"schema": schemas.reference(model, mode)}
    with suppress(NoExample):  # served all the same; a test asks for the missing one
        media["example"] = schemas.example(model, mode)
    return {"application/json": media}
