"""What a call of a model cost, by the dated table beside this file and a project's own prices."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from headrace.trace.domain.tracing import Price

_TABLE = Path(__file__).with_name("prices.toml")
_VERSION = re.compile(
    r"(?:[-@:](?:latest|it|instruct|(?:preview|exp|experimental)(?:-\d[\d-]*)?|v\d[\d.:]*|\d\d-\d{4}|\d{3,}(?:-\d[\d-]*)?))*"
)
"""What may follow the beginning of a model's name without making it another model: a date, a build, a stage. A single
digit would: `claude-opus-4-6` is not `claude-opus-4`."""


def cost_usd(
    model: str,
    input_tokens: int | None,
    output_tokens: int | None,
    cached_tokens: int | None,
    overrides: Mapping[str, Price],
) -> float | None:
    """US dollars for one call; None when the tokens or the price are not known.

    Cached tokens are a part of the input tokens, as OpenTelemetry says; where more are cached than came in, the
    instrumentation counts them apart.
    """
    if not model or (input_tokens is None and output_tokens is None):
        return None
    price = _overriding(model, overrides) or listed_price(model)
    if price is None:
        return None
    read, cached = input_tokens or 0, cached_tokens or 0
    fresh = read - cached if cached <= read else read
    cached_price = price.input if price.cached_input is None else price.cached_input
    total = fresh * price.input + cached * cached_price + (output_tokens or 0) * price.output
    return round(total / 1_000_000, 9)


def _overriding(model: str, overrides: Mapping[str, Price]) -> Price | None:
    if not overrides:
        return None
    name = _plain(model)
    fitting = [start for start in overrides if model.startswith(start) or name.startswith(start)]
    return overrides[max(fitting, key=len)] if fitting else None


@lru_cache(maxsize=4096)
def listed_price(model: str) -> Price | None:
    """The bundled price of `model`: the longest key that its name starts with and that only a version follows."""
    name, table = _plain(model), bundled_prices()
    for end in range(len(name), 0, -1):
        if (price := table.get(name[:end])) is not None and _VERSION.fullmatch(name, end):
            return price
    return None


def _plain(model: str) -> str:
    """Without what routers, regions and clouds put before it: `openai/…`, `models/…`, `us.anthropic.…`."""
    name = model[:200].lower().rsplit("/", 1)[-1]
    return re.sub(r"^(?:(?:us|eu|apac|jp|au|global)\.)?(?:anthropic|amazon|mistral|cohere|deepseek)\.", "", name)


@cache
def bundled_prices() -> Mapping[str, Price]:
    """The table, by the beginning of a model's name."""
    return {
        model: Price(price["input"], price["output"], price.get("cached"))
        for provider in tomllib.loads(_TABLE.read_text(encoding="utf-8")).values()
        if isinstance(provider, dict)
        for model, price in provider.items()
    }
