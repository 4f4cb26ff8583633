"""Where an agent's output goes. Contract section 6."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal
from urllib.parse import unquote

from headrace.ports.program import Program, Transform
from headrace.ports.secrets import OldSecret, hide

_PART_CHARACTERS = 6
"""Shorter parts are words like `to` and `yes`."""

SinkType = Literal["webhook", "slack", "apprise"]


@dataclass(frozen=True, slots=True)
class Sink:
    """One destination of a project's outputs; which fields count depends on `type`."""

    id: str
    type: SinkType
    url: str = field(repr=False)
    name: str = ""
    enabled: bool = True
    filter: str | None = None
    template: str | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    old_secrets: tuple[OldSecret, ...] = ()
    timeout: timedelta = timedelta(seconds=10)

    @property
    def program(self) -> Program:
        """Its expressions: the template's value takes the place of the payload."""
        return Program(self.filter, (Transform(self.template, "", "json"),) if self.template else ())

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may be neither shown nor stored as it is: the address too, when whoever knows it may post there."""
        address = (self.url,) if self.secret_url else ()
        newest = (self.signing_secret,) if self.signing_secret else ()
        return (*address, *self.headers.values(), *newest, *(old.secret for old in self.old_secrets))

    @property
    def secret_url(self) -> bool:
        """Whether whoever knows the address may post there."""
        return self.type != "webhook"

    def with_secrets(self, change: Callable[[str], str]) -> "Sink":
        """The same sink, with each secret put through `change`: sealed, opened or hidden."""
        return replace(
            self,
            url=change(self.url) if self.secret_url else self.url,
            headers={name: change(value) for name, value in self.headers.items()},
            signing_secret=change(self.signing_secret) if self.signing_secret else None,
            old_secrets=tuple(old.with_secret(change) for old in self.old_secrets),
        )

    def hide(self, text: str) -> str:
        """`text` without the secrets of this (opened) sink; an address of apprise is a secret in its parts too."""
        return hide(text, (*self.secrets, *(_parts(self.url) if self.type == "apprise" else ())))


def _parts(url: str) -> list[str]:
    """Passwords, tokens and recipients in a URL of apprise: any part may be one but the host after an @."""
    rest = re.sub(r"@[^/?]*", "/", unquote(url.partition("://")[2]), count=1)
    return [part for part in re.split(r"[/:?&=@,]+", rest) if len(part) >= _PART_CHARACTERS]
