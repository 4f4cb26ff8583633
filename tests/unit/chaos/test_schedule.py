"""A seed is a schedule: the same faults at the same records, each kind in its turn."""

from collections import Counter

import pytest

from tests.chaos.schedule import KINDS, MENDED_BY, plan

RECORDS, FAULTS = 100_000, 3 * len(KINDS)


def test_a_seed_gives_the_same_faults_again_and_another_seed_others() -> None:
    assert plan(7, RECORDS, FAULTS, KINDS) == plan(7, RECORDS, FAULTS, KINDS)
    assert plan(7, RECORDS, FAULTS, KINDS) != plan(8, RECORDS, FAULTS, KINDS)


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_comes_as_often_as_any_other_in_order_and_before_the_end(seed: int) -> None:
    faults = plan(seed, RECORDS, FAULTS, KINDS)
    assert set(Counter(fault.kind for fault in faults).values()) == {3}
    moments = [fault.at for fault in faults]
    assert moments == sorted(moments)
    assert 0 < moments[0] <= moments[-1] <= RECORDS * MENDED_BY


def test_an_engine_gets_only_faults_that_it_can_have() -> None:
    assert {fault.kind for fault in plan(1, RECORDS, 10, ["kill", "stop"])} == {"kill", "stop"}
