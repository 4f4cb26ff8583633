"""The real engines that adapters are held against."""

from tests.engines.fixtures import nats_of_session, nats_server

__all__ = ["nats_of_session", "nats_server"]
