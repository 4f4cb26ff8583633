"""The vault on Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec), with key rotation."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from headrace.domain.errors import ConfigError, Unavailable


class FernetVault:
    """See `ports.vault.Vault`. `keys` are 32 bytes in URL-safe base64, the newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
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
