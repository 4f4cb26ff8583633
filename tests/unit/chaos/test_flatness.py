"""The rule of the soak can say no: slow growth is found under noise, and a start that settles is none."""

import random

import pytest

from tests.chaos.flatness import trend

HOUR = 360


def noisy(start: float, growth: float, noise: float = 2) -> list[float]:
    chance = random.Random(1)
    return [start + growth * place / HOUR + chance.uniform(-noise, noise) for place in range(HOUR)]


@pytest.mark.parametrize(("growth", "flat"), [(0, True), (3, True), (12, False), (100, False), (-40, True)])
def test_growth_of_more_than_a_twentieth_is_found_under_noise(growth: float, flat: bool) -> None:
    found = trend(noisy(100, growth), negligible=0.5)
    assert found.flat is flat
    assert found.growth == pytest.approx(growth * 0.75, abs=1)


def test_a_leak_of_one_file_handle_a_minute_is_found() -> None:
    assert not trend([40 + place // 6 for place in range(HOUR)], negligible=3).flat


def test_what_fills_up_in_the_first_quarter_and_then_stays_is_flat() -> None:
    assert trend([*range(60, 150), *[150] * 270], negligible=0).flat


def test_little_growth_of_little_is_nothing() -> None:
    assert trend([0, 0, 0, 0, 0.01, 0.02, 0.03, 0.04], negligible=1).flat


def test_a_write_ahead_log_that_only_grows_is_not_flat() -> None:
    assert not trend([place * 0.5 for place in range(HOUR)], negligible=1).flat
