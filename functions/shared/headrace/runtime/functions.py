"""Loads handlers by path, as Lambda does, and calls them with a Lambda-like context."""

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from headrace.errors import ConfigError
from headrace.runtime.template import Function

Handler = Callable[[Any, Any], Any]

GRACE = timedelta(seconds=10)
"""How long what runs may go on after the runtime was told to stop."""


@dataclass(slots=True)
class Deadline:
    """When everything that runs has to be done: far away, until the runtime is told to stop."""

    monotonic: float = float("inf")

    def bring_forward(self, grace: timedelta) -> None:
        """Let nothing run longer than `grace` from now."""
        self.monotonic = time.monotonic() + grace.total_seconds()


@dataclass(frozen=True, slots=True)
class Context:
    """What a Lambda context tells, as far as functions use it."""

    function_name: str
    aws_request_id: str
    ends_monotonic: float
    stop: Deadline
    memory_limit_in_mb: int = 512

    def get_remaining_time_in_millis(self) -> int:
        """Until the function's time limit, or until the runtime stops if that is sooner; never negative."""
        ends = min(self.ends_monotonic, self.stop.monotonic)
        return max(0, int((ends - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A function that can be called."""

    function: Function
    handler: Handler
    stop: Deadline

    def __call__(self, event: Any) -> Any:
        """Call the handler once."""
        ends = time.monotonic() + self.function.timeout.total_seconds()
        return self.handler(event, Context(self.function.name, str(uuid4()), ends, self.stop))


def load(function: Function, stop: Deadline) -> Loaded:
    """Import the function's module and find its handler.

    Raises:
        ConfigError: it is not there, or what it needs is missing.
    """
    module_name, _, attribute = function.handler.rpartition(".")
    path = function.folder / f"{module_name}.py"
    unique = f"headrace_function_{function.name}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"{function.name}: there is no {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as cause:
        raise ConfigError(f"{function.name}: {path} cannot be loaded: {cause}") from cause
    handler = getattr(module, attribute, None)
    if handler is None:
        raise ConfigError(f"{function.name}: {path} has no {attribute}")
    return Loaded(function, handler, stop)
