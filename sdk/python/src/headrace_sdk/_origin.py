"""Which request an output answers: its `X-Request-ID` and trace reach `send_output` without being handed on.

The trace is W3C Trace Context (https://www.w3.org/TR/trace-context/). Where the agent uses OpenTelemetry, its spans
become children of the request, and outputs carry the span that they are sent in.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ._settings import is_header_value

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_VERSION_00_CHARACTERS = 55


@dataclass(frozen=True, slots=True)
class Origin:
    """What of a request goes on with its outputs; None where it has none that is fit to be sent."""

    request_id: str | None = None
    traceparent: str | None = None


_origin: ContextVar[Origin] = ContextVar("headrace_sdk_origin", default=Origin())  # noqa: B039  # it is frozen


@contextmanager
def answering(headers: Mapping[str, str]) -> Iterator[None]:
    """Outputs sent inside answer the request with these headers, names in any case.

    They take over its `X-Request-ID` and `traceparent` where `send_output` is not given others. It holds for this
    thread or task and what `asyncio` starts from it, not for threads that are started by hand.
    """
    origin = origin_of(headers)
    token = _origin.set(origin)
    try:
        with _span_of(origin.traceparent):
            yield
    finally:
        _origin.reset(token)


def origin_of(headers: Mapping[str, str]) -> Origin:
    """A header that is absent or malformed counts as not sent, as Trace Context asks for."""
    values = {name.lower(): value for name, value in headers.items()}
    request_id, traceparent = values.get("x-request-id"), values.get("traceparent")
    return Origin(
        request_id=request_id if request_id and is_header_value(request_id) else None,
        traceparent=traceparent if traceparent and _is_traceparent(traceparent) else None,
    )


def current_origin() -> Origin:
    """The request that is being answered here; its trace continued by OpenTelemetry where that is in use."""
    origin = _origin.get()
    return Origin(origin.request_id, _current_span() or origin.traceparent)


def _is_traceparent(value: str) -> bool:
    """Later versions may be longer than version 00, which ends with the flags (section 3.2.4)."""
    if not is_header_value(value) or not _TRACEPARENT.fullmatch(value):
        return False
    return len(value) == _VERSION_00_CHARACTERS or not value.startswith("00")


# --- OpenTelemetry, where the agent has it ----------------------------------------------------------------------
# Nobody has a span without having imported this module, and who does not use it does not pay for its import.


def _has_opentelemetry() -> bool:
    return "opentelemetry.trace" in sys.modules


def _current_span() -> str | None:
    """The `traceparent` of OpenTelemetry's current span."""
    if not _has_opentelemetry():
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def _span_of(traceparent: str | None) -> Iterator[None]:
    """Make the request the parent of the agent's spans, unless an instrumented server has done so already."""
    if not traceparent or not _has_opentelemetry() or _current_span():
        yield
        return
    from opentelemetry.context import attach, detach
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    token = attach(TraceContextTextMapPropagator().extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        detach(token)
