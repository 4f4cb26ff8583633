"""What every Table does, written once. An adapter's test class inherits TableContract and gives `table`:

class TestMyTable(TableContract):
    @pytest.fixture
    def table(self, clock): ...

The suite asks only for what DynamoDB can do: a page may be shorter than its limit, and among equal sort keys
of the index any order will do. It is longer than other modules so that the contract can be read in one place.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.errors import Conflict, HeadraceError, InvalidInput, TooLarge
from headrace.ports.table import ABSENT, PRESENT, Condition, Delete, Item, Put, Range, Table, Update
from headrace.ports.table_rules import MAX_ADDED

THREADS = 16
NOW_S = 1_700_000_000
_partitions = itertools.count()

# Code points on both sides of the surrogates, the last one, and what SQL's LIKE would take for a wildcard.
AWKWARD = "a%_\\'\"é\ud7ff\ue000￿\U00010000\U0010ffff\x01"
sort_keys = st.text(st.sampled_from(AWKWARD), min_size=1, max_size=4)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**38) + 1, 10**38 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda number: number == 0 or abs(number) > 1e-9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
many = settings(
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class StoppedClock:
    """A clock that stands still until `seconds` is changed."""

    def __init__(self) -> None:
        self.seconds = NOW_S

    def now_unix_nano(self) -> int:
        return self.seconds * 1_000_000_000


def item(sk: str = "s", pk: str = "p", **attributes: Any) -> Item:
    return {"pk": pk, "sk": sk, **attributes}


def pages(table: Table, range_: Range, **how: Any) -> Iterator[list[Item]]:
    page = table.query(range_, **how)
    yield page.items
    while page.next_cursor is not None:
        page = table.query(range_, cursor=page.next_cursor, **how)
        yield page.items


def everything(table: Table, range_: Range, **how: Any) -> list[Item]:
    return list(itertools.chain.from_iterable(pages(table, range_, **how)))


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """What `work` returned, or the HeadraceError that it raised, in THREADS threads that start together."""
    barrier = threading.Barrier(THREADS)

    def start(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except HeadraceError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(THREADS)))


def store(table: Table, items: Sequence[Item]) -> None:
    for start in range(0, len(items), 100):
        table.transact([Put(one) for one in items[start : start + 100]])


class TableContract:
    @pytest.fixture
    def clock(self) -> StoppedClock:
        return StoppedClock()

    @pytest.fixture
    def table(self, clock: StoppedClock) -> Any:
        raise NotImplementedError("give a fresh table that uses this clock")

    # Items

    def test_an_item_comes_back_as_it_was_put(self, table: Table) -> None:
        table.put(item(gsi_pk="g", gsi_sk="h", expires_at=NOW_S + 1, name="é\0", nothing=None))
        assert table.get("p", "s") == item(gsi_pk="g", gsi_sk="h", expires_at=NOW_S + 1, name="é\0", nothing=None)

    def test_what_was_never_put_is_none(self, table: Table) -> None:
        table.put(item())
        assert table.get("p", "other") is None
        assert table.get("other", "s") is None

    def test_put_replaces_the_whole_item(self, table: Table) -> None:
        table.put(item(old=1, gsi_pk="g", gsi_sk="h", expires_at=NOW_S + 1))
        table.put(item(new=2))
        assert table.get("p", "s") == item(new=2)
        assert everything(table, Range("g"), index=True) == []

    @pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**38 - 1, -(10**38) + 1, 2**53 + 1])
    def test_an_integer_of_up_to_38_digits_stays_exact_at_any_depth(self, table: Table, number: int) -> None:
        table.put(item(number=number, deep=[{"number": number}]))
        found = table.get("p", "s")
        assert found == item(number=number, deep=[{"number": number}])
        assert type(found["number"]) is type(found["deep"][0]["number"]) is int

    def test_bytes_at_the_top_level_come_back_as_bytes(self, table: Table) -> None:
        table.put(item(raw=bytes(range(256)), empty=b""))
        assert table.get("p", "s") == item(raw=bytes(range(256)), empty=b"")

    @many
    @given(value=json_values, raw=st.binary(max_size=20))
    @example(value={"$bytes": "AA=="}, raw=b"")
    @example(value={"$plain": {"$bytes": 1}}, raw=b"")
    def test_any_json_value_comes_back_equal(self, table: Table, value: Any, raw: bytes) -> None:
        table.put(item(value=value, raw=raw))
        found = table.get("p", "s")
        assert found == item(value=value, raw=raw)
        assert str(found["value"]) == str(value)  # where 1 is not True

    def test_a_returned_item_is_the_callers_own(self, table: Table) -> None:
        mine = item(list=[1], gsi_pk="g", gsi_sk="h")
        table.put(mine)
        added = [2]
        updated = table.update(Update("p", "s", set={"more": added}))
        read = table.get("p", "s")
        (listed,) = table.query(Range("p")).items
        (batched,) = table.batch_get([("p", "s")])
        for one in (mine, updated, read, listed, batched):
            one["list"].append("changed")
        added.append(3)
        assert table.get("p", "s") == item(list=[1], more=[2], gsi_pk="g", gsi_sk="h")

    def test_batch_get_returns_each_existing_item_once(self, table: Table) -> None:
        store(table, [item(sk, pk) for pk in "pq" for sk in "abc"])
        found = table.batch_get([("p", "a"), ("q", "b"), ("q", "z"), ("p", "a"), ("z", "a")])
        assert sorted((one["pk"], one["sk"]) for one in found) == [("p", "a"), ("q", "b")]
        assert table.batch_get([]) == []

    def test_batch_get_takes_100_keys_and_refuses_101(self, table: Table) -> None:
        keys = [("p", f"{number:03}") for number in range(101)]
        store(table, [item(sk) for _, sk in keys])
        assert len(table.batch_get(keys[:100])) == 100
        with pytest.raises(InvalidInput):
            table.batch_get(keys)

    @pytest.mark.parametrize("bad", ["", None, 1, b"p", "a\0b", "\ud800", "é" * 257])
    @pytest.mark.parametrize("field", ["pk", "sk"])
    def test_what_cannot_be_a_key_is_refused_by_the_name_of_its_field(self, table: Table, field: str, bad: Any) -> None:
        keys = {"pk": "p", "sk": "s"} | {field: bad}
        calls: list[Callable[[], Any]] = [
            lambda: table.get(**keys),
            lambda: table.batch_get([(keys["pk"], keys["sk"])]),
            lambda: table.put(keys),
            lambda: table.update(Update(**keys)),
            lambda: table.delete(**keys),
            lambda: table.transact([Delete(**keys)]),
        ]
        for call in calls:
            with pytest.raises(InvalidInput) as refused:
                call()
            assert refused.value.field == field

    @pytest.mark.parametrize(
        ("field", "bad"),
        [
            *(("gsi_pk", key) for key in ("", None, 1)),
            *(("gsi_sk", key) for key in ("", None, 1)),
            *(("expires_at", time) for time in (1.5, "1", True, -1, 2**63, None)),
            *(("a", number) for number in (float("nan"), float("inf"), 1e300, 10**38)),
            *(("a", value) for value in ({1, 2}, object(), "\ud800")),
        ],
    )
    def test_what_an_item_cannot_hold_is_refused_by_name_and_nothing_is_written(
        self, table: Table, field: str, bad: Any
    ) -> None:
        table.put(item(kept=1))
        for call in (
            lambda: table.put(item(**{field: bad})),
            lambda: table.update(Update("p", "s", set={field: bad})),
        ):
            with pytest.raises(InvalidInput) as refused:
                call()
            assert refused.value.field == field
        assert table.get("p", "s") == item(kept=1)

    def test_bytes_below_the_top_level_are_refused(self, table: Table) -> None:
        with pytest.raises(InvalidInput) as refused:
            table.put(item(list=[{"raw": b""}]))
        assert refused.value.field == "list.0.raw"

    def test_nesting_is_kept_to_32_levels_the_innermost_value_included_and_refused_beyond(self, table: Table) -> None:
        def nested(levels: int) -> Any:
            return [nested(levels - 1)] if levels else 1

        table.put(item(deep=nested(31)))
        assert table.get("p", "s") == item(deep=nested(31))
        with pytest.raises(InvalidInput):
            table.put(item(deep=nested(32)))

    @pytest.mark.parametrize("filling", ["x", "é", "\n", b"\xff"])
    def test_an_item_of_400_kb_fits_and_a_larger_one_is_too_large(self, table: Table, filling: Any) -> None:
        length = 400 * 1024 // len(filling if isinstance(filling, bytes) else filling.encode())
        table.put(item(data=filling * (length - 20)))
        assert table.get("p", "s") == item(data=filling * (length - 20))
        with pytest.raises(TooLarge) as refused:
            table.put(item(data=filling * length))
        assert refused.value.limit_bytes == 400 * 1024
        with pytest.raises(TooLarge):
            table.update(Update("p", "s", set={"more": "x" * 100}))

    # Conditions, update, delete

    @pytest.mark.parametrize(
        ("condition", "holds_for_none", "holds_for_stored"),
        [
            (Condition(), True, True),
            (ABSENT, True, False),
            (PRESENT, False, True),
            (Condition(equals={"a": 1}), False, True),
            (Condition(equals={"a": 2}), False, False),
            (Condition(equals={"a": True}), False, False),
            (Condition(equals={"a": "1"}), False, False),
            (Condition(equals={"a": None}), True, False),
            (Condition(equals={"other": None}), True, True),
            (Condition(equals={"null": None}), True, True),
            (Condition(exists=True, equals={"a": 1, "other": None}), False, True),
            (Condition(equals={"a": 1, "raw": b"\0"}), False, True),
            (Condition(equals={"deep": {"y": [1, False], "x": 1}}), False, True),
            (Condition(equals={"deep": {"y": [1, 0], "x": 1}}), False, False),
            (Condition(equals={"sk": "s", "gsi_pk": "g"}), False, True),
        ],
    )
    @pytest.mark.parametrize("kind", ["put", "update", "delete", "transact"])
    def test_a_write_happens_if_and_only_if_its_condition_holds(
        self, table: Table, kind: str, condition: Condition, holds_for_none: bool, holds_for_stored: bool
    ) -> None:
        stored = {"a": 1, "raw": b"\0", "null": None, "deep": {"x": 1, "y": [1, False]}}
        table.put(item("s", gsi_pk="g", gsi_sk="h", **stored))
        for sk, holds in (("s", holds_for_stored), ("none", holds_for_none)):
            before = table.get("p", sk)
            write: dict[str, Callable[[], Any]] = {
                "put": lambda sk=sk: table.put(item(sk, new=1), condition),
                "update": lambda sk=sk: table.update(Update("p", sk, set={"new": 1}, condition=condition)),
                "delete": lambda sk=sk: table.delete("p", sk, condition),
                "transact": lambda sk=sk: table.transact([Put(item(sk, new=1), condition)]),
            }
            if holds:
                write[kind]()
                assert (table.get("p", sk) or {}).get("new") == (None if kind == "delete" else 1)
            else:
                with pytest.raises(Conflict):
                    write[kind]()
                assert table.get("p", sk) == before

    def test_an_update_sets_adds_removes_and_returns_the_whole_item(self, table: Table) -> None:
        table.put(item(kept=1, count=2**63, gone=1))
        change = Update("p", "s", set={"new": [1]}, add={"count": 2**63, "fresh": -3}, remove=["gone", "none"])
        after = item(kept=1, count=2**64, new=[1], fresh=-3)
        assert table.update(change) == after
        assert table.get("p", "s") == after

    def test_an_update_adds_to_as_many_attributes_as_it_may_and_no_more(self, table: Table) -> None:
        added = {f"bucket_{number}": 1 for number in range(MAX_ADDED)}
        table.transact([Update("p", sk, set={"name": "x"}, add=added) for sk in ("s", "t")])
        assert table.update(Update("p", "s", add=added)) == item(name="x", **dict.fromkeys(added, 2))
        with pytest.raises(InvalidInput):
            table.update(Update("p", "s", add=added | {"more": 1}))

    def test_an_update_of_nothing_starts_an_item(self, table: Table) -> None:
        assert table.update(Update("p", "s", add={"count": 1})) == item(count=1)
        assert table.update(Update("p", "empty")) == item("empty")
        assert table.get("p", "empty") == item("empty")

    def test_an_update_moves_an_item_in_the_index_and_out_of_it(self, table: Table) -> None:
        table.put(item(gsi_pk="g", gsi_sk="old"))
        table.update(Update("p", "s", set={"gsi_sk": "new"}))
        assert everything(table, Range("g"), index=True) == [item(gsi_pk="g", gsi_sk="new")]
        table.update(Update("p", "s", remove=["gsi_sk"]))
        assert everything(table, Range("g"), index=True) == []
        assert table.get("p", "s") == item(gsi_pk="g")

    @pytest.mark.parametrize(
        "change",
        [
            {"set": {"pk": "q"}},
            {"remove": ["sk"]},
            {"add": {"pk": 1}},
            {"set": {"a": 1}, "add": {"a": 1}},
            {"set": {"a": 1}, "remove": ["a"]},
            {"add": {"a": 1.5}},
            {"add": {"a": True}},
            {"add": {"text": 1}},
            {"add": {"flag": 1}},
            {"add": {"big": 1}},
            {"set": {"": 1}},
        ],
    )
    def test_an_update_that_makes_no_sense_is_refused_and_changes_nothing(
        self, table: Table, change: dict[str, Any]
    ) -> None:
        before = item(text="x", flag=True, big=10**38 - 1)
        table.put(before)
        with pytest.raises(InvalidInput):
            table.update(Update("p", "s", **change))
        assert table.get("p", "s") == before

    def test_delete_removes_the_item_and_may_be_repeated(self, table: Table) -> None:
        table.put(item(gsi_pk="g", gsi_sk="h"))
        table.delete("p", "s")
        table.delete("p", "s")
        assert table.get("p", "s") is None
        assert everything(table, Range("g"), index=True) == []

    # Many at once

    def test_counters_lose_nothing_when_many_threads_add(self, table: Table) -> None:
        def work(number: int) -> None:
            for _ in range(10):
                table.update(Update("p", "s", add={"all": 1, f"of_{number}": 2}))

        assert at_once(work) == [None] * THREADS
        assert table.get("p", "s") == item(all=THREADS * 10, **{f"of_{n}": 20 for n in range(THREADS)})

    def test_of_many_conditional_puts_exactly_one_wins(self, table: Table) -> None:
        for sk in ("a", "b", "c"):
            results = at_once(lambda number, sk=sk: table.put(item(sk, winner=number), ABSENT))
            (winner,) = (number for number, result in enumerate(results) if result is None)
            assert sum(isinstance(result, Conflict) for result in results) == THREADS - 1
            assert table.get("p", sk) == item(sk, winner=winner)

    def test_transactions_of_many_threads_on_the_same_items_are_all_done(self, table: Table) -> None:
        def work(number: int) -> None:
            for _ in range(5):
                order = [Update("p", "a", add={"n": 1}), Update("p", "b", add={"n": -1})]
                table.transact(order if number % 2 else order[::-1])

        assert at_once(work) == [None] * THREADS
        assert everything(table, Range("p")) == [item("a", n=THREADS * 5), item("b", n=-THREADS * 5)]

    def test_a_change_that_checks_what_it_read_is_never_made_twice(self, table: Table) -> None:
        table.put(item(version=0))

        def work(_: int) -> int:
            won = 0
            for version in range(5):
                condition = Condition(equals={"version": version})
                try:
                    table.update(Update("p", "s", set={"version": version + 1}, condition=condition))
                    won += 1
                except Conflict:
                    pass
            return won

        assert sum(at_once(work)) == table.get("p", "s")["version"]

    # Transactions

    def test_a_transaction_does_all_its_writes(self, table: Table) -> None:
        store(table, [item("gone"), item("counted", n=1)])
        table.transact([
            Put(item("new"), ABSENT),
            Update("p", "counted", add={"n": 1}),
            Delete("p", "gone", PRESENT),
        ])  # fmt: skip
        assert everything(table, Range("p")) == [item("counted", n=2), item("new")]
        table.transact([])

    @pytest.mark.parametrize(
        ("last", "error"),
        [
            (Put(item("kept"), ABSENT), Conflict),
            (Delete("p", "none", PRESENT), Conflict),
            (Update("p", "kept", add={"text": 1}), InvalidInput),
            (Update("p", "kept", set={"data": "x" * 410_000}), TooLarge),
            (Put(item("z", data={1})), InvalidInput),
        ],
    )
    def test_a_transaction_whose_last_write_fails_does_nothing(
        self, table: Table, last: Any, error: type[HeadraceError]
    ) -> None:
        before = [item("counted", n=1), item("gone"), item("kept", text="x")]
        store(table, before)
        writes = [Put(item("new")), Update("p", "counted", add={"n": 1}), Delete("p", "gone"), last]
        with pytest.raises(error):
            table.transact(writes)
        assert everything(table, Range("p")) == before

    def test_a_transaction_takes_100_writes_and_refuses_101(self, table: Table) -> None:
        writes = [Put(item(f"{number:03}")) for number in range(101)]
        table.transact(writes[:100])
        assert len(everything(table, Range("p"))) == 100
        with pytest.raises(InvalidInput):
            table.transact(writes)
        assert table.get("p", "100") is None

    def test_a_transaction_refuses_two_writes_on_one_item(self, table: Table) -> None:
        with pytest.raises(InvalidInput):
            table.transact([Put(item()), Put(item("other")), Update("p", "s", add={"n": 1})])
        assert everything(table, Range("p")) == []

    def test_a_transaction_of_more_than_4_mib_is_too_large(self, table: Table) -> None:
        with pytest.raises(TooLarge):
            table.transact([Put(item(str(number), data="x" * 400_000)) for number in range(11)])
        assert everything(table, Range("p")) == []

    # Queries

    def test_a_query_without_bounds_returns_the_partition_and_nothing_else(self, table: Table) -> None:
        store(table, [item(sk, pk) for pk in ("p", "p2", "P", "o") for sk in "ba"])
        assert table.query(Range("p")).items == [item("a"), item("b")]
        assert table.query(Range("p"), descending=True).items == [item("b"), item("a")]
        assert table.query(Range("none")).items == []
        assert table.query(Range("none")).next_cursor is None

    def test_bounds_are_both_included(self, table: Table) -> None:
        store(table, [item(sk) for sk in "abcde"])
        assert [one["sk"] for one in table.query(Range("p", low="b", high="d")).items] == ["b", "c", "d"]
        assert [one["sk"] for one in table.query(Range("p", low="d")).items] == ["d", "e"]
        assert [one["sk"] for one in table.query(Range("p", high="b")).items] == ["a", "b"]
        assert table.query(Range("p", low="d", high="b")).items == []

    @pytest.mark.parametrize(
        "field_and_range",
        [
            ("pk", Range("")),
            ("prefix", Range("p", prefix=1)),  # type: ignore[arg-type]
            ("low", Range("p", low="\ud800")),
            ("prefix", Range("p", prefix="a", low="b")),
        ],
    )
    def test_a_range_that_makes_no_sense_is_refused(self, table: Table, field_and_range: Any) -> None:
        with pytest.raises(InvalidInput) as refused:
            table.query(field_and_range[1])
        assert refused.value.field == field_and_range[0]

    @many
    @given(keys=st.sets(sort_keys, max_size=25), prefix=sort_keys)
    @example(keys={"a%", "a%b", "ab", "a_", "a"}, prefix="a%")
    @example(keys={"\U0010ffff", "\U0010ffffa", "\uffff"}, prefix="\U0010ffff")
    @example(keys={"a\U0010ffff", "a\U0010ffffz", "b", "a"}, prefix="a\U0010ffff")
    @example(keys={"\ud7ff", "\ud7ffa", "\ue000"}, prefix="\ud7ff")
    def test_a_prefix_finds_just_the_keys_that_begin_with_it_in_order_of_their_bytes(
        self, table: Table, keys: set[str], prefix: str
    ) -> None:
        pk = f"prefix{next(_partitions)}"
        store(table, [item(sk, pk) for sk in keys])
        found = [one["sk"] for one in everything(table, Range(pk, prefix=prefix))]
        assert found == sorted((sk for sk in keys if sk.startswith(prefix)), key=str.encode)

    @many
    @given(
        keys=st.sets(sort_keys, max_size=25),
        low=st.none() | sort_keys,
        high=st.none() | sort_keys,
        limit=st.integers(1, 30),
        descending=st.booleans(),
    )
    def test_pages_put_together_are_the_sorted_items(
        self, table: Table, keys: set[str], low: str | None, high: str | None, limit: int, descending: bool
    ) -> None:
        pk = f"pages{next(_partitions)}"
        store(table, [item(sk, pk) for sk in keys])
        read = list(pages(table, Range(pk, low=low, high=high), limit=limit, descending=descending))
        assert all(len(page) <= limit for page in read)
        wanted = [
            sk
            for sk in sorted(keys, key=str.encode, reverse=descending)
            if (low is None or low.encode() <= sk.encode()) and (high is None or sk.encode() <= high.encode())
        ]
        assert [one["sk"] for page in read for one in page] == wanted

    @many
    @given(
        places=st.dictionaries(sort_keys, st.text(st.sampled_from(AWKWARD), min_size=1, max_size=2), max_size=25),
        prefix=st.just("") | st.sampled_from(AWKWARD),
        limit=st.integers(1, 30),
        descending=st.booleans(),
    )
    def test_pages_of_the_index_put_together_are_its_items_in_order(
        self, table: Table, places: dict[str, str], prefix: str, limit: int, descending: bool
    ) -> None:
        number = next(_partitions)
        items = [item(sk, f"i{number}", gsi_pk=f"g{number}", gsi_sk=place) for sk, place in places.items()]
        store(table, items)
        how: dict[str, Any] = {"limit": limit, "descending": descending, "index": True}
        read = list(pages(table, Range(f"g{number}", prefix=prefix), **how))
        assert all(len(page) <= limit for page in read)
        found = [one for page in read for one in page]
        wanted = [one for one in items if one["gsi_sk"].startswith(prefix)]
        assert sorted(found, key=lambda one: one["sk"]) == sorted(wanted, key=lambda one: one["sk"])
        order = [one["gsi_sk"].encode() for one in found]
        assert order == sorted(order, reverse=descending)

    def test_the_index_lists_only_items_that_have_both_of_its_keys(self, table: Table) -> None:
        store(
            table,
            [item("a", gsi_pk="g", gsi_sk="h"), item("b", gsi_pk="g"), item("c", gsi_sk="h"), item("d")],
        )
        assert everything(table, Range("g"), index=True) == [item("a", gsi_pk="g", gsi_sk="h")]
        assert len(everything(table, Range("p"))) == 4

    def test_a_cursor_survives_what_happens_to_its_item(self, table: Table) -> None:
        store(table, [item(sk) for sk in "abcd"])
        page = table.query(Range("p"), limit=2)
        table.delete("p", "b")
        table.put(item("bb"))
        assert [one["sk"] for one in table.query(Range("p"), cursor=page.next_cursor).items] == [
            "bb",
            "c",
            "d",
        ]

    @many
    @given(cursor=st.text(max_size=40) | st.sampled_from(["bnVsbA", "W10", "WzFd", "e30", "W251bGwsbnVsbF0"]))
    @example(cursor="")
    @example(cursor="WyJwIiwgIlx1ZDgwMCJd")  # ["p", half of a surrogate pair]
    @example(cursor="W1tb" * 5000)
    def test_a_cursor_that_is_not_ours_is_refused(self, table: Table, cursor: str) -> None:
        for index in (False, True):
            with pytest.raises(InvalidInput) as refused:
                table.query(Range("p"), cursor=cursor, index=index)
            assert refused.value.field == "cursor"

    def test_a_cursor_of_another_query_is_refused(self, table: Table) -> None:
        store(table, [item(sk, gsi_pk="p", gsi_sk=sk) for sk in "abc"])
        cursor = table.query(Range("p"), limit=1).next_cursor
        of_index = table.query(Range("p"), limit=1, index=True).next_cursor
        for wrong in ({"cursor": cursor, "index": True}, {"cursor": of_index}):
            with pytest.raises(InvalidInput):
                table.query(Range("p"), **wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput):
            table.query(Range("q"), cursor=cursor)

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_a_limit_outside_1_to_1000_is_refused(self, table: Table, limit: int) -> None:
        with pytest.raises(InvalidInput) as refused:
            table.query(Range("p"), limit=limit)
        assert refused.value.field == "limit"

    # Time

    def test_an_item_is_there_until_its_expiry_and_never_after(self, table: Table, clock: StoppedClock) -> None:
        store(table, [item(gsi_pk="g", gsi_sk="h", expires_at=NOW_S + 10), item("t")])
        clock.seconds = NOW_S + 9
        assert table.get("p", "s") is not None
        clock.seconds = NOW_S + 10
        assert table.get("p", "s") is None
        assert table.batch_get([("p", "s"), ("p", "t")]) == [item("t")]
        assert everything(table, Range("p")) == [item("t")]
        assert everything(table, Range("g"), index=True) == []

    def test_expired_items_take_no_place_in_a_page(self, table: Table) -> None:
        store(table, [item(f"{n:02}", **({} if n % 3 else {"expires_at": NOW_S})) for n in range(30)])
        found = everything(table, Range("p"), limit=4)
        assert [one["sk"] for one in found] == [f"{n:02}" for n in range(30) if n % 3]

    def test_for_a_write_an_expired_item_is_as_good_as_none(self, table: Table) -> None:
        store(table, [item(sk, n=5, expires_at=NOW_S) for sk in "abcd"])
        table.put(item("a", new=1), ABSENT)
        assert table.get("p", "a") == item("a", new=1)
        assert table.update(Update("p", "b", add={"n": 1})) == item("b", n=1)
        for condition in (PRESENT, Condition(equals={"n": 5})):
            with pytest.raises(Conflict):
                table.delete("p", "c", condition)
        table.transact([Update("p", "d", add={"n": 1}, condition=ABSENT)])
        assert table.get("p", "d") == item("d", n=1)

    def test_an_expiry_can_be_prolonged_and_taken_away(self, table: Table, clock: StoppedClock) -> None:
        store(table, [item(sk, expires_at=NOW_S + 1) for sk in "ab"])
        table.update(Update("p", "a", set={"expires_at": NOW_S + 100}))
        table.update(Update("p", "b", remove=["expires_at"]))
        clock.seconds += 50
        assert everything(table, Range("p")) == [item("a", expires_at=NOW_S + 100), item("b")]

    def test_ping_returns_when_the_engine_answers(self, table: Table) -> None:
        table.ping()
