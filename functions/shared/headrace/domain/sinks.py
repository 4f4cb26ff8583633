"""Where an agent's output goes. Contract section 6."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

SinkType = Literal["webhook", "slack"]


@dataclass(frozen=True, slots=True)
class Sink:
    """One destination of a project's outputs; which fields count depends on `type`."""

    id: str
    type: SinkType
    url: str
    name: str = ""
    enabled: bool = True
    filter: str | None = None
    template: str | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    signing_secret: str | None = None
    timeout: timedelta = timedelta(seconds=10)
