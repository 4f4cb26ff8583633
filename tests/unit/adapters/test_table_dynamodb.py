"""The table on DynamoDB beyond its contract: numbers, expiry under rivals, transactions that collide, slow answers."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headrace.adapters.table_dynamodb import DynamoTable
from headrace.adapters.table_dynamodb.codec import decode_item, encode_item
from headrace.errors import Conflict, InvalidInput, TooLarge, Unavailable
from headrace.ports.table import ABSENT, PRESENT, Condition, Delete, Put, Range, Update
from tests.engines.aws_proxy import AwsProxy, hang_up, hang_up_after, refusal, reply
from tests.engines.ministack import make_table
from tests.fakes.clock import START_UNIX_NANO, FakeClock

NOW_S = START_UNIX_NANO // 10**9
connected = pytest.mark.connected


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table(clock, aws_proxy) -> Iterator[DynamoTable]:
    make_table("config")
    table = DynamoTable("config", clock)
    yield table
    table.close()


@pytest.fixture
def no_pauses(monkeypatch) -> None:
    """Retries of the adapter's own follow at once."""
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)


# --- values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept_as"),
    [
        (1, {"N": "1"}),
        (True, {"BOOL": True}),
        (1.0, {"SS": ["1.0"]}),
        (-0.0, {"SS": ["-0.0"]}),
        (1e22, {"SS": ["1e+22"]}),
        (1.5, {"N": "1.5"}),
        (1.5e-7, {"N": "1.5e-07"}),
        (0.1 + 0.2, {"N": "0.30000000000000004"}),
        ("", {"S": ""}),
        (b"", {"B": b""}),
        (None, {"NULL": True}),
        (({"a": [1]},), {"L": [{"M": {"a": {"L": [{"N": "1"}]}}}]}),
    ],
    ids=repr,
)
def test_each_kind_of_value_has_a_form_of_its_own(value, kept_as):
    attributes = encode_item({"value": value})
    assert attributes == {"value": kept_as}
    found = decode_item(attributes)["value"]
    assert (
        (str(found), type(found)) == (str(list(value)), list) if isinstance(value, tuple) else (str(value), type(value))
    )


@pytest.mark.parametrize(
    ("text", "number"), [("1E+2", 100), ("100.00", 100), ("1.50", 1.5), ("1E-7", 1e-7), ("9" * 38, int("9" * 38))]
)
def test_numbers_are_read_however_an_engine_writes_them(text, number):
    found = decode_item({"n": {"N": text}})["n"]
    assert (found, type(found)) == (number, type(number))


@connected
def test_a_condition_tells_a_whole_float_from_an_integer_in_what_is_stored(table):
    table.put({"pk": "p", "sk": "s", "f": 2.0})
    with pytest.raises(Conflict):
        table.delete("p", "s", Condition(equals={"f": 3.0}))
    table.delete("p", "s", Condition(equals={"f": 2.0}))


@connected
def test_nothing_is_added_to_a_float(table):
    table.put({"pk": "p", "sk": "s", "f": 2.0})
    with pytest.raises(InvalidInput) as refused:
        table.update(Update("p", "s", add={"f": 1}))
    assert refused.value.field == "f"


@connected
def test_a_counter_stops_at_38_digits_in_both_directions(table):
    most = 10**38 - 1
    table.put({"pk": "p", "sk": "s", "up": most, "down": -most})
    for change in ({"up": 1}, {"down": -1}):
        with pytest.raises(InvalidInput):
            table.update(Update("p", "s", add=change))
    assert table.get("p", "s") == {"pk": "p", "sk": "s", "up": most, "down": -most}


# --- expiry --------------------------------------------------------------------------------------------------


@connected
def test_of_many_who_count_on_an_expired_item_each_is_counted_and_nothing_old_is_left(table):
    table.put({"pk": "p", "sk": "s", "n": 100, "old": 1, "expires_at": NOW_S})
    barrier = threading.Barrier(8)

    def work(_: int) -> None:
        barrier.wait(10)
        table.update(Update("p", "s", add={"n": 1}, set={"expires_at": NOW_S + 9}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert table.get("p", "s") == {"pk": "p", "sk": "s", "n": 8, "expires_at": NOW_S + 9}


@connected
def test_of_many_who_put_in_place_of_an_expired_item_exactly_one_wins(table):
    table.put({"pk": "p", "sk": "s", "expires_at": NOW_S})

    def work(number: int) -> bool:
        try:
            table.put({"pk": "p", "sk": "s", "winner": number}, ABSENT)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(work, range(8)))
    assert won.count(True) == 1
    assert table.get("p", "s")["winner"] == won.index(True)


@connected
def test_an_update_on_an_expired_item_in_a_transaction_starts_anew(table):
    table.transact([Put({"pk": "p", "sk": sk, "n": 5, "expires_at": NOW_S}) for sk in "ab"])
    table.transact([Update("p", "a", add={"n": 1}), Put({"pk": "p", "sk": "b", "n": 2}, ABSENT)])
    assert table.query(Range("p")).items == [{"pk": "p", "sk": "a", "n": 1}, {"pk": "p", "sk": "b", "n": 2}]
    table.put({"pk": "p", "sk": "a", "n": 5, "expires_at": NOW_S})
    with pytest.raises(Conflict):
        table.transact([Update("p", "a", add={"n": 1}, condition=PRESENT), Delete("p", "b")])
    assert table.get("p", "b") is not None


@connected
def test_a_page_of_expired_items_is_empty_and_has_a_cursor(table):
    table.transact([Put({"pk": "p", "sk": f"{n:02}", "expires_at": NOW_S}) for n in range(20)])
    table.put({"pk": "p", "sk": "z"})
    page = table.query(Range("p"), limit=10)
    assert page.items == []
    found = []
    while page.next_cursor:
        page = table.query(Range("p"), limit=10, cursor=page.next_cursor)
        found += page.items
    assert found == [{"pk": "p", "sk": "z"}]


@connected
def test_a_cursor_from_outside_of_the_range_is_invalid_input(table):
    table.transact([Put({"pk": "p", "sk": sk}) for sk in "abc"])
    cursor = table.query(Range("p"), limit=1).next_cursor
    with pytest.raises(InvalidInput) as refused:
        table.query(Range("p", low="b"), cursor=cursor)
    assert refused.value.field == "cursor"


# --- trouble -------------------------------------------------------------------------------------------------

COLLISION = refusal(
    400, "TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}]
)
TWO = [Update("p", "a", add={"n": 1}), Put({"pk": "p", "sk": "b"})]


@connected
def test_transactions_that_collide_are_tried_again_until_done(table, aws_proxy: AwsProxy, no_pauses):
    aws_proxy.spoil("TransactWriteItems", COLLISION, times=9)
    table.transact(TWO)
    assert table.get("p", "a") == {"pk": "p", "sk": "a", "n": 1}
    aws_proxy.spoil("TransactWriteItems", COLLISION, times=10)
    with pytest.raises(Unavailable, match="too many writers"):
        table.transact(TWO)
    assert table.get("p", "a") == {"pk": "p", "sk": "a", "n": 1}


@connected
def test_a_write_that_meets_a_transaction_is_tried_again(table, aws_proxy: AwsProxy, no_pauses):
    for operation in ("UpdateItem", "PutItem", "DeleteItem"):
        aws_proxy.spoil(operation, refusal(400, "TransactionConflictException"), times=3)
    table.put({"pk": "p", "sk": "a"})
    assert table.update(Update("p", "a", add={"n": 1})) == {"pk": "p", "sk": "a", "n": 1}
    table.delete("p", "a")
    assert table.get("p", "a") is None


@connected
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingError", Unavailable),
        ("ProvisionedThroughputExceeded", Unavailable),
        ("ItemCollectionSizeLimitExceeded", Unavailable),
    ],
)
def test_what_else_cancels_a_transaction_is_unavailable_at_once(table, aws_proxy: AwsProxy, code, kind):
    reasons = [{"Code": "None"}, {"Code": code, "Message": "words"}]
    aws_proxy.spoil("TransactWriteItems", refusal(400, "TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(kind, match=code):
        table.transact(TWO)
    assert aws_proxy.calls.count("TransactWriteItems") == 1


@connected
def test_a_throttled_call_is_unavailable_for_a_while(table, aws_proxy: AwsProxy, no_pauses):
    throttled = refusal(400, "ProvisionedThroughputExceededException")
    calls = {
        "UpdateItem": lambda: table.update(Update("p", "s", add={"n": 1})),
        "Query": lambda: table.query(Range("p")),
    }
    for operation, call in calls.items():
        aws_proxy.spoil(operation, throttled, times=3)
        with pytest.raises(Unavailable, match="it throttles") as caught:
            call()
        assert caught.value.retry_after == timedelta(seconds=2)


@connected
def test_an_engine_that_hangs_up_is_unavailable_and_works_again_afterwards(table, aws_proxy: AwsProxy, no_pauses):
    aws_proxy.spoil("", hang_up, times=3)
    with pytest.raises(Unavailable):
        table.ping()
    table.ping()


@connected
def test_a_transaction_whose_answer_got_lost_is_not_done_twice(table, aws_proxy: AwsProxy, no_pauses):
    aws_proxy.spoil("TransactWriteItems", hang_up_after)
    table.transact([Update("p", "a", add={"n": 1}), Update("p", "b", add={"n": 1})])
    assert [item["n"] for item in table.query(Range("p")).items] == [1, 1]


@connected
def test_keys_that_are_left_unread_are_asked_for_again(table, aws_proxy: AwsProxy, no_pauses):
    table.transact([Put({"pk": "p", "sk": sk}) for sk in "ab"])
    left = {"config": {"Keys": [{"pk": {"S": "p"}, "sk": {"S": "b"}}], "ConsistentRead": True}}
    first = {"config": [{"pk": {"S": "p"}, "sk": {"S": "a"}}]}
    aws_proxy.spoil("BatchGetItem", reply(Responses=first, UnprocessedKeys=left))
    assert sorted(item["sk"] for item in table.batch_get([("p", "a"), ("p", "b")])) == ["a", "b"]
    aws_proxy.spoil("BatchGetItem", reply(Responses={}, UnprocessedKeys=left), times=10)
    with pytest.raises(Unavailable, match="1 of 1 keys"):
        table.batch_get([("p", "b")])


@connected
@pytest.mark.parametrize(
    ("message", "kind"),
    [("Item size has exceeded the maximum allowed size", TooLarge), ("Invalid UpdateExpression", InvalidInput)],
)
def test_what_only_dynamodb_finds_wrong_is_the_callers_fault_too(table, aws_proxy: AwsProxy, message, kind):
    aws_proxy.spoil("UpdateItem", refusal(400, "ValidationException", message))
    with pytest.raises(kind):
        table.update(Update("p", "s", set={"a": 1}))


@connected
def test_a_table_that_does_not_exist_is_unavailable(table, clock):
    missing = DynamoTable("missing", clock)
    with pytest.raises(Unavailable, match="does not exist"):
        missing.ping()
    missing.close()
