"""An emulated AWS for the adapters that are on it."""

from tests.engines.fixtures import aws_proxy, ministack, ministack_of_session

__all__ = ["aws_proxy", "ministack", "ministack_of_session"]
