"""The vault on Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec), with key rotation."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headrace.errors import ConfigError, Unavailable

_MATERIAL_CHARACTERS = 48
"""Text that is at least this long is no Fernet key (44 characters), however it was mistyped."""


class FernetVault:
    """See `ports.vault.Vault`.

    `keys`, the newest first, are each 32 bytes in URL-safe base64, or at least 48 random characters to derive them
    from: Secrets Manager can make such text by itself, but no key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(_key(text)) for text in keys])
        except ValueError as cause:
            raise ConfigError(f"HEADRACE_ENCRYPTION_KEYS: {cause}") from cause

    def seal(self, text: str) -> str:
        """See `Vault.seal`."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """See `Vault.open`."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as cause:
            raise Unavailable("a secret was sealed with a key that is not in HEADRACE_ENCRYPTION_KEYS") from cause

    def reseal(self, sealed: str) -> str:
        """See `Vault.reseal`."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken as cause:
            raise Unavailable("a secret was sealed with a key that is not in HEADRACE_ENCRYPTION_KEYS") from cause


def _key(text: str) -> bytes:
    """The key itself, or one derived from longer text: HKDF (RFC 5869) of SHA-256 without salt."""
    if len(text) < _MATERIAL_CHARACTERS:
        return text.encode()
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"headrace encryption key")
    return urlsafe_b64encode(derive.derive(text.encode()))
