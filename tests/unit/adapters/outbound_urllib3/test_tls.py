"""TLS: the certificate must fit the name that was typed, whatever address it has, and come from somebody trusted."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from headrace.adapters.outbound_urllib3 import Urllib3Outbound
from headrace.ports.addresses import read_rules
from headrace.ports.outbound import NoAnswer, OutboundRequest
from tests.contract.outbound_line import Line

HOST = "agent.example.com"
LOOPBACK = read_rules("127.0.0.1", private_allowed=False)


class TlsLine(Line):
    """A Line that speaks TLS, with a certificate for HOST that it signed itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.certificate = folder / "certificate.pem"
        self.names: list[str | None] = []
        (folder / "key.pem").write_bytes(_make_certificate(self.certificate))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, folder / "key.pem")
        self._context.sni_callback = lambda _, name, __: self.names.append(name)

    @property
    def at(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2].strip("/"))

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            super()._serve(self._context.wrap_socket(connection, server_side=True))


def _make_certificate(path: Path) -> bytes:
    """Write a certificate; the key of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Headrace tests")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def line(tmp_path: Path) -> Iterator[TlsLine]:
    with TlsLine(tmp_path) as made:
        yield made


@pytest.fixture
def outbound(offline: Any, line: TlsLine) -> Urllib3Outbound:
    made: Urllib3Outbound = offline(["127.0.0.1"], rules=LOOPBACK, leads_to=line.at).outbound
    return made


@pytest.fixture
def trusted(line: TlsLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(line.certificate))


def ask(outbound: Any, host: str = HOST, **how: Any) -> Any:
    return outbound.send(OutboundRequest(f"https://{host}/hook", how.pop("body", b"[]"), **how))


def test_a_self_signed_certificate_is_no_answer_and_nothing_is_sent(outbound, line):
    with pytest.raises(NoAnswer, match=r"could not be reached: .*certificate verify failed: self-signed certificate"):
        ask(outbound)
    assert line.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate_is_checked_against_the_name_and_not_the_address(outbound, line):
    line.keep_alive = True
    for _ in range(2):
        assert ask(outbound).status == 200
    assert (line.names, line.connections) == ([HOST], 1)
    assert line.requests[0].headers["host"] == HOST


@pytest.mark.usefixtures("trusted")
def test_a_trailing_dot_does_not_matter(outbound, line):
    assert ask(outbound, f"{HOST}.").status == 200
    assert line.names == [HOST]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("host", ["other.example.com", "127.0.0.1"])
def test_a_certificate_for_another_name_is_no_answer(outbound, line, host):
    with pytest.raises(NoAnswer, match=r"certificate verify failed: .*mismatch"):
        ask(outbound, host)
    assert line.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_large_body_arrives_whole(outbound, line):
    body = bytes(range(256)) * 2000
    line.will(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body), lambda r: r.body)
    assert ask(outbound, body=body).body == body[: 64 * 1024]
    assert line.requests[0].body == body


@pytest.mark.usefixtures("trusted")
def test_an_answer_that_drips_is_over_once_the_time_is_up(outbound, line):
    line.will(b"HTTP/1.1 200 OK\r\nX-Slow: ", line.DRIP)
    with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
        ask(outbound, timeout=timedelta(seconds=0.3))


def test_a_peer_that_says_nothing_of_tls_is_no_answer_once_the_time_is_up(offline):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outbound = offline(["127.0.0.1"], rules=LOOPBACK, leads_to=silent.getsockname()).outbound
        with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
            ask(outbound, timeout=timedelta(seconds=0.3))


def test_a_peer_that_does_not_speak_tls_is_no_answer(offline):
    with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:
        plain.settimeout(30)
        outbound = offline(["127.0.0.1"], rules=LOOPBACK, leads_to=plain.getsockname()).outbound
        asked = pool.submit(ask, outbound)
        connection, _ = plain.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(NoAnswer, match="could not be reached"):
                asked.result()
