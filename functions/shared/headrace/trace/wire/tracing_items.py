"""Stored items ↔ how a project's traces are kept. What is stored of runs is in `run_items`.

config table                                     pk               sk
  how traces are kept                            project#ID       tracing
"""

from datetime import timedelta

from headrace.ports.items import damaged, positive, project_pk, typed
from headrace.ports.table import Item
from headrace.trace.domain.tracing import Price, Tracing

TRACING = "tracing"


def encode_tracing(project_id: str, tracing: Tracing) -> Item:
    """The item of how a project's traces are kept."""
    return {
        "pk": project_pk(project_id),
        "sk": TRACING,
        "retention_days": tracing.retention.days,
        "capture_content": tracing.capture_content,
        "prices": {
            model: {"input": price.input, "output": price.output, "cached_input": price.cached_input}
            for model, price in tracing.prices.items()
        },
    }


def decode_tracing(item: Item | None) -> Tracing:
    """How a project's traces are kept; as by default when there is no item.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    if item is None:
        return Tracing()
    prices = typed(item, "prices", dict)
    if not all(isinstance(each, dict) for each in prices.values()):
        raise damaged(item, "prices", "an object of objects", prices)
    return Tracing(
        retention=timedelta(days=positive(item, "retention_days", int)),
        capture_content=typed(item, "capture_content", bool),
        prices={model: Price(**price) for model, price in prices.items()},
    )
