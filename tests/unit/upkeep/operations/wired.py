"""What is wired and what is stored of a project, for the tests of reconciling."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from headrace.ports.table import Put
from headrace.ports.wiring import Subscription
from headrace.route.domain.pipeline import Pipeline
from headrace.route.wire.items import encode_pipeline
from headrace.upkeep.operations.reconcile import LEASE, reconcile, wire_change
from headrace.upkeep.operations.wiring import wanted_subscriptions
from headrace.upkeep.wire.items import INTENT
from tests.functions.management import Needs

AGENT = "https://agent.example/process"


def save(project_id: str, needs: Needs, **fields: Any) -> None:
    """A pipeline, as `route.operations.pipelines` saves it."""
    pipeline = replace(Pipeline(agent_endpoint=AGENT), **fields)
    wire_change(project_id, [Put(encode_pipeline(project_id, pipeline))], needs.upkeep())


def wired(project_id: str, needs: Needs) -> list[Subscription]:
    return sorted(
        (each for each in needs.wiring.subscriptions() if each.queue.endswith(project_id)), key=lambda each: each.queue
    )


def wanted(project_id: str, needs: Needs) -> list[Subscription]:
    return sorted(wanted_subscriptions(project_id, needs.upkeep()), key=lambda each: each.queue)


def raw(project_id: str, needs: Needs) -> Subscription:
    (found,) = [each for each in wired(project_id, needs) if each.kind == "raw"]
    return found


def intents(needs: Needs) -> list[dict[str, Any]]:
    return [item for item in needs.config.items if item["pk"] == INTENT]


def left_of(project_id: str, needs: Needs) -> list[tuple[str, str]]:
    """Keys of what is stored of a project anywhere."""
    found = [*needs.config.items, *needs.telemetry.items]
    return [(each["pk"], each["sk"]) for each in found if project_id in str(each)]


def later(needs: Needs, duration: timedelta = LEASE) -> int:
    """What `reconcile` settles after a while."""
    needs.clock.advance(duration)
    return reconcile(needs.upkeep())
