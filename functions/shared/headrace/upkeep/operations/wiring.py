"""What a project's configuration asks of the engine: its queues, and who consumes them."""

from headrace.errors import InvalidInput, Unavailable
from headrace.ports.queues import QueueNames
from headrace.ports.table import Table
from headrace.ports.wiring import Subscription, Wiring
from headrace.upkeep.wire import items


def wire_project(project_id: str, config: Table, wiring: Wiring, queues: QueueNames) -> None:
    """Bring the engine's queues and subscriptions to what is stored of the project; none for one that is gone.

    Safe to repeat. Another change may be stored and wired while this one is under way, so what was wired is compared
    with what is stored afterwards: of any number of calls at once the last one leaves what was stored last.

    Raises:
        Unavailable: the engine or the table is down, or the stored pipeline is damaged.
    """
    wanted = wanted_subscriptions(project_id, config, queues)
    while True:
        wiring.reconcile(project_id, wanted)
        wired, wanted = wanted, wanted_subscriptions(project_id, config, queues)
        if wanted == wired:
            return


def wanted_subscriptions(project_id: str, config: Table, queues: QueueNames) -> list[Subscription]:
    """The subscriptions that what is stored of a project asks for. Raises Unavailable as `wire_project` does."""
    pk = items.project_pk(project_id)
    stored = {item["sk"]: item for item in config.batch_get([(pk, items.PROJECT), (pk, items.PIPELINE)])}
    if not items.is_live(stored.get(items.PROJECT)):
        return []
    try:
        pipeline = items.decode_pipeline(stored.get(items.PIPELINE))
    except InvalidInput as damage:
        raise Unavailable(f"the stored pipeline is damaged, save it again: {damage}") from damage
    return [
        Subscription(
            queue=queues.raw(project_id),
            kind="raw",
            batch_window=pipeline.batch_window,
            max_concurrency=pipeline.invocations,
            active=pipeline.active,
        ),
        Subscription(queues.output(project_id), "output"),
        Subscription(queues.spans(project_id), "spans"),
    ]
