"""What is wired and what is stored of a project, for the tests of reconciling."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from headrace.ports.table import Put
from headrace.ports.wiring import Subscription
from headrace.route.domain.pipeline import Pipeline
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.operations.reconcile import LEASE, reconcile, wire_change
from headrace.upkeep.operations.wiring import wanted_subscriptions
from headrace.upkeep.wire import items

AGENT = "https://agent.example/process"


def save(project_id: str, ports: Ports, **fields: Any) -> None:
    """A pipeline, as `route.operations.pipelines` saves it."""
    pipeline = replace(Pipeline(agent_endpoint=AGENT), **fields)
    wire_change(project_id, [Put(items.encode_pipeline(project_id, pipeline))], ports)


def wired(project_id: str, ports: Ports) -> list[Subscription]:
    return sorted(
        (each for each in ports.wiring.subscriptions() if each.queue.endswith(project_id)), key=lambda each: each.queue
    )


def wanted(project_id: str, ports: Ports) -> list[Subscription]:
    return sorted(wanted_subscriptions(project_id, ports.config, ports.queues), key=lambda each: each.queue)


def raw(project_id: str, ports: Ports) -> Subscription:
    (found,) = [each for each in wired(project_id, ports) if each.kind == "raw"]
    return found


def intents(ports: Ports) -> list[dict[str, Any]]:
    return [item for item in ports.config.items if item["pk"] == items.INTENT]


def left_of(project_id: str, ports: Ports) -> list[tuple[str, str]]:
    """Keys of what is stored of a project anywhere."""
    found = [*ports.config.items, *ports.telemetry.items]
    return [(each["pk"], each["sk"]) for each in found if project_id in str(each)]


def later(ports: Ports, duration: timedelta = LEASE) -> int:
    """What `reconcile` settles after a while."""
    ports.clock.advance(duration)
    return reconcile(ports)
