"""The door for management: `/api/v1`, described by `control.routes` and checked by `control.dispatch`."""

from headrace import bootstrap
from headrace.control.dispatch import dispatch
from headrace.control.routes import ROUTES
from headrace.entry.api import mount
from headrace.entry.errors import problem_error
from headrace.entry.http import Door
from headrace.wire.routes import Answer, Incoming, Route

handler = Door("control_plane", problem_error, bootstrap.limits)


def _call(route: Route, incoming: Incoming) -> Answer:
    return dispatch(route, incoming, bootstrap.controlling())


mount(handler, ROUTES, _call)
