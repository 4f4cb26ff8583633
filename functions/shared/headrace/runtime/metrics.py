"""`GET /metrics`: Prometheus text, made from the events of this process and the depths of the queues.

Counters begin at 0 with each process: they are for rates, and what is exact for ever is in `status`. Names and labels
follow https://prometheus.io/docs/practices/naming/. No label holds what a stranger chose but project ids in queues.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from headrace import events
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
        self._unlisten: Callable[[], None] | None = listen(_Counters(self._registry).count)

    def close(self) -> None:
        """Count no more. May be repeated."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def encode(self) -> bytes:
        """Everything as Prometheus text. Asks the bus, so it may wait; call it on a thread."""
        return generate_latest(self._registry)


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
            warn(events.QueuesNotMeasured(reason=str(problem)))
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


class _Counters:
    """What each event counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(name, meaning, labels, registry=registry)

        self._records = counter("headrace_records_received", "Records answered with 200.", "signal")
        self._spans = counter("headrace_spans_received", "Spans that were stored in runs.")
        self._traces = counter("headrace_traces_received", "Traces that stored spans were of, by message.")
        self._errors = counter("headrace_ingestion_errors", "Messages and requests that failed.", "event")
        self._duration = Histogram(
            "headrace_ingestion_duration_seconds",
            "To store the spans of one event.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = counter("headrace_agent_requests", "Requests to agents.", "verdict")
        self._outputs = counter("headrace_outputs_received", "Outputs of agents.")
        self._deliveries = counter("headrace_sink_requests", "Requests to sinks.", "verdict")
        self._dead = counter("headrace_dead_letters", "Messages that functions gave up.")

    def count(self, told: events.Told) -> None:
        match event := events.decode(told):
            case events.Received():
                self._records.labels(event.signal).inc(event.records)
            case events.Traced():
                self._traces.inc(event.traces)
                self._spans.inc(event.spans)
                self._duration.observe(event.seconds)
            case events.Batch():
                self._batches.labels(event.verdict).inc()
            case events.Output():
                self._outputs.inc()
            case events.Sink():
                self._deliveries.labels(event.verdict).inc()
            case events.DeadLetter():
                self._dead.inc()
            case (
                events.RequestFailed()
                | events.EventReturned()
                | events.EventFailed()
                | events.EventSplit()
                | events.MessageFailed()
            ):
                self._errors.labels(event.NAME).inc()
