"""A short message for people, where the other side decides what it looks like: e-mail, chat, pager."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Level = Literal["info", "success", "warning", "failure"]

_LEVELS: dict[str, Level] = {
    "critical": "failure",
    "fatal": "failure",
    "error": "failure",
    "failure": "failure",
    "high": "failure",
    "warning": "warning",
    "warn": "warning",
    "medium": "warning",
    "success": "success",
    "resolved": "success",
    "ok": "success",
}


@dataclass(frozen=True, slots=True)
class Notification:
    """One message; `url` names service, account and recipient, and is a secret."""

    url: str = field(repr=False)
    title: str
    body: str = field(repr=False)
    level: Level = "info"
    timeout: timedelta = timedelta(seconds=10)


def level_of(severity: object) -> Level:
    """How urgent a finding of that severity is; what is not known is for information."""
    return _LEVELS.get(str(severity).strip().lower(), "info")
