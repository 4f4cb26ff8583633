"""What happens, as structured events: one JSON line on standard error each, and to whoever listens in-process.

Everything may report, nothing here knows who does. All events there are: `events`.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from headrace.events import Event, Told

Listener = Callable[[Told], None]

_LOGGER = logging.getLogger("headrace")
_listeners: list[Listener] = []
_lock = threading.Lock()


def configure(level: str) -> None:
    """Send events of `level` (a name of the logging module) and above to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    _LOGGER.handlers = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(level.upper())


def include(*libraries: str) -> None:
    """Write what the loggers of these libraries have to say in the same lines: warnings, unless even less is wanted."""
    for name in libraries:
        logger = logging.getLogger(name)
        logger.handlers = list(_LOGGER.handlers)
        logger.propagate = False
        logger.setLevel(max(logging.WARNING, _LOGGER.level))


def emit(event: Event) -> None:
    """Report that something happened."""
    _LOGGER.info(event.NAME, extra={"facts": vars(event)})
    if _listeners:
        _tell({"event": event.NAME, **vars(event)})


def warn(event: Event) -> None:
    """Report something that a person may have to act on."""
    _LOGGER.warning(event.NAME, extra={"facts": vars(event)})
    _tell({"event": event.NAME, "level": "warning", **vars(event)})


def crash(event: Event) -> None:
    """Report an exception that nobody expected, with its traceback. Call it while handling the exception."""
    _LOGGER.exception(event.NAME, extra={"facts": vars(event)})
    _tell({"event": event.NAME, "level": "error", **vars(event)})


def listen(listener: Listener) -> Callable[[], None]:
    """Call `listener` with every event from now on; returns what ends that. It must be quick and never raise."""
    with _lock:
        _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def relay(told: Told) -> None:
    """Tell listeners what another process, which has written it down already, told its own."""
    _tell(told)


def _tell(told: Told) -> None:
    told.setdefault("at", datetime.now(UTC).isoformat(timespec="milliseconds"))
    for listener in tuple(_listeners):
        listener(told)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
