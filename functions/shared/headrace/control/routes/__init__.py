"""Every route of the management API, in the order of the documentation. Contract section 7."""

from headrace.control.routes import accounts
from headrace.wire.routes import Route

ROUTES: tuple[Route, ...] = (*accounts.ROUTES,)
