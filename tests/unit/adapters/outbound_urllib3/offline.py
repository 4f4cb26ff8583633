"""A resolver and a connector without a network: names have the addresses that a test gives them, connections are
noted, and lead to a listener of this machine or to nobody."""

import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from headrace.adapters.outbound_urllib3 import Urllib3Outbound
from headrace.adapters.outbound_urllib3.network import Network, system_connect
from headrace.ports.addresses import AddressRules, read_rules

PUBLIC = "93.184.215.14"
SHARED = read_rules("", private_allowed=False)
"""The rules of a shared deployment."""


class Offline:
    """Every name has `answers`, one after the other and the last one for ever, but those `elsewhere`."""

    def __init__(
        self,
        *answers: Iterable[str],
        elsewhere: Mapping[str, str] | None = None,
        rules: AddressRules = SHARED,
        leads_to: Any = None,
    ) -> None:
        self._elsewhere = elsewhere or {}
        self._answers = [list(answer) for answer in answers] or [[PUBLIC]]
        self._leads_to = leads_to
        self.asked: list[str] = []
        self.tried: list[str] = []
        """Addresses that were to be connected to."""
        self.network = Network(rules, self._resolve, self._connect)
        self.outbound = Urllib3Outbound(self.network)

    def __enter__(self) -> "Offline":
        return self

    def __exit__(self, *_: object) -> None:
        self.outbound.close()

    def _resolve(self, host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        self.asked.append(host)
        if host in self._elsewhere:
            return [(_family(self._elsewhere[host]), (self._elsewhere[host], port))]
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return [(_family(address), (address, port)) for address in answer]

    def _connect(self, family: int, address: tuple[Any, ...], seconds: float) -> socket.socket:
        self.tried.append(address[0])
        if self._leads_to is None:
            raise ConnectionRefusedError("nobody is there")
        return system_connect(socket.AF_INET, self._leads_to, seconds)


def _family(address: str) -> int:
    return socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
