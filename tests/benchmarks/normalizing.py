"""Traces of agents, one core: flat spans normalized, encoded and assembled as runs. The recordings of the tests."""

from collections import defaultdict
from datetime import timedelta

import orjson

from headrace.entry.collector import look_less_often
from headrace.trace.domain.runs import assemble
from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions import normalize
from headrace.trace.wire.runs import encode_run
from tests.benchmarks.timing import best_seconds
from tests.unit.trace.wire.conventions.recordings import NAMES, text

_NOW = 10**19
_IDLE = timedelta(minutes=15)


def measure() -> dict[str, float]:
    """Spans per second and core, beside the parsing that nothing can do without."""
    look_less_often()  # as every door does
    lines = [line.encode() for name in NAMES for line in text(name).splitlines()]
    records = [orjson.loads(line) for line in lines]
    traces: dict[str, list[Span]] = defaultdict(list)
    for record in records:
        span = normalize(record)
        traces[span.trace_id].append(span)

    def put_together() -> None:
        for spans in traces.values():
            encode_run(assemble(spans, _NOW, _NOW, _IDLE))

    floor = best_seconds(lambda: [orjson.loads(line) for line in lines])
    normalized = best_seconds(lambda: orjson.dumps([normalize(record) for record in records]))
    assembled = best_seconds(put_together)
    spans = len(records)
    return {
        "traces: normalize and encode, spans/s (at least 40,000)": spans / normalized,
        "traces: assemble runs, spans/s": spans / assembled,
        "traces: normalize, encode and assemble, spans/s": spans / (normalized + assembled),
        "traces: orjson.loads of the same spans alone, spans/s": spans / floor,
        "traces: bytes of a flat span": sum(map(len, lines)) / spans,
    }
