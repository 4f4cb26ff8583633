"""The one way into the operations: who calls, may they, is the input right; then the operation.

Roles are declared beside each route and enforced here, nowhere else. A project that is not there and a project that
is not the caller's give the same answer.
"""

import re
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import orjson

from headrace.api.models import parse, parse_query
from headrace.api.roles import Role, includes
from headrace.api.routes import ID_PATTERN, Answer, Call, Incoming, Route
from headrace.errors import InvalidInput, NotAllowed, NotAuthenticated, NotFound, UnsupportedMedia

Needs = TypeVar("Needs")

_JSON = "application/json"
_ID = re.compile(ID_PATTERN)
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"\s]+)"|([^",\s]+)')


class Identity(Protocol):
    """Knows who is who."""

    def account_of(self, token: str) -> str:
        """The account id of an access token. Raises NotAuthenticated: it is forged or has expired."""
        ...

    def role_in(self, project_id: str, account_id: str) -> Role:
        """The account's role in a project. Raises NotFound when there is none, whatever the reason."""
        ...


def dispatch(route: Route[Needs], incoming: Incoming, identity: Identity, needs: Needs) -> Answer:
    """Check everything that is declared of `route`, then call its operation.

    Raises:
        NotAuthenticated, NotFound, NotAllowed, InvalidInput, UnsupportedMedia, TooLarge: by the declarations; else
            what the operation raises.
    """
    call = Call(path=incoming.path, address=incoming.address)
    if route.access != "public":
        call = _signed_in(route, call, incoming, identity)
    if route.query is not None:
        call = replace(call, query=parse_query(route.query, incoming.query))
    if route.body is not None:
        call = replace(call, body=parse(route.body, _json(route, incoming)))
    if route.takes_if_match:
        call = replace(call, if_match=_entity_tag(incoming.if_match))
    return route.operation(call, needs)


def _signed_in(route: Route[Any], call: Call, incoming: Incoming, identity: Identity) -> Call:
    if not incoming.token:
        raise NotAuthenticated("no access token: send it in the header Authorization: Bearer")
    account_id = identity.account_of(incoming.token)
    if route.access == "account":
        return replace(call, account_id=account_id)
    if not _ID.fullmatch(call.project_id):  # the tables would refuse some texts as keys, in words about keys
        raise NotFound("there is no such project")
    role = identity.role_in(call.project_id, account_id)
    about_self = route.or_self and call.path["user_id"] == account_id
    if route.access == "public" or not (includes(role, route.access) or about_self):
        raise NotAllowed(f"this needs the role {route.access}, yours is {role}")
    if not all(map(_ID.fullmatch, call.path.values())):
        raise NotFound("there is nothing with this id")
    return replace(call, account_id=account_id, role=role)


def _json(route: Route[Any], incoming: Incoming) -> Any:
    content_type = (incoming.content_type or _JSON).partition(";")[0].strip().lower()
    if content_type != _JSON and not content_type.endswith("+json"):
        raise UnsupportedMedia(f"Content-Type {content_type!r} is not taken here, only {_JSON}")
    body = incoming.read_body()
    if not body and route.body_required:
        raise InvalidInput("the body is missing: send a JSON object")
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as cause:
        raise InvalidInput(f"the body is not JSON: {cause}") from cause


def _entity_tag(header: str | None) -> str | None:
    """The tag of an If-Match header; `*` and no header ask for nothing (RFC 9110 section 13.1.1).

    Its mark as weak, which proxies that compress put there, does not count.

    Raises:
        InvalidInput: no entity tag, or several.
    """
    if header is None or header.strip() == "*":
        return None
    found = _ENTITY_TAG.fullmatch(header.strip())
    if found is None:
        raise InvalidInput(
            'If-Match: one entity tag is taken, such as "3f2a…" in an ETag answered here', field="If-Match"
        )
    return found[1] or found[2]
