"""`GET /metrics`: Prometheus text, made from the events of this process and the depths of the queues.

Counters begin at 0 with each process: they are for rates, and what is exact for ever is in `status`. Names and labels
follow https://prometheus.io/docs/practices/naming/. No label holds what a stranger chose but project ids in queues.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from headrace.errors import HeadraceError
from headrace.observability import listen, warn
from headrace.ports.bus import Bus, QueueStats
from headrace.ports.wiring import Wiring

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which tells when this process began

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts from when it is made until it is closed."""

    PATH = "/metrics"
    CONTENT_TYPE = CONTENT_TYPE_LATEST

    def __init__(self, bus: Bus, wiring: Wiring) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Queues(bus, wiring))
        self._tell = _listener(self._registry)
        self._unlisten: Callable[[], None] | None = listen(self._on_event)

    def close(self) -> None:
        """Count no more. May be repeated."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def encode(self) -> bytes:
        """Everything as Prometheus text. Asks the bus, so it may wait; call it on a thread."""
        return generate_latest(self._registry)

    def _on_event(self, event: dict[str, Any]) -> None:
        count = self._tell.get(event["event"])
        if count is not None:
            count(event)


class _Queues(Collector):
    """Depths as they are when they are asked for."""

    def __init__(self, bus: Bus, wiring: Wiring) -> None:
        self._bus, self._wiring = bus, wiring

    def describe(self) -> Iterable[Metric]:
        """Nothing: else the registry would ask the engine at once."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Three gauges, with every queue that is wired; none of them when the engine is down."""
        try:
            stats = {each.queue: self._bus.stats(each.queue) for each in self._wiring.subscriptions()}
        except HeadraceError as problem:
            warn("queues_not_measured", reason=str(problem))
            stats = {}
        yield _gauge("headrace_queue_messages", "Messages that wait on a queue.", stats, lambda each: each.depth)
        yield _gauge("headrace_queue_in_flight_messages", "Messages in work.", stats, lambda each: each.in_flight)
        yield _gauge("headrace_queue_dead_letters", "Messages given up.", stats, lambda each: each.dead_letters)


def _gauge(
    name: str, meaning: str, stats: dict[str, QueueStats], value: Callable[[QueueStats], int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["queue"])
    for queue, found in stats.items():
        family.add_metric([queue], value(found))
    return family


def _listener(registry: CollectorRegistry) -> dict[str, Callable[[dict[str, Any]], None]]:
    """What each event counts."""
    records = Counter("headrace_records_received", "Records answered with 200.", ["signal"], registry=registry)
    spans = Counter("headrace_spans_received", "Spans that were stored in runs.", registry=registry)
    traces = Counter("headrace_traces_received", "Traces that stored spans were of, by message.", registry=registry)
    errors = Counter("headrace_ingestion_errors", "Messages and requests that failed.", ["event"], registry=registry)
    duration = Histogram(
        "headrace_ingestion_duration_seconds", "To store the spans of one event.", buckets=_SECONDS, registry=registry
    )
    batches = Counter("headrace_agent_requests", "Requests to agents.", ["verdict"], registry=registry)
    outputs = Counter("headrace_outputs_received", "Outputs of agents.", registry=registry)
    deliveries = Counter("headrace_sink_requests", "Requests to sinks.", ["verdict"], registry=registry)
    dead = Counter("headrace_dead_letters", "Messages that functions gave up.", registry=registry)

    def traced(event: dict[str, Any]) -> None:
        traces.inc(event["traces"])
        spans.inc(event["spans"])
        duration.observe(event["seconds"])

    def failed(event: dict[str, Any]) -> None:
        errors.labels(event["event"]).inc()

    return {
        "received": lambda event: records.labels(event["signal"]).inc(event["records"]),
        "traced": traced,
        "batch": lambda event: batches.labels(event["verdict"]).inc(),
        "output": lambda _: outputs.inc(),
        "delivery": lambda event: deliveries.labels(event["verdict"]).inc(),
        "dead_letter": lambda _: dead.inc(),
        **dict.fromkeys(("request_failed", "event_returned", "event_failed", "event_split", "message_failed"), failed),
    }
