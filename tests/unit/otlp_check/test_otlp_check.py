"""The checks against a receiver that is right, and against one that is wrong in exactly one way."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from headrace.otlp_check import BadInput, NoConnection, check
from headrace.otlp_check.run import CHECKS
from headrace.otlp_check.signals import SIGNALS
from tests.unit.otlp_check.faults import FAULTS
from tests.unit.otlp_check.receiver import AMOUNTS, JSON, KEY, Reply, free_port, receiving, refuse

NAMES = [each.id for each in CHECKS]


def checked(url, signals=("logs",), headers=(KEY,)):
    return check(url, headers, signals, amounts=AMOUNTS)


def test_a_receiver_that_does_everything_right_passes_everything():
    with receiving() as url:
        report = checked(url, None)
    assert [(result.signal, result.id, result.reason) for result in report.failed()] == []
    assert report.conforms
    assert report.signals == list(SIGNALS)
    assert {result.id for result in report.results if result.outcome == "skipped"} == {"retry-after"}
    assert {report.score(signal, level).percent for signal in SIGNALS for level in ("MUST", "SHOULD")} == {100}


def test_there_is_a_fault_for_every_check_and_every_name_is_there_once():
    assert sorted(FAULTS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_fault_is_found_by_the_check_for_it(name):
    broken = FAULTS[name]
    with receiving(broken.prepare) as url:
        report = checked(url)
    failed = {result.id for result in report.failed()}
    assert name in failed
    assert failed <= {name} | broken.also
    (result,) = [each for each in report.failed() if each.id == name]
    assert result.reason
    assert result.section.url.startswith("https://")
    assert report.conforms == (not report.failed("MUST"))


def test_signals_that_are_not_served_are_skipped_unless_they_were_asked_for():
    def traces_only(server):
        server.fault = lambda seen, reply: reply if seen.path == "/v1/traces" else Reply(404, b"{}", JSON)

    with receiving(traces_only) as url:
        report, asked = checked(url, None), checked(url, ["metrics"])
    assert report.conforms
    assert {each.outcome for each in report.results if each.signal != "traces"} == {"skipped"}
    assert report.score("metrics", "MUST").percent is None
    assert not asked.conforms
    assert asked.failed("MUST")


def test_an_endpoint_that_takes_nothing_does_not_conform():
    def nothing(server):
        server.fault = lambda seen, reply: refuse(seen, 404, "nothing here")

    with receiving(nothing) as url:
        assert not checked(url, None).conforms


def test_without_a_header_there_are_no_strangers_to_be():
    def open_to_all(server):
        server.fault = lambda seen, reply: refuse(seen, 200, "") if reply.status == 401 else reply

    with receiving(open_to_all) as url:
        results = {each.id: each for each in checked(url, headers=()).results}
        no_key = {each.id: each for each in checked(url, headers=[("X-Other", "1")]).results}
        ignored = {each.id: each for each in checked(url, headers=[("Authorization", "1")]).results}
    assert "no header was given" in results["json-stranger"].reason
    assert "no header was given" in no_key["json-stranger"].reason
    assert "takes requests without" in ignored["json-stranger"].reason
    assert results["stranger-challenge"].outcome == ignored["stranger-challenge"].outcome == "skipped"


@pytest.mark.parametrize("value", ["7", "Fri, 20 Nov 2026 14:00:00 GMT", None])
def test_a_throttle_may_say_when_to_come_back(value):
    def throttles(server):
        headers = {"Retry-After": value} if value else {}
        server.fault = lambda seen, reply: Reply(503, b"", JSON, headers) if seen.method == "GET" else reply

    with receiving(throttles) as url:
        (result,) = [each for each in checked(url).results if each.id == "retry-after"]
    assert result.outcome == "passed"


def test_a_limit_beyond_what_is_sent_is_not_judged():
    def takes_all(server):
        server.fault = lambda seen, reply: refuse(seen, 200, "") if reply.status == 413 else reply

    with receiving(takes_all) as url:
        results = {each.id: each for each in checked(url).results}
    assert {results[name].outcome for name in ("oversize", "oversize-unpacked-status")} == {"skipped"}


def test_a_warning_with_full_success_is_allowed_and_so_is_refusing_the_whole_of_a_partly_valid_request():
    def warns(server):
        server.fault = lambda seen, reply: (
            refuse(seen, 400, "ids", "") if b"errorMessage" in reply.body
            else Reply(200, b'{"partialSuccess":{"errorMessage":"soon no more"}}', JSON)
            if reply.body == b"{}" else reply
        )  # fmt: skip

    with receiving(warns) as url:
        assert checked(url).failed() == []


def test_the_report_as_json_holds_what_an_implementer_needs_and_no_credentials():
    with receiving(FAULTS["json-refusal-details"].prepare) as url:
        report = checked(url)
    told = json.loads(json.dumps(report.to_json()))
    (failure,) = [each for each in told["results"] if each["outcome"] == "failed"]
    assert (failure["id"], failure["level"], failure["signal"]) == ("json-refusal-details", "SHOULD", "logs")
    assert failure["section"]["url"] == "https://opentelemetry.io/docs/specs/otlp/#bad-data"
    assert (failure["seen"]["status"], failure["seen"]["headers"]["content-type"]) == (400, JSON)
    assert "message" in failure["seen"]["body"]
    assert told["scores"]["logs"]["SHOULD"]["failed"] == 1
    assert told["conforms"] is True
    assert told["sent"]["requests"] > len(CHECKS) / 2
    assert KEY[1] not in json.dumps(told)


def test_where_nobody_listens_there_is_nothing_to_check():
    with pytest.raises(NoConnection, match="cannot connect"):
        checked(f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def encrypted(tmp_path, monkeypatch):
    """Makes a receiver speak TLS, with a certificate that is trusted from now on."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def prepare(server):
        server.socket = context.wrap_socket(server.socket, server_side=True)

    return prepare


def test_tls_makes_no_difference(encrypted):
    with receiving(encrypted) as url:
        assert checked(url.replace("http:", "https:")).failed() == []


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(encrypted, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with receiving(encrypted) as url, pytest.raises(NoConnection, match="certificate"):
        checked(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://a:b@127.0.0.1", "http://127.0.0.1:x", "http://h/?q"],
)
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(BadInput, match="URL"):
        checked(url)
