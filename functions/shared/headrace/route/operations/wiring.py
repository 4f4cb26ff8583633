"""How the queue of records is consumed: as the project's pipeline says."""

from headrace.ports.items import mendable, project_pk
from headrace.ports.queues import QueueKind
from headrace.ports.table import Table
from headrace.ports.wiring import Subscription
from headrace.route.wire.items import PIPELINE, decode_pipeline


def by_pipeline(queue: str, kind: QueueKind, project_id: str, *, config: Table) -> Subscription:
    """Consumed only while the pipeline has an agent and is enabled; else its records wait.

    Raises:
        Unavailable: the table is down, or the stored pipeline is damaged.
    """
    item = config.get(project_pk(project_id), PIPELINE)
    with mendable("the stored pipeline"):
        pipeline = decode_pipeline(item)
    return Subscription(queue, kind.name, pipeline.batch_window, pipeline.invocations, pipeline.active)
