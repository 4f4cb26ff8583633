from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidInput
from headrace.ports.items import project_pk
from headrace.ports.program import OUTPUT_TYPES, Program, Transform
from headrace.ports.records import SIGNALS
from headrace.ports.secrets import OldSecret
from headrace.route.domain.pipeline import Pipeline
from headrace.route.domain.sinks import Sink
from headrace.route.wire.items import decode_pipeline, decode_sink, encode_pipeline, encode_sink
from headrace.teams.wire.items import account_pk, email_pk, key_pk

texts = st.text(max_size=10)
expressions = st.none() | st.text(min_size=1, max_size=10)
old_secrets = st.lists(st.builds(OldSecret, texts, st.integers(0, 2**62)), max_size=3).map(tuple)
pipelines = st.builds(
    Pipeline,
    agent_endpoint=st.none() | texts,
    enabled=st.booleans(),
    signals=st.lists(st.sampled_from(SIGNALS), unique=True).map(tuple),
    program=st.builds(
        Program,
        expressions,
        st.lists(st.builds(Transform, texts, texts, st.sampled_from(OUTPUT_TYPES)), max_size=3).map(tuple),
    ),
    on_error=st.sampled_from(["drop", "forward", "dead_letter"]),
    batch_size=st.integers(1, 1000),
    batch_window=st.integers(0, 300_000).map(lambda ms: timedelta(milliseconds=ms)),
    timeout=st.integers(1000, 240_000).map(lambda ms: timedelta(milliseconds=ms)),
    max_concurrency=st.integers(1, 100),
    signing_secret=st.none() | texts,
    old_secrets=old_secrets,
)
sinks = st.builds(
    Sink,
    id=st.uuids().map(lambda each: each.hex),
    type=st.sampled_from(["webhook", "slack", "apprise"]),
    url=texts,
    name=texts,
    enabled=st.booleans(),
    filter=expressions,
    template=expressions,
    method=st.sampled_from(["POST", "PUT", "PATCH"]),
    headers=st.dictionaries(texts, texts, max_size=3),
    signing_secret=st.none() | texts,
    old_secrets=old_secrets,
    timeout=st.integers(1000, 60_000).map(lambda ms: timedelta(milliseconds=ms)),
)
WRONG = [None, 7, 1.5, "text", True, [], {}, b"bytes", [7]]


@given(pipelines)
def test_a_pipeline_survives_being_stored(pipeline):
    item = encode_pipeline("p", pipeline)
    assert (item["pk"], item["sk"]) == ("project#p", "pipeline")
    assert decode_pipeline(item) == pipeline


@given(sinks)
def test_a_sink_survives_being_stored(sink):
    item = encode_sink("p", sink)
    assert (item["pk"], item["sk"]) == ("project#p", f"sink#{sink.id}")
    assert decode_sink(item) == sink


def test_without_an_item_there_is_the_default_pipeline():
    assert decode_pipeline(None) == Pipeline()


PIPELINE = encode_pipeline("p", Pipeline(program=Program(None, (Transform("e", "n", "int"),))))
SINK = encode_sink("p", Sink("s", "webhook", "http://x/"))


def outcome(decode, item):
    """The name of the field that is called damaged; "" when the item can be read."""
    try:
        decode(item)
    except InvalidInput as damage:
        return damage.field if "project#p" in str(damage) else "an item without its place"
    return ""


@pytest.mark.parametrize("name", [name for name in PIPELINE if name not in ("pk", "sk")])
def test_a_damaged_pipeline_names_the_field(name):
    found = [outcome(decode_pipeline, {**PIPELINE, name: wrong}) for wrong in WRONG]
    assert set(found) <= {name, ""}
    assert found.count(name) >= 5
    missing = {key: value for key, value in PIPELINE.items() if key != name}
    assert outcome(decode_pipeline, missing) == (
        "" if name in ("agent_endpoint", "filter", "signing_secret", "old_secrets") else name
    )


@pytest.mark.parametrize("name", [name for name in SINK if name not in ("pk", "sk")])
def test_a_damaged_sink_names_the_field(name):
    found = [outcome(decode_sink, {**SINK, name: wrong}) for wrong in WRONG]
    assert set(found) <= {name, ""}
    assert found.count(name) >= 5


@pytest.mark.parametrize("name", ["expression", "output_name", "output_type"])
def test_a_damaged_transform_names_its_field(name):
    for wrong in (None, 7, [], True):
        transform = {**PIPELINE["transforms"][0], name: wrong}
        with pytest.raises(InvalidInput) as caught:
            decode_pipeline({**PIPELINE, "transforms": [transform]})
        assert caught.value.field == name


def test_an_email_address_is_one_whatever_its_case_and_surroundings():
    assert email_pk(" You@Example.COM ") == email_pk("you@example.com") == "email#you@example.com"


def test_kinds_of_things_never_share_a_partition():
    places = {project_pk("x"), key_pk("x"), account_pk("x"), email_pk("x")}
    assert len(places) == 4
