"""What the e-mail plugin of apprise gets in the place of `smtplib`: connections to allowed addresses only.

The address is checked on the connected peer, before the first byte and before TLS. The port is not: mail servers
listen where they like.
"""

import io
import smtplib
import socket
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

from headrace.adapters.notifier_apprise.exchange import CURRENT, Exchange
from headrace.errors import InvalidInput
from headrace.ports.outbound import NoAnswer

_FIRST_ERROR = 400


class _Reading(io.RawIOBase):
    """What a server says. A socket's own limit is for one step: who says a word at a time could go on for ever."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._exchange.left.total_seconds())
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError:
            raise self._exchange.silence() from None


class _Checked(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - ours is shorter
        exchange = CURRENT.get()
        connection = socket.create_connection((host, port), exchange.left.total_seconds(), self.source_address)
        address = ip_address(connection.getpeername()[0].partition("%")[0])
        refusal = exchange.rules.refusal_of_address(host.lower(), address)
        if refusal is not None:
            connection.close()
            exchange.problem = InvalidInput(refusal, field="url")
            raise OSError(refusal)
        return connection

    def getreply(self) -> tuple[int, bytes]:
        """See `smtplib.SMTP`. Raises NoAnswer when the time for the whole notification is over."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Reading(self.sock, CURRENT.get()))
        try:
            code, words = super().getreply()
        except NoAnswer:
            self.close()
            raise
        if code >= _FIRST_ERROR:
            CURRENT.get().reply = f"{code} {words.decode(errors='replace')}"
        return code, words


class _CheckedSecure(smtplib.SMTP_SSL, _Checked):
    """Its `_get_socket` wraps the connection that the next class in line has checked."""


SMTPLIB: Any = SimpleNamespace(
    SMTP=_Checked,
    SMTP_SSL=_CheckedSecure,
    SMTPException=smtplib.SMTPException,
    SMTPServerDisconnected=smtplib.SMTPServerDisconnected,
)
