"""Spans: whatever stands in a flat span, it becomes a span, and those of a trace a run, all of which can be stored."""

import json
from datetime import timedelta
from typing import Any

import orjson
from hypothesis import strategies as st

from headrace.errors import InvalidInput, TooLarge
from headrace.trace.domain.runs import assemble
from headrace.trace.wire.conventions import normalize
from headrace.trace.wire.conventions.choose import CONVENTIONS
from headrace.trace.wire.conventions.convention import FIELDS
from headrace.trace.wire.runs import encode_run, encode_spans
from tests.otlp_records import decode_request
from tests.unit.intake.wire.otlp_requests import RECEIVED

_IDLE = timedelta(minutes=5)
_MOST = 200
"""Spans of one input: assembling more takes long, and shows nothing else."""

_json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_KEYS = sorted({key for convention in CONVENTIONS for field in FIELDS for key in convention.keys(field)})
_texts_of_json = _json_values.map(json.dumps)
_attributes = st.dictionaries(st.sampled_from(_KEYS), _json_values | _texts_of_json, max_size=10)
_ids = st.sampled_from(["", "a", "b", "c", "d"])
_spans = st.fixed_dictionaries(
    {"spanId": _ids, "parentSpanId": _ids, "attributes": _attributes},
    optional={
        "traceId": st.just("t"),
        "name": st.text(max_size=10),
        "events": st.lists(_json_values, max_size=2),
        "status": st.fixed_dictionaries({"code": st.sampled_from(["OK", "ERROR"])}, optional={"message": _json_values}),
        "timestamp": _json_values,
        "durationNano": _json_values,
        "scope": st.fixed_dictionaries({"name": st.sampled_from([s.prefix for c in CONVENTIONS for s in c.scopes])}),
    },
)
inputs = st.lists(_spans | _json_values, min_size=1, max_size=6).map(lambda spans: json.dumps(spans).encode())
"""An array of flat spans; anything else is read as an OTLP request."""


def check(data: bytes) -> None:
    """None is too odd to be stored."""
    found = _flat_spans(data)[:_MOST]
    if not found:
        return
    spans = [normalize(record) for record in found]
    run = assemble(spans, RECEIVED, RECEIVED, _IDLE)
    assert orjson.dumps([encode_run(run), encode_spans(spans)])
    assert run.span_count >= 1
    read = [span for span, record in zip(spans, found, strict=True) if isinstance(record, dict)]
    assert not [each for span in read for each in span.oddities if each.startswith("could not be read")]


def _flat_spans(data: bytes) -> list[Any]:
    try:
        read = orjson.loads(data)
        return read if isinstance(read, list) else [read]
    except orjson.JSONDecodeError:
        pass
    try:
        flat = decode_request("traces", "protobuf", data, RECEIVED).records
    except (InvalidInput, TooLarge):
        return []
    return list(orjson.loads(orjson.dumps(flat)))
