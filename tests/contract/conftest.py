"""The real engines that adapters are held against."""

from tests.engines.fixtures import (
    database_of_session,
    ministack,
    ministack_of_session,
    nats_of_session,
    nats_server,
    postgres,
    postgres_url,
)

__all__ = [
    "database_of_session",
    "ministack",
    "ministack_of_session",
    "nats_of_session",
    "nats_server",
    "postgres",
    "postgres_url",
]
