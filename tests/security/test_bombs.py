"""What is small to send and large to understand is refused, or is stored in small pieces; either costs little."""

import subprocess
import sys

import pytest

from tests.security.bombs import BOMBS, HEAVY, take

MANY = 2**20
CROWDS = {
    "a million empty JSON records": f"{MANY + 1} stored, 0 left out",
    "a million empty log records": f"{MANY} stored, 0 left out",
    "a million empty scopes": "0 stored, 0 left out",
    "a million empty spans": f"0 stored, {MANY} left out",
    "a million empty points": f"{MANY} stored, 0 left out",
    "a million empty quantiles": "0 stored, 1 left out",
    "a large description, repeated by its points": "10000 stored, 0 left out",
    "a span with a million events": "0 stored, 1 left out",
}
"""What is not refused as a whole: it is stored in many messages, none of which is large to whoever reads it."""

REFUSALS = {"InvalidInput": 400, "TooLarge": 413}
GROWTH_MIB = 512
"""In all. The bombs themselves have up to 12 MiB, protobuf makes some 64 bytes of each empty message."""


@pytest.mark.parametrize("name", CROWDS)
def test_a_crowd_is_what_it_is(name: str) -> None:
    signal, content_type, make = BOMBS[name]
    assert take(signal, content_type, make()) == CROWDS[name]


@pytest.mark.parametrize("name", sorted(BOMBS.keys() - CROWDS.keys()))
def test_a_bomb_is_refused_with_4xx(name: str) -> None:
    signal, content_type, make = BOMBS[name]
    assert take(signal, content_type, make()) in REFUSALS


@pytest.mark.parametrize("name", HEAVY)
def test_one_record_that_is_heavy_is_stored_or_left_out_alone(name: str) -> None:
    signal, content_type, make = HEAVY[name]
    assert take(signal, content_type, make()) in ("1 stored, 0 left out", "0 stored, 1 left out")


def test_bombs_are_taken_or_refused_within_bounded_memory() -> None:
    command = [sys.executable, "-m", "tests.security.bombs"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split("\t") for line in told.splitlines()]
    assert len(lines) == len(BOMBS) + len(HEAVY)
    assert [name for kib, name in lines if int(kib) > GROWTH_MIB * 1024] == []
