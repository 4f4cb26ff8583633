"""What the agent is told by its environment; the table in README.md describes each."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace_sdk import ConfigurationError


class Settings(BaseSettings):
    """Read from environment variables of the same names; an empty one counts as not set.

    The SDK itself reads `HEADRACE_ENDPOINT`, or `GLASSFLOW_ENDPOINT`.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    openai_model: str = "gpt-4o-mini"
    openai_api: Literal["auto", "responses", "chat_completions"] = "auto"
    ai_timeout_seconds: float = Field(default=30, gt=0, le=600)
    ai_max_retries: int = Field(default=2, ge=0, le=10)
    headrace_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("HEADRACE_API_KEY", "GLASSFLOW_API_KEY")
    )
    headrace_api_key_file: Path | None = None
    headrace_signing_secret: SecretStr | None = None
    max_concurrent_batches: int = Field(default=8, ge=1, le=1000)
    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024)
    shutdown_seconds: float = Field(default=20, ge=0, le=600)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def signing_secrets(self) -> list[str]:
        """The secrets that a request may be signed with, the new and the old one while they are changed."""
        secrets = self.headrace_signing_secret
        return secrets.get_secret_value().replace(",", " ").split() if secrets else []

    def api_key(self) -> str | None:
        """The key for Headrace, or the one in the file that is named; None where there is neither.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        if self.headrace_api_key is not None:
            return self.headrace_api_key.get_secret_value()
        if self.headrace_api_key_file is None:
            return None
        try:
            return self.headrace_api_key_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"HEADRACE_API_KEY_FILE: {error}") from error


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a variable has a value that cannot work; all of them are named, no value is shown.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_input=False)]
        raise ConfigurationError("; ".join(faults)) from error
