"""Bodies of the management API about signing secrets and about how those who are sent to have answered."""

from base64 import b64encode
from secrets import token_bytes
from typing import Annotated, Literal

from pydantic import Field

from headrace.api.models import Deferred, SigningSecret, Strict, Time

_SECRET_BYTES = 32
_DAY_SECONDS = 86_400


class NewSecretIn(Strict):
    """The next signing secret."""

    signing_secret: SigningSecret | None = None
    """Without it one is made."""
    old_valid_seconds: Annotated[int, Field(ge=0, le=30 * _DAY_SECONDS)] = _DAY_SECONDS
    """For so long the secrets of before sign too."""


class NewSecretOut(Deferred):
    """The secret that signs from now on; it is never shown again."""

    signing_secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]
    old_valid_until: Time | None
    """Until then requests carry the signatures of older secrets too; null when there are none."""


class Health(Deferred):
    """How somebody who is sent to has answered lately."""

    state: Literal["ok", "failing", "disabled"]
    """`failing` from an error until the next success."""
    failing_since: Time | None
    last_success_at: Time | None
    """To about a second."""
    last_error: Annotated[str, Field(examples=["answered 503: overloaded"])] | None
    last_error_at: Time | None


class SinkHealth(Health):
    """The same of a sink."""

    dead_lettered: int
    """Outputs that were given up for this sink, in all; redriving them takes none off."""


def new_signing_secret() -> str:
    """A secret in the form that Standard Webhooks asks for."""
    return "whsec_" + b64encode(token_bytes(_SECRET_BYTES)).decode()
