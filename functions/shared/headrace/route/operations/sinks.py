"""Sinks: where a project's outputs go."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import uuid4

from headrace.errors import Conflict, InvalidInput, NotFound
from headrace.ports.items import mendable, project_pk
from headrace.ports.sealing import seal
from headrace.ports.secrets import HIDDEN
from headrace.ports.table import Item, Range, Table, items_of
from headrace.ports.vault import Vault
from headrace.route.domain.sinks import Sink
from headrace.route.operations.needs import RouteNeeds
from headrace.route.operations.pipelines import check_expression
from headrace.route.operations.signing import rotate
from headrace.route.wire import items
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut
from headrace.route.wire.sink_models import SinkIn
from headrace.upkeep.operations.change import Author, Change, check_version, version_of

MOST_SINKS = 100


@dataclass(frozen=True, slots=True)
class StoredSink:
    """A sink as it is stored, its secrets sealed."""

    sink: Sink
    version: int
    updated_unix_nano: int
    disabled_reason: str | None
    """Why the data path switched it off."""


def add_sink(author: Author, body: SinkIn, needs: RouteNeeds) -> StoredSink:
    """Store the sink that `body` describes (contract section 6).

    Raises:
        InvalidExpression: an expression that cannot run.
        InvalidInput: a secret is to be kept, and there is none yet, or it would be sent to another host.
        Conflict: the project has as many sinks as there may be.
    """
    wanted = _checked(body, uuid4().hex, needs)
    places = Range(project_pk(author.project_id), prefix=items.SINK_PREFIX)
    if sum(1 for _ in items_of(needs.config, places)) >= MOST_SINKS:
        raise Conflict(f"a project has at most {MOST_SINKS} sinks")

    def plan(change: Change) -> Item:
        change.audit("sink.create", wanted.id)
        return change.replace(None, items.encode_sink(author.project_id, _seal(wanted, None, needs.vault)))

    return _decode(needs.changes.make(author, plan))


def change_sink(
    author: Author, sink_id: str, body: SinkIn, needs: RouteNeeds, *, if_match: str | None = None
) -> StoredSink:
    """Let a sink be what `body` describes; secrets shown as `***` stay what they are.

    Raises:
        NotFound: there is no such sink.
        InvalidExpression, InvalidInput: as `add_sink`.
        PreconditionFailed: the stored one is not at version `if_match`.
    """
    wanted = _checked(body, sink_id, needs)

    def plan(change: Change) -> Item:
        stored = _found(change.read(*_key(author.project_id, sink_id)))
        check_version(stored, if_match)
        sealed = _seal(wanted, _decode(stored).sink, needs.vault)
        change.audit("sink.save", sink_id)
        return change.replace(stored, items.encode_sink(author.project_id, sealed))

    return _decode(needs.changes.make(author, plan))


def remove_sink(author: Author, sink_id: str, needs: RouteNeeds, *, if_match: str | None = None) -> None:
    """Remove a sink; outputs that wait for it alone become dead letters when their turn comes.

    Raises:
        NotFound: there is no such sink.
        PreconditionFailed: the stored one is not at version `if_match`.
    """

    def plan(change: Change) -> None:
        stored = _found(change.read(*_key(author.project_id, sink_id)))
        check_version(stored, if_match)
        change.remove(stored)
        change.audit("sink.delete", sink_id)

    needs.changes.make(author, plan)


def rotate_sink_secret(author: Author, sink_id: str, wanted: NewSecretIn, needs: RouteNeeds) -> NewSecretOut:
    """Let a webhook be signed with a new secret; the one of before signs too for a while.

    Raises:
        NotFound: there is no such sink.
        InvalidInput: it is no webhook, the secret is none, or too many are valid already.
    """

    def plan(change: Change) -> NewSecretOut:
        stored = _found(change.read(*_key(author.project_id, sink_id)))
        sink = _webhook(stored)
        rotation = rotate(sink.signing_secret, sink.old_secrets, wanted, needs)
        changed = replace(sink, signing_secret=rotation.newest, old_secrets=rotation.old)
        change.replace(stored, {**stored, **items.encode_sink(author.project_id, changed)})
        change.audit("sink.rotate_secret", sink_id)
        return rotation.told

    return needs.changes.make(author, plan)


def end_old_sink_secrets(author: Author, sink_id: str, needs: RouteNeeds) -> None:
    """Let only the newest secret of a webhook sign from now on. Raises NotFound, and InvalidInput for no webhook."""

    def plan(change: Change) -> None:
        stored = _found(change.read(*_key(author.project_id, sink_id)))
        changed = replace(_webhook(stored), old_secrets=())
        change.replace(stored, {**stored, **items.encode_sink(author.project_id, changed)})
        change.audit("sink.end_old_secrets", sink_id)

    needs.changes.make(author, plan)


def _webhook(item: Item) -> Sink:
    sink = _decode(item).sink
    if sink.type != "webhook":
        raise InvalidInput(f"only webhooks are signed, and this sink is of type {sink.type}")
    return sink


def load_sink(project_id: str, sink_id: str, config: Table) -> StoredSink:
    """One sink. Raises NotFound, and Unavailable on a damaged item."""
    return _decode(_found(config.get(*_key(project_id, sink_id))))


def page_of_sinks(
    project_id: str, config: Table, *, limit: int = MOST_SINKS, cursor: str | None = None
) -> tuple[list[StoredSink], str | None]:
    """Some sinks of a project, disabled ones too, and the cursor of the next page.

    Raises:
        InvalidInput: the cursor is not one of ours.
        Unavailable: an item is damaged.
    """
    places = Range(project_pk(project_id), prefix=items.SINK_PREFIX)
    page = config.query(places, limit=limit, cursor=cursor)
    return [_decode(item) for item in page.items], page.next_cursor


def list_sinks(project_id: str, config: Table) -> list[Sink]:
    """All sinks of a project, secrets sealed."""
    places = Range(project_pk(project_id), prefix=items.SINK_PREFIX)
    return [_decode(item).sink for item in items_of(config, places)]


def _checked(body: SinkIn, sink_id: str, needs: RouteNeeds) -> Sink:
    sink = body.root.to_domain(sink_id)
    if sink.url != HIDDEN:
        _check_address(sink, needs)
    for field, expression in (("filter", sink.filter), ("template", sink.template)):
        if expression is not None:
            check_expression(field, expression, needs.expressions)
    return sink


def _check_address(sink: Sink, needs: RouteNeeds) -> None:
    """Raises InvalidInput for an address that nothing can be sent to, by the name that its field has in the API."""
    field = "webhook_url" if sink.type == "slack" else "url"
    try:
        if sink.type == "apprise":
            needs.notifier.check(sink.url)
        else:
            needs.outbound.check(sink.url)
    except InvalidInput as wrong:
        raise InvalidInput(f"{field}: {sink.hide(str(wrong))}", field=field) from wrong


def _seal(wanted: Sink, before: Sink | None, vault: Vault) -> Sink:
    """`wanted` with its secrets sealed, those that are shown as stars taken from `before`."""
    address = before.url if before is not None and before.type == wanted.type else None
    address_field = "webhook_url" if wanted.type == "slack" else "url"
    signing = None if before is None else before.signing_secret
    return replace(
        wanted,
        url=seal(wanted.url, address, address_field, vault) if wanted.secret_url else wanted.url,
        headers=_seal_headers(wanted, before, vault),
        signing_secret=seal(wanted.signing_secret, signing, "signing_secret", vault) if wanted.signing_secret else None,
        old_secrets=before.old_secrets if before is not None and wanted.signing_secret == HIDDEN else (),
    )


def _seal_headers(wanted: Sink, before: Sink | None, vault: Vault) -> dict[str, str]:
    """Headers are sent as they are, so who does not know their values cannot have them sent to another host."""
    stored = {} if before is None else {name.lower(): value for name, value in before.headers.items()}
    moves = before is not None and _origin(before.url) != _origin(wanted.url)
    for name, value in wanted.headers.items():
        if moves and value == HIDDEN and name.lower() in stored:
            field = f"headers.{name}"
            raise InvalidInput(f"{field}: write the value again, since the URL leads to another host", field=field)
    return {
        name: seal(value, stored.get(name.lower()), f"headers.{name}", vault) for name, value in wanted.headers.items()
    }


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _key(project_id: str, sink_id: str) -> tuple[str, str]:
    return project_pk(project_id), items.SINK_PREFIX + sink_id


def _found(item: Item | None) -> Item:
    if item is None:
        raise NotFound("there is no such sink")
    return item


def _decode(item: Item) -> StoredSink:
    with mendable("a stored sink"):
        sink = items.decode_sink(item)
    return StoredSink(sink, version_of(item), int(item.get("updated_unix_nano", 0)), item.get("disabled_reason"))
