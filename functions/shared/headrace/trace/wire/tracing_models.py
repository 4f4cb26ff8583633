"""Bodies of the management API about how traces are kept. Capability Trace."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from headrace.api.models import Strict
from headrace.trace.domain.tracing import Price, Tracing

_NAME_CHARACTERS = 256
_LONGEST_RETENTION_DAYS = 3650
_MOST_PRICES = 200


class PriceIn(Strict):
    """US dollars for a million tokens."""

    input: Annotated[float, Field(ge=0, examples=[2.5])]
    output: Annotated[float, Field(ge=0, examples=[10.0])]
    cached_input: Annotated[float, Field(ge=0, examples=[1.25])] | None = None
    """Null: cached tokens cost what others do."""


class TracingIn(Strict):
    """How traces are kept."""

    retention_days: Annotated[int, Field(ge=1, le=_LONGEST_RETENTION_DAYS)] = Tracing().retention.days
    """How long runs and hourly rollups are kept, counted from their last change."""
    capture_content: bool = True
    """False: what people, models and tools said is not stored from now on."""
    prices: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=_NAME_CHARACTERS)], PriceIn],
        Field(max_length=_MOST_PRICES, examples=[{"my-model": {"input": 2.5, "output": 10.0}}]),
    ] = Field(default_factory=dict)
    """By the beginning of a model's name; they win over the bundled table."""

    def to_domain(self) -> Tracing:
        """The same for the domain."""
        prices = {name: Price(each.input, each.output, each.cached_input) for name, each in self.prices.items()}
        return Tracing(timedelta(days=self.retention_days), self.capture_content, prices)


class TracingOut(TracingIn):
    """How traces are kept, as it is stored."""

    @classmethod
    def of(cls, tracing: Tracing) -> "TracingOut":
        """The same for the outside."""
        prices = {
            name: PriceIn(input=each.input, output=each.output, cached_input=each.cached_input)
            for name, each in tracing.prices.items()
        }
        return cls(retention_days=tracing.retention.days, capture_content=tracing.capture_content, prices=prices)
