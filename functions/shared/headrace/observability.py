"""What happens, as structured events: one JSON line on standard error each, and to whoever listens in-process.

The lowest floor: everything may report, nothing here knows who does.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Listener = Callable[[dict[str, Any]], None]

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


def emit(event: str, **facts: Any) -> None:
    """Report that `event` happened. Facts are plain values; secrets never belong into them."""
    _LOGGER.info(event, extra={"facts": facts})
    if _listeners:
        _tell({"event": event, **facts})


def warn(event: str, **facts: Any) -> None:
    """Report something that a person may have to act on."""
    _LOGGER.warning(event, extra={"facts": facts})
    _tell({"event": event, "level": "warning", **facts})


def crash(event: str, **facts: Any) -> None:
    """Report an exception that nobody expected, with its traceback. Call it while handling the exception."""
    _LOGGER.exception(event, extra={"facts": facts})
    _tell({"event": event, "level": "error", **facts})


def listen(listener: Listener) -> Callable[[], None]:
    """Call `listener` with every event from now on; returns what ends that. It must be quick and never raise."""
    with _lock:
        _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def relay(event: dict[str, Any]) -> None:
    """Tell listeners what another process, which has written it down already, told its own."""
    _tell(event)


def _tell(event: dict[str, Any]) -> None:
    event.setdefault("at", datetime.now(UTC).isoformat(timespec="milliseconds"))
    for listener in tuple(_listeners):
        listener(event)


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
