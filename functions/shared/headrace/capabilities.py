"""Every route of the management API, in the order of the documentation. Contract section 7."""

from headrace.api.routes import Route
from headrace.route.api import pipeline, sinks
from headrace.teams.api import accounts, audit, keys, members, projects
from headrace.trace.api import runs
from headrace.upkeep.api import dead_letters, status

ROUTES: tuple[Route, ...] = (
    *accounts.ROUTES,
    *projects.ROUTES,
    *members.ROUTES,
    *keys.ROUTES,
    *pipeline.ROUTES,
    *sinks.ROUTES,
    *status.ROUTES,
    *dead_letters.ROUTES,
    *runs.ROUTES,
    *audit.ROUTES,
)
