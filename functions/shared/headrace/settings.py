"""Every setting, in one table: the only module that reads the environment.

A setting is an environment variable `HEADRACE_<NAME>`. The README repeats this table; a test compares the two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from headrace.errors import ConfigError

PREFIX = "HEADRACE_"
MIB = 1024 * 1024

_LONGEST_SECONDS = 86_400
_LOOKS_ALIKE = 0.7
_CHOICES = {
    "expression_engine": ("jsonatapy", "jsonata-python"),
    "outbound_allow_private": ("true", "false", ""),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
}


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process."""

    data_dir: Path = _setting(Path(".headrace"), "Where the embedded engines keep their files.")
    bus: str = _setting(
        "",
        "URL of the bus: `sqlite:///PATH`, `nats://HOST:4222` or `sqs://[REGION]`."
        " Empty: `bus.db` in the data directory.",
    )
    store: str = _setting(
        "",
        "URL of the tables: `sqlite:///PATH`, `postgresql://…` or `dynamodb://[REGION]`."
        " Empty: `store.db` in the data directory.",
    )
    spans: str = _setting(
        "", "URL of a PostgreSQL or TimescaleDB database that keeps spans as rows too, `postgresql://…`. Empty: none."
    )
    config_table: str = _setting("headrace-config", "DynamoDB table for the configuration.")
    telemetry_table: str = _setting("headrace-telemetry", "DynamoDB table for what expires.")
    pipeline_function: str = _setting("", "Lambda function (name or ARN) for raw queues on SQS. Empty: none.")
    sink_function: str = _setting("", "Lambda function (name or ARN) for output queues on SQS. Empty: none.")
    traces_function: str = _setting("", "Lambda function (name or ARN) for spans queues on SQS. Empty: none.")
    queue_prefix: str = _setting("gf-ai", "First part of every queue's name.")
    max_body_bytes: int = _setting(6 * MIB, "Largest request body as sent, in bytes.")
    max_unpacked_bytes: int = _setting(32 * MIB, "Largest request body after gunzip, in bytes.")
    max_record_bytes: int = _setting(700 * 1024, "Largest flat record as JSON, in bytes; larger ones are refused.")
    max_output_bytes: int = _setting(256 * 1024, "Largest output of an agent, in bytes.")
    key_cache_seconds: float = _setting(30.0, "How long a key, known or unknown, is remembered, in seconds.")
    config_cache_seconds: float = _setting(2.0, "How long a pipeline or sink is remembered, in seconds.")
    receive_limit: int = _setting(12, "Deliveries of one message before the engine gives it up.")
    nats_replicas: int = _setting(1, "NATS servers that keep each message: 1, or 3 in a cluster.")
    nats_ack_wait_seconds: float = _setting(
        20.0, "How long a process may be silent before NATS gives its messages to another, in seconds."
    )
    expression_engine: str = _setting("jsonatapy", "`jsonatapy`, or `jsonata-python` where no wheel of it fits.")
    expression_workers: int = _setting(4, "Processes for expressions that are not evaluated in-process, at most.")
    workers: int = _setting(8, "Threads for queue functions in one process.")
    jwt_keys: str = _setting(
        "", "Secrets that sign access tokens, `ID:SECRET,…`, the newest first. Empty: made in the data directory."
    )
    encryption_keys: str = _setting(
        "", "Fernet keys for secrets at rest, the newest first, with commas. Empty: made in the data directory."
    )
    trusted_proxies: str = _setting(
        "", "Proxies whose `X-Forwarded-For` is believed, addresses or networks with commas. Empty: none."
    )
    outbound_allow_private: str = _setting(
        "",
        "`true`: agents and webhooks may be at private, loopback and link-local addresses. Empty: only where bus and "
        "store are SQLite files.",
    )
    outbound_allow: str = _setting(
        "", "Addresses, networks and host names (`*.example.com` too), with commas, that agents and webhooks may be at."
    )
    drain_seconds: float = _setting(
        0.0, "How long a stopping process goes on while it says that it is not ready, in seconds."
    )
    log_level: str = _setting("WARNING", "Least level of the JSON lines on standard error: `INFO`, `WARNING` …")

    @property
    def bus_url(self) -> str:
        """The bus, with the default worked out."""
        return self.bus or f"sqlite:///{self.data_dir / 'bus.db'}"

    @property
    def store_url(self) -> str:
        """The tables, with the default worked out."""
        return self.store or f"sqlite:///{self.data_dir / 'store.db'}"

    @property
    def private_addresses_allowed(self) -> bool:
        """Whether users' URLs may lead inside, with the default worked out."""
        if self.outbound_allow_private:
            return self.outbound_allow_private.lower() == "true"
        return all(url.startswith("sqlite:") for url in (self.bus_url, self.store_url))

    def function_of(self, folder: str) -> str:
        """The Lambda function, by name or ARN, that a function folder was deployed as; "" when none is named."""
        name: str = getattr(self, f"{folder}_function", "")
        return name

    @property
    def nats_ack_wait(self) -> timedelta:
        """How long a process may be silent."""
        return timedelta(seconds=self.nats_ack_wait_seconds)

    @property
    def key_cache(self) -> timedelta:
        """How long a key is remembered."""
        return timedelta(seconds=self.key_cache_seconds)

    @property
    def config_cache(self) -> timedelta:
        """How long a pipeline or sink is remembered."""
        return timedelta(seconds=self.config_cache_seconds)


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which another process of this machine has these settings."""
    return {
        **os.environ,
        **{PREFIX + each.name.upper(): str(getattr(settings, each.name)) for each in fields(Settings)},
    }


def misspelt(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that are no settings, each with the setting that it looks like. Others may have names of their own."""
    from difflib import get_close_matches  # which no function needs at its cold start

    source = os.environ if environment is None else environment
    known = [each.name for each in fields(Settings)]
    given = {name: name.removeprefix(PREFIX).lower() for name in source if name.startswith(PREFIX)}
    nearest = {
        name: get_close_matches(short, known, n=1, cutoff=_LOOKS_ALIKE)
        for name, short in given.items()
        if short not in known
    }
    return {name: PREFIX + found[0].upper() for name, found in nearest.items() if found}


def on_lambda() -> bool:
    """Whether AWS Lambda runs this process, or something that stands in for it."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment; `overrides` win where they are not None.

    Raises:
        ConfigError: a value that cannot be read.
    """
    source = os.environ if environment is None else environment
    given = {name.removeprefix(PREFIX).lower(): text for name, text in source.items() if name.startswith(PREFIX)}
    known = {each.name: each for each in fields(Settings)}
    values = {name: _read(name, text, known[name].default) for name, text in given.items() if name in known}
    values.update({name: value for name, value in overrides.items() if value is not None})
    return Settings(**values)


def _read(name: str, text: str, default: Any) -> Any:
    kind = type(default)
    try:
        value = kind(text)
    except ValueError as cause:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise ConfigError(f"{PREFIX}{name.upper()} must be {wanted}, not {text!r}") from cause
    if kind is int and value < 1:
        raise ConfigError(f"{PREFIX}{name.upper()} must be at least 1, not {text!r}")
    if kind is float and not 0 <= value <= _LONGEST_SECONDS:  # also refuses what is no number
        raise ConfigError(f"{PREFIX}{name.upper()} must be from 0 to {_LONGEST_SECONDS}, not {text!r}")
    if name in _CHOICES and not {value, value.upper(), value.lower()} & set(_CHOICES[name]):
        choices = ", ".join(filter(None, _CHOICES[name]))
        raise ConfigError(f"{PREFIX}{name.upper()} must be one of {choices}, not {text!r}")
    return value
