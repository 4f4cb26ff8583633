"""Paths with parameters, as API Gateway writes them: `/things/{id}`, and `/api/{proxy+}` for all that follows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")

ANY = "ANY"
"""Stands for every method."""

_PARAMETER = re.compile(r"\\\{(\w+)(\\\+)?\\\}")


@dataclass(frozen=True, slots=True)
class Match(Generic[Target]):
    """Where a request goes. Without `target` the path is known, but not with this method."""

    path: str
    """As it was registered."""
    parameters: Mapping[str, str]
    target: Target | None
    allowed: tuple[str, ...]
    """The methods that the path has."""


class Router(Generic[Target]):
    """Finds the target of a method and path."""

    def __init__(self) -> None:
        self._paths: dict[str, tuple[re.Pattern[str], dict[str, Target]]] = {}

    def add(self, method: str, path: str, target: Target) -> None:
        """Register a target; `path` may hold parameters. Raises ValueError: there is one already."""
        _, methods = self._paths.setdefault(path, (_pattern(path), {}))
        if method in methods:
            raise ValueError(f"{method} {path} has two targets")
        methods[method] = target

    def find(self, method: str, path: str) -> Match[Target] | None:
        """The match of a request, None when nothing has this path. Plain paths go before those with parameters."""
        if path in self._paths:
            return _match(path, self._paths[path][1], method, {})
        for registered, (pattern, methods) in self._paths.items():
            if found := pattern.fullmatch(path):
                parameters = {name: unquote(value) for name, value in found.groupdict().items()}
                return _match(registered, methods, method, parameters)
        return None


def _match(path: str, methods: dict[str, Target], method: str, parameters: dict[str, str]) -> Match[Target]:
    return Match(path, parameters, methods.get(method, methods.get(ANY)), tuple(sorted(methods)))


def _pattern(path: str) -> re.Pattern[str]:
    def group(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"

    return re.compile(_PARAMETER.sub(group, re.escape(path)))
