"""The faults of a run, made from its seed: which, when, on whom, for how long."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

MENDED_BY = 0.9
"""No fault begins after this share of the records."""

_SECONDS: dict[str, tuple[float, float]] = {
    "kill": (0.2, 2),
    "stop": (0.5, 6),
    "long stop": (22, 26),
    "broker": (0.5, 4),
    "database": (0.5, 4),
    "disk": (3, 8),
    "clock": (5, 12),
    "agent fails": (2, 6),
    "agent throttles": (2, 6),
    "agent is silent": (4, 9),
    "agent stops half-way": (2, 6),
    "agent says 202 and no more": (2, 6),
    "agent is slow": (3, 8),
    "agent refuses": (0.3, 1),
}
KINDS = tuple(_SECONDS)

_JUMPS_SECONDS = (-90, -20, -5, 5, 20, 90)


@dataclass(frozen=True, slots=True)
class Fault:
    """`at`: when so many records have been acknowledged. `target` and `amount` mean what the kind makes of them."""

    at: int
    kind: str
    seconds: float
    target: int
    amount: int


def plan(seed: int, records: int, count: int, kinds: Sequence[str]) -> list[Fault]:
    """`count` faults over a run of `records`, each kind about as often as any other."""
    chance = random.Random(seed)
    chosen = [kinds[place % len(kinds)] for place in range(count)]
    chance.shuffle(chosen)
    moments = sorted(chance.randint(records // 50, int(records * MENDED_BY)) for _ in chosen)
    return [_fault(chance, moment, kind) for moment, kind in zip(moments, chosen, strict=True)]


def _fault(chance: random.Random, moment: int, kind: str) -> Fault:
    seconds = round(chance.uniform(*_SECONDS[kind]), 2)
    return Fault(moment, kind, seconds, target=chance.randrange(1000), amount=chance.choice(_JUMPS_SECONDS))
