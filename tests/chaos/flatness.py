"""What is flat: a rule for a series of samples, and for the sizes that a process has over time."""

from collections.abc import Sequence
from dataclasses import dataclass

SETTLED_AFTER = 0.25
"""Caches fill and pools open in the first quarter, which does not count."""

LARGEST_GROWTH = 0.05
"""Of the mean, over the rest of the run, by the straight line that fits it best."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A series in short. `growth` is in its own unit, from the first to the last settled sample by the fitted line."""

    first: float
    last: float
    largest: float
    mean: float
    growth: float
    flat: bool


def trend(samples: Sequence[float], *, negligible: float) -> Trend:
    """Least squares over equally spaced samples; growth of less than `negligible` is flat whatever the mean."""
    settled = samples[int(len(samples) * SETTLED_AFTER) :]
    count, mean = len(settled), sum(settled) / len(settled)
    middle = (count - 1) / 2
    spread = sum((place - middle) ** 2 for place in range(count))
    slope = sum((place - middle) * value for place, value in enumerate(settled)) / spread if spread else 0.0
    growth = slope * (count - 1)
    flat = growth <= max(negligible, LARGEST_GROWTH * mean)
    return Trend(samples[0], samples[-1], max(samples), mean, growth, flat)
