"""Sinks: where a project's outputs go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import uuid4

from headrace.errors import Conflict, InvalidInput, NotFound, Unavailable
from headrace.ports.sealing import seal
from headrace.ports.secrets import HIDDEN
from headrace.ports.table import ABSENT, Condition, Delete, Item, Put, Range, Table, items_of
from headrace.ports.vault import Vault
from headrace.route.domain.sinks import Sink
from headrace.route.operations.pipelines import check_expression
from headrace.route.operations.signing import rotate, store
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut
from headrace.route.wire.sink_models import SinkIn
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.operations.versions import change, version_of
from headrace.upkeep.wire import items

MOST_SINKS = 100


@dataclass(frozen=True, slots=True)
class StoredSink:
    """A sink as it is stored, its secrets sealed."""

    sink: Sink
    version: int
    updated_unix_nano: int
    disabled_reason: str | None
    """Why the data path switched it off."""


def add_sink(
    project_id: str, body: SinkIn, ports: Ports, *, sink_id: str | None = None, also: Sequence[Put] = ()
) -> StoredSink:
    """Store the sink that `body` describes (contract section 6), and `also` in the same transaction.

    Raises:
        InvalidExpression: an expression that cannot run.
        InvalidInput: a secret is to be kept, and there is none yet, or it would be sent to another host.
        Conflict: the project has as many sinks as there may be.
    """
    wanted = _checked(body, sink_id or new_sink_id(), ports)
    places = Range(items.project_pk(project_id), prefix=items.SINK_PREFIX)
    if sum(1 for _ in items_of(ports.config, places)) >= MOST_SINKS:
        raise Conflict(f"a project has at most {MOST_SINKS} sinks")
    item = _encode(project_id, _seal(wanted, None, ports.vault), 1, ports)
    ports.config.transact([Put(item, ABSENT), *also])
    return _decode(item)


def new_sink_id() -> str:
    """An id that no other sink has."""
    return uuid4().hex


def change_sink(
    project_id: str,
    sink_id: str,
    body: SinkIn,
    ports: Ports,
    *,
    if_match: str | None = None,
    also: Sequence[Put] = (),
) -> StoredSink:
    """Let a sink be what `body` describes; secrets shown as `***` stay what they are.

    Raises:
        NotFound: there is no such sink.
        InvalidExpression, InvalidInput: as `add_sink`.
        PreconditionFailed: the stored one is not at version `if_match`.
    """
    wanted = _checked(body, sink_id, ports)

    def write(item: Item | None, condition: Condition) -> Item:
        before = None if item is None else _decode(item).sink
        changed = _encode(project_id, _seal(wanted, before, ports.vault), version_of(item) + 1, ports)
        ports.config.transact([Put(changed, condition), *also])
        return changed

    return _decode(change(lambda: _read(project_id, sink_id, ports.config), write, if_match))


def remove_sink(
    project_id: str, sink_id: str, ports: Ports, *, if_match: str | None = None, also: Sequence[Put] = ()
) -> None:
    """Remove a sink; outputs that wait for it alone become dead letters when their turn comes.

    Raises:
        NotFound: there is no such sink.
        PreconditionFailed: the stored one is not at version `if_match`.
    """

    def write(_: Item | None, condition: Condition) -> None:
        ports.config.transact([Delete(*_key(project_id, sink_id), condition), *also])

    change(lambda: _read(project_id, sink_id, ports.config), write, if_match)


def rotate_sink_secret(
    project_id: str, sink_id: str, wanted: NewSecretIn, ports: Ports, *, also: Sequence[Put] = ()
) -> NewSecretOut:
    """Let a webhook be signed with a new secret; the one of before signs too for a while.

    Raises:
        NotFound: there is no such sink.
        InvalidInput: it is no webhook, the secret is none, or too many are valid already.
    """

    def write(item: Item | None, condition: Condition) -> NewSecretOut:
        sink = _webhook(item)
        rotation = rotate(sink.signing_secret, sink.old_secrets, wanted, ports)
        changed = replace(sink, signing_secret=rotation.newest, old_secrets=rotation.old)
        store(item, items.encode_sink(project_id, changed), condition, ports, also)
        return rotation.told

    return change(lambda: _read(project_id, sink_id, ports.config), write, None)


def end_old_sink_secrets(project_id: str, sink_id: str, ports: Ports, *, also: Sequence[Put] = ()) -> None:
    """Let only the newest secret of a webhook sign from now on. Raises NotFound, and InvalidInput for no webhook."""

    def write(item: Item | None, condition: Condition) -> None:
        store(item, items.encode_sink(project_id, replace(_webhook(item), old_secrets=())), condition, ports, also)

    change(lambda: _read(project_id, sink_id, ports.config), write, None)


def _webhook(item: Item | None) -> Sink:
    if item is None:
        raise NotFound("there is no such sink")
    sink = _decode(item).sink
    if sink.type != "webhook":
        raise InvalidInput(f"only webhooks are signed, and this sink is of type {sink.type}")
    return sink


def load_sink(project_id: str, sink_id: str, config: Table) -> StoredSink:
    """One sink. Raises NotFound, and Unavailable on a damaged item."""
    return _decode(_read(project_id, sink_id, config))


def page_of_sinks(
    project_id: str, config: Table, *, limit: int = MOST_SINKS, cursor: str | None = None
) -> tuple[list[StoredSink], str | None]:
    """Some sinks of a project, disabled ones too, and the cursor of the next page.

    Raises:
        InvalidInput: the cursor is not one of ours.
        Unavailable: an item is damaged.
    """
    places = Range(items.project_pk(project_id), prefix=items.SINK_PREFIX)
    page = config.query(places, limit=limit, cursor=cursor)
    return [_decode(item) for item in page.items], page.next_cursor


def list_sinks(project_id: str, config: Table) -> list[Sink]:
    """All sinks of a project, secrets sealed."""
    places = Range(items.project_pk(project_id), prefix=items.SINK_PREFIX)
    return [_decode(item).sink for item in items_of(config, places)]


def _checked(body: SinkIn, sink_id: str, ports: Ports) -> Sink:
    sink = body.root.to_domain(sink_id)
    if sink.url != HIDDEN:
        _check_address(sink, ports)
    for field, expression in (("filter", sink.filter), ("template", sink.template)):
        if expression is not None:
            check_expression(field, expression, ports.expressions)
    return sink


def _check_address(sink: Sink, ports: Ports) -> None:
    """Raises InvalidInput for an address that nothing can be sent to, by the name that its field has in the API."""
    field = "webhook_url" if sink.type == "slack" else "url"
    try:
        if sink.type == "apprise":
            ports.notifier.check(sink.url)
        else:
            ports.outbound.check(sink.url)
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
    return items.project_pk(project_id), items.SINK_PREFIX + sink_id


def _read(project_id: str, sink_id: str, config: Table) -> Item:
    item = config.get(*_key(project_id, sink_id))
    if item is None:
        raise NotFound("there is no such sink")
    return item


def _encode(project_id: str, sink: Sink, version: int, ports: Ports) -> Item:
    now = ports.clock.now_unix_nano()
    return {**items.encode_sink(project_id, sink), "version": version, "updated_unix_nano": now}


def _decode(item: Item) -> StoredSink:
    try:
        sink = items.decode_sink(item)
    except InvalidInput as damage:
        raise Unavailable(f"a stored sink is damaged: {damage}") from damage
    return StoredSink(sink, version_of(item), int(item.get("updated_unix_nano", 0)), item.get("disabled_reason"))
