"""The way from a host to a connected socket, past the rules of where requests may go.

A name is resolved once, all its addresses are checked, and one of exactly these is connected to: whoever answers
otherwise when asked again is not asked again. The address at the other end is compared as a last step.
"""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from headrace.errors import InvalidInput
from headrace.ports.addresses import Address, AddressRules, literal

Answer = TypeVar("Answer")
Resolve = Callable[[str, int], Sequence[tuple[int, tuple[Any, ...]]]]
"""Host and port → address families with socket addresses, best first. Raises OSError."""
Connect = Callable[[int, tuple[Any, ...], float], socket.socket]
"""Family, socket address, seconds → a connected socket. Raises OSError."""


def system_resolve(host: str, port: int) -> Sequence[tuple[int, tuple[Any, ...]]]:
    """Ask the machine's resolver."""
    return [(found[0], found[4]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def system_connect(family: int, address: tuple[Any, ...], seconds: float) -> socket.socket:
    """A TCP connection that sends without waiting for more (no Nagle)."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.settimeout(seconds)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


@dataclass(frozen=True, slots=True)
class Network:
    """Connects to where the rules allow."""

    rules: AddressRules
    resolve: Resolve = system_resolve
    connect: Connect = system_connect

    def open(self, host: str, port: int, seconds: float) -> socket.socket:
        """A socket connected to `host`, within `seconds` in all.

        Raises:
            InvalidInput: an address of `host` is not allowed; `field` is "url".
            TimeoutError, OSError: no connection.
        """
        ends_monotonic = time.monotonic() + seconds
        found = self._resolve(host, port, seconds)
        for _, address in found:
            self.refuse(self.rules.refusal_of_address(host, _ip(address)))
        broken: OSError = OSError(f"{host} has no address")
        for index, (family, address) in enumerate(found):
            left = ends_monotonic - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            try:
                return self._connect(host, family, address, left / (len(found) - index))
            except OSError as cause:
                broken = cause
        raise broken

    def refuse(self, refusal: str | None) -> None:
        """Raise InvalidInput when there is a refusal."""
        if refusal is not None:
            raise InvalidInput(refusal, field="url")

    def _connect(self, host: str, family: int, address: tuple[Any, ...], seconds: float) -> socket.socket:
        made = self.connect(family, address, seconds)
        try:
            self.refuse(self.rules.refusal_of_address(host, _ip(made.getpeername())))
        except BaseException:
            made.close()
            raise
        return made

    def _resolve(self, host: str, port: int, seconds: float) -> Sequence[tuple[int, tuple[Any, ...]]]:
        address = literal(host)
        if address is not None:
            return [(socket.AF_INET if address.version == 4 else socket.AF_INET6, (str(address), port))]
        return _within(seconds, lambda: self.resolve(host, port))


def _within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns. It may not be interrupted, so it has a thread of its own, which is left behind when late."""
    answers: SimpleQueue[Answer | Exception] = SimpleQueue()

    def work() -> None:
        try:
            answers.put(ask())
        except (OSError, UnicodeError) as broken:
            answers.put(broken)

    Thread(target=work, name="headrace-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError("timed out") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ip(address: tuple[Any, ...]) -> Address:
    return ip_address(address[0])
