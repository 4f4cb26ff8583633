"""Every route of the management API, in the order of the documentation, bound to what its operations need.

Contract section 7. Each capability declares its own routes in its `api` folder; here they come together.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from headrace import bootstrap
from headrace.api.dispatch import Identity, dispatch
from headrace.api.routes import Answer, Incoming, Route
from headrace.route.api import pipeline, sinks
from headrace.route.operations.needs import RouteNeeds
from headrace.teams.api import accounts, audit, keys, members, projects
from headrace.teams.operations.needs import TeamsNeeds
from headrace.trace.api import runs
from headrace.trace.operations.needs import RunsNeeds
from headrace.upkeep.api import dead_letters, status
from headrace.upkeep.operations.needs import UpkeepNeeds

Needs = TypeVar("Needs")
Operation = tuple[Route[Any], Callable[[Incoming], Answer]]


class Makers(Protocol):
    """What makes the needs of each group of operations, when one of them is first called: `bootstrap` is one."""

    def identity(self) -> Identity:
        """For every route that is not public."""
        ...

    def teams(self) -> TeamsNeeds:
        """For accounts, projects, members, keys and the audit."""
        ...

    def routing(self) -> RouteNeeds:
        """For pipelines and sinks."""
        ...

    def upkeep(self) -> UpkeepNeeds:
        """For status and dead letters."""
        ...

    def runs(self) -> RunsNeeds:
        """For runs, agents and services."""
        ...


def operations(makers: Makers) -> Iterator[Operation]:
    """Each route with the call that carries it out."""
    people = (*accounts.ROUTES, *projects.ROUTES, *members.ROUTES, *keys.ROUTES)
    yield from _bound(people, makers.teams, makers)
    yield from _bound((*pipeline.ROUTES, *sinks.ROUTES), makers.routing, makers)
    yield from _bound((*status.ROUTES, *dead_letters.ROUTES), makers.upkeep, makers)
    yield from _bound(runs.ROUTES, makers.runs, makers)
    yield from _bound(audit.ROUTES, makers.teams, makers)


def _bound(routes: Sequence[Route[Needs]], needs: Callable[[], Needs], makers: Makers) -> Iterator[Operation]:
    for route in routes:
        yield route, partial(_call, route, needs, makers)


def _call(route: Route[Needs], needs: Callable[[], Needs], makers: Makers, incoming: Incoming) -> Answer:
    return dispatch(route, incoming, makers.identity(), needs())


OPERATIONS = tuple(operations(bootstrap))
ROUTES = tuple(route for route, _ in OPERATIONS)
