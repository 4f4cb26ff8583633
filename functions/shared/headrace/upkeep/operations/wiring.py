"""What a project's configuration asks of the engine: its queues, and who consumes them."""

from headrace.ports.items import project_pk
from headrace.ports.queues import ALWAYS, QueueKind
from headrace.ports.wiring import Subscription
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.wire.items import PROJECT, is_live


def wire_project(project_id: str, needs: UpkeepNeeds) -> None:
    """Bring the engine's queues and subscriptions to what is stored of the project; none for one that is gone.

    Safe to repeat. Another change may be stored and wired while this one is under way, so what was wired is compared
    with what is stored afterwards: of any number of calls at once the last one leaves what was stored last.

    Raises:
        Unavailable: the engine or the table is down, or what is stored is damaged.
    """
    wanted = wanted_subscriptions(project_id, needs)
    while True:
        needs.wiring.reconcile(project_id, wanted)
        wired, wanted = wanted, wanted_subscriptions(project_id, needs)
        if wanted == wired:
            return


def wanted_subscriptions(project_id: str, needs: UpkeepNeeds) -> list[Subscription]:
    """The subscriptions that what is stored of a project asks for. Raises Unavailable as `wire_project` does."""
    if not is_live(needs.config.get(project_pk(project_id), PROJECT)):
        return []
    wanted = (_wanted(kind, project_id, needs) for kind in needs.queues.kinds)
    return [each for each in wanted if each is not None]


def _wanted(kind: QueueKind, project_id: str, needs: UpkeepNeeds) -> Subscription | None:
    queue = needs.queues.name(kind, project_id)
    if kind.wanted == ALWAYS:
        return Subscription(queue, kind.name, max_concurrency=kind.max_concurrency)
    return needs.rules[kind.wanted](queue, kind, project_id)
