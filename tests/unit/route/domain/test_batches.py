from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.route.domain.batches import MAX_BATCH_BYTES, cut

groups = st.lists(
    st.tuples(st.uuids().map(str), st.lists(st.fixed_dictionaries({"n": st.integers(0, 3)}), max_size=12)),
    max_size=6,
    unique_by=lambda group: group[0],
)


def batches(kept, size=10):
    return list(cut(kept, size, orjson.dumps))


def records(number, start=0):
    return [{"n": index} for index in range(start, start + number)]


@given(groups, st.integers(1, 15))
def test_every_record_is_in_one_batch_in_its_order_and_no_batch_is_over_the_size(kept, size):
    found = batches(kept, size)
    assert [record for batch in found for record in orjson.loads(batch.body)] == [r for _, rs in kept for r in rs]
    assert all(1 <= batch.records == len(orjson.loads(batch.body)) <= size for batch in found)
    assert all(batch.records == size for batch in found[:-1])


@given(groups, st.integers(1, 15))
def test_a_batch_names_exactly_the_messages_that_it_was_made_from(kept, size):
    left = [(source, record) for source, rs in kept for record in rs]
    for batch in batches(kept, size):
        mine, left = left[: batch.records], left[batch.records :]
        assert batch.sources == {source for source, _ in mine}
    assert left == []


@given(groups, st.integers(1, 15))
def test_ids_are_uuids_the_same_again_and_never_shared(kept, size):
    ids = [batch.request_id for batch in batches(kept, size)]
    assert ids == [batch.request_id for batch in batches(kept, size)]
    assert len(set(ids)) == len(ids)
    assert all(str(UUID(each)) == each for each in ids)


def test_no_records_make_no_batch():
    assert batches([]) == batches([("m", [])]) == []


def test_a_fresh_batch_has_no_attempts_behind_it():
    assert [batch.attempts for batch in batches([("m", records(25))])] == [0, 0, 0]


@pytest.mark.parametrize(
    "other",
    [
        [("m1", records(2)), ("m9", records(2)), ("m3", records(2))],  # another message in the middle
        [("m1", records(2)), ("m2", records(2, start=5)), ("m3", records(2))],  # other records, as after a new filter
        [("m1", records(2)), ("m2", records(1)), ("m3", records(2))],
        [("m1", records(3)), ("m2", records(1)), ("m3", records(2))],
    ],
)
def test_what_is_not_the_same_batch_does_not_get_the_same_id(other):
    (first,) = batches([("m1", records(2)), ("m2", records(2)), ("m3", records(2))])
    (second,) = batches(other)
    assert first.request_id != second.request_id


def test_equal_records_of_two_messages_are_two_batches():
    first, second = batches([("m1", records(1)), ("m2", records(1))], size=1)
    assert first.body == second.body
    assert first.request_id != second.request_id


def test_equal_records_of_one_message_are_two_batches():
    first, second = batches([("m1", [{"n": 1}, {"n": 1}])], size=1)
    assert first.request_id != second.request_id


def test_large_records_end_a_batch_before_its_size():
    found = batches([("m", [{"n": "x" * 100_000} for _ in range(20)])], size=1000)
    assert sum(batch.records for batch in found) == 20
    assert all(len(batch.body) <= MAX_BATCH_BYTES for batch in found)
    assert len({batch.request_id for batch in found}) == len(found) <= 4


def test_a_batch_that_is_just_at_the_limit_stays_whole():
    empty = len(orjson.dumps([{"n": ""}, {"n": ""}]))
    fits = [{"n": "x" * (MAX_BATCH_BYTES - empty)}, {"n": ""}]
    over = [{"n": "x" * (MAX_BATCH_BYTES - empty + 1)}, {"n": ""}]
    assert [len(batches([("m", each)])) for each in (fits, over)] == [1, 2]


def test_one_record_over_the_limit_is_a_batch_of_its_own():
    found = batches([("m", [{"n": 1}, {"n": "x" * MAX_BATCH_BYTES}, {"n": 2}])])
    assert [batch.records for batch in found] in ([1, 1, 1], [1, 2], [2, 1])
    assert max(len(batch.body) for batch in found) > MAX_BATCH_BYTES
