"""Protobuf and JSON of one request are the same request, for everything that hypothesis can think of."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.ports.records import SIGNALS
from tests.unit.intake.wire.otlp_requests import as_otlp_json, from_json, from_protobuf, records
from tests.unit.intake.wire.otlp_signals import requests

thorough = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
names = st.text(st.sampled_from("abcXYZ_"), min_size=1, max_size=6).map(lambda name: f"x{name}")


@pytest.mark.parametrize("signal", SIGNALS)
def test_protobuf_and_json_give_the_same_records_and_refusals(signal):
    @thorough
    @given(requests[signal])
    def check(request):
        binary, text = from_protobuf(signal, request), from_json(signal, as_otlp_json(request))
        assert records(binary) == records(text)
        assert binary.refused == text.refused

    check()


@pytest.mark.parametrize("signal", SIGNALS)
def test_unknown_fields_at_every_level_change_nothing(signal):
    @thorough
    @given(requests[signal], names, st.none() | st.integers() | st.lists(st.text(max_size=2), max_size=2))
    def check(request, name, extra):
        tree = as_otlp_json(request)
        assert records(from_json(signal, _with_extra(tree, name, extra))) == records(from_json(signal, tree))

    check()


@pytest.mark.parametrize("signal", SIGNALS)
def test_numbers_may_be_written_as_text_and_ids_in_capitals(signal):
    @thorough
    @given(requests[signal])
    def check(request):
        tree = as_otlp_json(request)
        assert records(from_json(signal, _other_spelling(tree))) == records(from_json(signal, tree))

    check()


def _with_extra(tree, name, extra):
    if isinstance(tree, list):
        return [_with_extra(each, name, extra) for each in tree]
    if isinstance(tree, dict):
        return {name: extra, **{key: _with_extra(value, name, extra) for key, value in tree.items()}}
    return tree


def _other_spelling(tree):
    """64-bit integers, which the converter writes as text, as numbers; ids in capitals."""
    if isinstance(tree, list):
        return [_other_spelling(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: _spelt(name, value) for name, value in tree.items()}


def _spelt(name, value):
    if name in ("traceId", "spanId", "parentSpanId"):
        return value.upper()
    if isinstance(value, str) and (name.endswith("UnixNano") or name in ("intValue", "asInt", "count", "zeroCount")):
        return orjson.loads(value)
    return _other_spelling(value)
