"""Rollups: counted once, merged in any order, quantiles within 1 %."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.trace.domain.rollups import (
    RELATIVE_ERROR,
    Observation,
    Rollup,
    Series,
    bucket_of,
    operation_name,
    quantile_ms,
    roll_up,
)

MINUTE_NS = 60_000_000_000


def seen(name: str = "charge", at_ns: int = 0, duration_ns: int | None = 1_000_000, **fields: object) -> Observation:
    given = {"service": "shop", "side": "operation", "failed": False, **fields}
    return Observation(name=name, started_unix_nano=at_ns, duration_nano=duration_ns, **given)  # type: ignore[arg-type]


@given(st.integers(2, 10**15))
def test_a_quantile_is_within_one_percent_of_the_duration(duration_ns: int) -> None:
    found = quantile_ms({bucket_of(duration_ns): 1}, 0.5)
    assert found == pytest.approx(duration_ns / 1e6, rel=RELATIVE_ERROR * 1.001)


def test_quantiles_of_many_durations_are_within_one_percent_of_the_exact_ones() -> None:
    randomness = random.Random(7)
    durations = sorted(int(randomness.lognormvariate(15, 2)) + 2 for _ in range(10_000))
    rollup = Rollup()
    for duration in durations:
        rollup.buckets[bucket_of(duration)] += 1
    for quantile in (0.0, 0.5, 0.95, 0.99, 1.0):
        exact = durations[int(quantile * (len(durations) - 1))] / 1e6
        assert quantile_ms(rollup.buckets, quantile) == pytest.approx(exact, rel=RELATIVE_ERROR * 1.001)


def test_without_calls_there_is_no_quantile() -> None:
    assert quantile_ms({}, 0.5) is None


def test_a_call_counts_in_its_minute_and_its_hour() -> None:
    rollups = roll_up([seen(at_ns=61 * MINUTE_NS + 5), seen(at_ns=61 * MINUTE_NS + 6, failed=True)])
    found = {(each.resolution, each.start_unix_s): rollup for each, rollup in rollups.items()}
    assert set(found) == {("minute", 61 * 60), ("hour", 3600)}
    assert {(rollup.calls, rollup.errors) for rollup in found.values()} == {(2, 1)}


def test_sketches_of_two_windows_are_merged_by_adding_them_up() -> None:
    apart = [roll_up([seen(duration_ns=duration)]) for duration in (1_000, 1_000_000)]
    (series,) = {each for rollups in apart for each in rollups if each.resolution == "hour"}
    merged = Rollup()
    for rollups in apart:
        merged.merge(rollups[series])
    together = roll_up([seen(duration_ns=1_000), seen(duration_ns=1_000_000)])[series]
    assert merged == together


def test_a_span_that_has_not_ended_is_a_call_without_a_duration() -> None:
    rollup = roll_up([seen(duration_ns=None)])[Series("shop", "operation", "charge", "minute", 0)]
    assert (rollup.calls, dict(rollup.buckets)) == (1, {})


@pytest.mark.parametrize(
    ("name", "without_ids"),
    [
        ("GET /orders/12345/items/7", "GET /orders/*/items/*"),
        ("autogen process RPCAgent_3f2504e0-4f89-11d3-9a0c-0305e82c3301", "autogen process RPCAgent_*"),
        ("charge", "charge"),
        ("llama3 chat", "llama3 chat"),
        ("", "(unnamed)"),
    ],
)
def test_ids_in_names_do_not_make_operations(name: str, without_ids: str) -> None:
    assert operation_name(name) == without_ids


def test_endless_names_end_up_together() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [a + b for a in letters for b in letters]
    rollups = roll_up(seen(name) for name in names)
    kept = {series.name for series in rollups}
    assert len(kept) == 201
    assert rollups[Series("shop", "operation", "(other)", "minute", 0)].calls == len(names) - 200
