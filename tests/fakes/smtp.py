"""A mail server on this machine, as small as a client lets it be, that answers as a test tells it to.

with mail_server() as server:
    server.replies["RCPT"] = "550 no such user"
    server.mails                            # whole messages, with their envelopes
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.http import PATIENCE_SECONDS

_USUAL = {"EHLO": "250 here", "HELO": "250 here", "DATA": "354 go on", "QUIT": "221 bye"}


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: tuple[str, ...]
    text: str


@dataclass
class MailServer:
    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    """By the command, where they differ from the usual ones; "CONNECT" is the greeting."""
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    timeout = PATIENCE_SECONDS

    def handle(self) -> None:
        server: MailServer = self.server.state  # type: ignore[attr-defined]
        sender, recipients = "", []
        self._say(server.replies.get("CONNECT", "220 ready"))
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            server.commands.append(command)
            reply = server.replies.get(command, _USUAL.get(command, "250 ok"))
            self._say(reply)
            if command == "MAIL":
                sender = line.partition(":")[2]
            elif command == "RCPT":
                recipients.append(line.partition(":")[2].strip("<>"))
            elif command == "DATA" and reply.startswith("354"):
                server.mails.append(Mail(sender, tuple(recipients), self._text()))
                self._say("250 taken")
            elif command == "QUIT":
                return

    def _text(self) -> str:
        lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
        return "\n".join(lines)

    def _say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False
    state: MailServer


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server that takes every mail until it is told otherwise."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.state = MailServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.state
        finally:
            server.shutdown()
            thread.join(PATIENCE_SECONDS)
