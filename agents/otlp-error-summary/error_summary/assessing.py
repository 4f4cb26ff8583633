"""Groups of errors → an assessment: by the model when there is one that works, by rules otherwise."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from error_summary import rules
from error_summary.findings import Enrichment, Verdict
from error_summary.grouping import ErrorGroup

NO_KEY = "OPENAI_API_KEY is not set"

_logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class ModelFailed(Exception):
    """The model gave no useful answer; the text says why."""


class Assessor(Protocol):
    """Whoever can assess groups of errors beside the rules."""

    name: str

    async def assess(self, groups: Sequence[ErrorGroup]) -> tuple[list[Verdict], Enrichment]:
        """A verdict for each group, and what to say about all of them; raises `ModelFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class Assessment:
    """Who found what: `model` is the name of the model, or None, and then `offline_reason` says why."""

    groups: Sequence[ErrorGroup]
    verdicts: Sequence[Verdict]
    enrichment: Enrichment
    model: str | None = None
    offline_reason: str | None = None


async def assess(groups: Sequence[ErrorGroup], model: Assessor | None, hurry: asyncio.Event) -> Assessment:
    """Always an assessment; once `hurry` is set, no longer the model's."""
    if model is None:
        return assess_by_rules(groups, NO_KEY)
    try:
        verdicts, enrichment = await _unless(hurry, model.assess(groups))
    except ModelFailed as failure:
        _logger.warning("the rules step in: %s", failure)
        return assess_by_rules(groups, str(failure))
    return Assessment(groups, verdicts, enrichment, model=model.name)


def assess_by_rules(groups: Sequence[ErrorGroup], reason: str) -> Assessment:
    """What can be said offline."""
    verdicts = [rules.judge(group) for group in groups]
    return Assessment(groups, verdicts, rules.explain(groups, verdicts), offline_reason=reason)


async def _unless(hurry: asyncio.Event, work: Awaitable[Result]) -> Result:
    """What `work` gives, unless `hurry` is set before that."""
    working, hurried = asyncio.ensure_future(work), asyncio.ensure_future(hurry.wait())
    try:
        await asyncio.wait({working, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ModelFailed("the agent was told to stop before the model had answered")
    finally:
        working.cancel()
        hurried.cancel()
