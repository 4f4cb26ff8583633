"""Every route of the management API, in the order of the documentation. Contract section 7."""

from headrace.control.routes import (
    accounts,
    audit,
    dead_letters,
    keys,
    members,
    pipeline,
    projects,
    runs,
    sinks,
    status,
)
from headrace.wire.routes import Route

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
