"""Prices: by the longest name that fits, never by a neighbour's, and a project's own first."""

import pytest

from headrace.trace.domain.tracing import Price
from headrace.trace.wire.prices import bundled_prices, cost_usd, listed_price


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai/gpt-4.1-mini", "gpt-4.1-mini"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("models/gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("Mistral-Large-2411", "mistral-large"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("command-r-08-2024", "command-r"),
    ],
)
def test_a_model_costs_what_its_family_does(model: str, entry: str) -> None:
    assert listed_price(model) == bundled_prices()[entry]


@pytest.mark.parametrize(
    "model", ["claude-opus-4-99", "gpt-4-32k", "gpt-4o-realtime", "gpt-6", "gpt-4oo", "my-own-model", "", "x" * 10_000]
)
def test_a_model_that_is_not_listed_has_no_price(model: str) -> None:
    assert listed_price(model) is None
    assert cost_usd(model, 10, 10, None, {}) is None


def test_cached_tokens_are_a_part_of_the_input_and_cheaper() -> None:
    assert cost_usd("gpt-4o", 1_000_000, 0, 400_000, {}) == pytest.approx(0.6 * 2.5 + 0.4 * 1.25)


def test_more_cached_than_read_tokens_are_counted_apart() -> None:
    assert cost_usd("gpt-4o", 100_000, 0, 1_000_000, {}) == pytest.approx(0.25 + 1.25)


def test_the_projects_price_for_the_longest_beginning_wins() -> None:
    own = {"gpt": Price(1, 1), "gpt-4o": Price(2, 2), "my-": Price(3, 3, 0)}
    assert cost_usd("gpt-4o-mini", 1_000_000, 0, None, own) == 2
    assert cost_usd("openai/gpt-5", 0, 1_000_000, None, own) == 1
    assert cost_usd("my-model", 1_000_000, 0, 1_000_000, own) == 0


def test_without_tokens_there_is_no_cost() -> None:
    assert cost_usd("gpt-4o", None, None, None, {}) is None
    assert cost_usd("gpt-4o", 0, 0, None, {}) == 0
