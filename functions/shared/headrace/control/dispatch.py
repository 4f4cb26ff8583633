"""The one way into the operations: who calls, may they, is the input right; then the operation.

Roles are declared beside each route and enforced here, nowhere else. A project that is not there and a project that
is not the caller's give the same answer.
"""

from dataclasses import replace
from typing import Any

import orjson

from headrace.control.ports import Ports
from headrace.control.tokens import account_of
from headrace.domain.errors import InvalidInput, NotAllowed, NotAuthenticated, NotFound
from headrace.domain.roles import Role, includes
from headrace.wire import items
from headrace.wire.api import parse, parse_query
from headrace.wire.routes import Answer, Call, Incoming, Route


def dispatch(route: Route, incoming: Incoming, ports: Ports) -> Answer:
    """Check everything that is declared of `route`, then call its operation.

    Raises:
        NotAuthenticated, NotFound, NotAllowed, InvalidInput: by the declarations; else what the operation raises.
    """
    call = Call(path=incoming.path, address=incoming.address)
    if route.access != "public":
        call = _signed_in(route, call, incoming, ports)
    if route.query is not None:
        call = replace(call, query=parse_query(route.query, incoming.query))
    if route.body is not None:
        call = replace(call, body=parse(route.body, _json(incoming.body)))
    if route.conditional:
        call = replace(call, if_match=_entity_tag(incoming.if_match))
    return route.operation(call, ports)


def _signed_in(route: Route, call: Call, incoming: Incoming, ports: Ports) -> Call:
    if not incoming.token:
        raise NotAuthenticated("no access token: send it in the header Authorization: Bearer")
    account_id = account_of(incoming.token, ports.signing_keys, ports.clock)
    if route.access == "account":
        return replace(call, account_id=account_id)
    role = role_in(call.project_id, account_id, ports)
    if route.access == "public" or not includes(role, route.access):
        raise NotAllowed(f"this needs the role {route.access}, yours is {role}")
    return replace(call, account_id=account_id, role=role)


def role_in(project_id: str, account_id: str, ports: Ports) -> Role:
    """The account's role in a project. Raises NotFound when there is none, whatever the reason."""
    membership = ports.config.get(items.project_pk(project_id), items.member_sk(account_id))
    if membership is None:
        raise NotFound("there is no such project")
    role: Role = membership["role"]
    return role


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as cause:
        raise InvalidInput(f"the body is not JSON: {cause}") from cause


def _entity_tag(header: str | None) -> str | None:
    """The tag of an If-Match header; `*` and no header ask for nothing (RFC 9110 section 13.1.1)."""
    if header is None or header.strip() == "*":
        return None
    return header.strip().removeprefix("W/").strip('"')
