"""What the client is told, by argument or environment → values that are safe to use.

The API key is in none of the messages, and neither is an endpoint that holds a password.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import requests

from ._errors import ConfigurationError
from ._verify import Secrets, signing_keys

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
OUTPUT_PATH = "/internal/agent-output"

_KEY_VARIABLES = ("HEADRACE_API_KEY", "GLASSFLOW_API_KEY")
_ENDPOINT_VARIABLES = ("HEADRACE_ENDPOINT", "GLASSFLOW_ENDPOINT")
_SIGNING_VARIABLE = "HEADRACE_SIGNING_SECRET"


def resolve_api_key(argument: str | None) -> str:
    """The argument, else the first variable that is set; empty counts as not given.

    Raises:
        ConfigurationError: there is none, or it cannot be the value of a header.
    """
    key = argument or _from_environment(_KEY_VARIABLES)
    if not key:
        raise ConfigurationError(
            "no API key: pass api_key=… or set the environment variable " + " or ".join(_KEY_VARIABLES)
        )
    if not is_header_value(key):
        raise ConfigurationError(
            "the API key holds a line break, a space at an end or a character outside ASCII; "
            "one read from a file often ends with a line break"
        )
    return key


def resolve_endpoint(argument: str | None) -> str:
    """The base URL without a slash at its end, from the argument, else the environment, else this machine.

    Raises:
        ConfigurationError: it is not an absolute http or https URL, or says more than where the server is.
    """
    endpoint = (argument or _from_environment(_ENDPOINT_VARIABLES) or DEFAULT_ENDPOINT).rstrip("/")
    if "@" in endpoint:
        raise ConfigurationError("the endpoint may not hold a user name or password: the API key is enough")
    if "?" in endpoint or "#" in endpoint:
        raise ConfigurationError(f"the endpoint is a base URL, without a query or fragment: {endpoint!r}")
    if not _is_absolute(endpoint):
        raise ConfigurationError(f"the endpoint is not an absolute http:// or https:// URL: {endpoint!r}")
    return endpoint


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it, encoding the name too; requests refuses what urlsplit lets through.
        within_reach = bool((parts.hostname or "").encode("idna")) and parts.port != 0
        requests.PreparedRequest().prepare_url(url, None)
    except ValueError:
        return False
    return within_reach and parts.scheme in ("http", "https") and not any(map(str.isspace, url))


def resolve_seconds(name: str, value: float | timedelta) -> float:
    """Seconds.

    Raises:
        ConfigurationError: it is not a number above zero.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name} must be seconds above 0, or a timedelta: {value!r}")
    return seconds


def resolve_count(name: str, value: int, *, least: int = 0) -> int:
    """A whole number.

    Raises:
        ConfigurationError: it is not one, or below `least`.
    """
    if not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{name} must be a whole number from {least}: {value!r}")
    return value


def resolve_signing_secrets(argument: Secrets | None) -> list[bytes] | None:
    """The keys, from the argument, else from the environment with spaces between them; None: do not check.

    Raises:
        ConfigurationError: there are secrets, and one of them would let anybody sign.
    """
    from_environment = _from_environment((_SIGNING_VARIABLE,))
    if argument is None and from_environment is None:
        return None
    return signing_keys(argument if argument is not None else (from_environment or "").split())


def is_header_value(value: object) -> bool:
    """Whether it goes into a header unchanged, and into no other header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()


def _from_environment(names: tuple[str, ...]) -> str | None:
    environment: Mapping[str, str] = os.environ  # noqa: TID251  # the SDK's one look at the environment
    return next((environment[name] for name in names if environment.get(name)), None)
