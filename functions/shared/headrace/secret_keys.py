"""The keys of a deployment: from the settings, from AWS Secrets Manager, or made on this machine at the first start."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from secrets import token_hex, token_urlsafe

from headrace.errors import ConfigError
from headrace.settings import Settings

_SHORTEST_SECRET = 32

Folder = Callable[[], Path]
"""The data directory, made when it is needed."""


def encryption_keys(settings: Settings, folder: Folder) -> list[str]:
    """What seals secrets at rest, the newest first. Raises ConfigError, Unavailable."""
    from cryptography.fernet import Fernet

    keys = settings.encryption_keys or _local_secret("encryption", folder, lambda: Fernet.generate_key().decode())
    return [key.strip() for key in _secret(keys).split(",")]


def jwt_keys(settings: Settings, folder: Folder) -> dict[str, str]:
    """What signs access tokens, by the id of the key, the newest first. Raises ConfigError, Unavailable."""
    text = settings.jwt_keys or _local_secret("jwt", folder, lambda: f"{token_hex(4)}:{token_urlsafe(32)}")
    pairs = [_named(each.strip()).partition(":") for each in _secret(text).split(",")]
    if not all(key_id and len(secret) >= _SHORTEST_SECRET for key_id, _, secret in pairs):
        raise ConfigError(
            f"HEADRACE_JWT_KEYS must be ID:SECRET,… with secrets of {_SHORTEST_SECRET} characters or more"
        )
    return {key_id: secret for key_id, _, secret in pairs}


def _named(secret: str) -> str:
    """A secret without an id, as Secrets Manager makes them, gets one that tells nothing of a random secret."""
    return secret if ":" in secret else f"{sha256(secret.encode()).hexdigest()[:8]}:{secret}"


def _secret(text: str) -> str:
    """What a setting for secrets means: itself, or the secret whose ARN it is."""
    if not text.startswith("arn:"):
        return text
    from headrace.adapters.secrets_aws import read_secret

    return read_secret(text)


def _local_secret(name: str, folder: Folder, make: Callable[[], str]) -> str:
    from headrace.adapters.secrets_file import local_secret

    return local_secret(folder(), name, make)
