"""From a host to a socket: what is asked, in which order addresses are tried, and what cannot be slipped past."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from headrace.adapters.outbound_urllib3 import Network, Urllib3Outbound
from headrace.adapters.outbound_urllib3.network import system_connect, system_resolve
from headrace.errors import InvalidInput
from headrace.ports.addresses import read_rules
from headrace.ports.outbound import NoAnswer, OutboundRequest
from tests.contract.outbound_line import HttpPeer, Line
from tests.unit.adapters.outbound_urllib3.offline import PUBLIC

URL = "http://agent.example.com/"
LOOPBACK = read_rules("127.0.0.0/8", private_allowed=False)


@pytest.fixture
def line() -> Iterator[Line]:
    with Line() as made:
        yield made


def ask(outbound: Any, url: str = URL, **how: Any) -> Any:
    return outbound.send(OutboundRequest(url, b"[]", **how))


def at(line: Line) -> tuple[str, int]:
    return "127.0.0.1", int(line.url.rpartition(":")[2].strip("/"))


def test_a_name_is_resolved_once_for_a_check_and_a_connection(offline):
    made = offline([PUBLIC], ["127.0.0.1"])
    with pytest.raises(NoAnswer):
        ask(made.outbound)
    assert (made.asked, made.tried) == (["agent.example.com"], [PUBLIC])


def test_a_name_server_that_changes_its_mind_is_refused_at_the_next_connection(offline):
    made = offline([PUBLIC], ["127.0.0.1"])
    with pytest.raises(NoAnswer):
        ask(made.outbound)
    with pytest.raises(InvalidInput, match=r"agent\.example\.com is at 127\.0\.0\.1, a loopback address"):
        ask(made.outbound)
    assert made.tried == [PUBLIC]


def test_a_kept_connection_stays_where_it_is_when_the_name_moves(offline, line):
    made = offline(["127.0.0.1"], ["10.0.0.1"], rules=LOOPBACK, leads_to=at(line))
    line.keep_alive = True
    for _ in range(3):
        assert ask(made.outbound).status == 200
    assert (made.asked, line.connections) == (["agent.example.com"], 1)
    assert line.requests[0].headers["host"] == "agent.example.com"


def test_who_is_somewhere_else_than_asked_for_is_refused_before_anything_is_sent(offline, line):
    """A redirecting firewall, say; the address of the other end is compared too."""
    made = offline([PUBLIC], leads_to=at(line))
    with pytest.raises(InvalidInput, match=r"is at 127\.0\.0\.1"):
        ask(made.outbound)
    line.wait_closed(1)
    assert line.requests == []


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/", "//localhost/", "/here"])
def test_a_redirect_inside_is_an_answer_and_nobody_goes_there(offline, line, target):
    line.will(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
    made = offline(["127.0.0.1"], rules=read_rules("agent.example.com", private_allowed=False), leads_to=at(line))
    answer = ask(made.outbound)
    assert (answer.status, answer.headers["location"]) == (302, target)
    assert (made.asked, made.tried) == (["agent.example.com"], ["127.0.0.1"])


def test_the_next_address_is_tried_when_one_does_not_answer(offline):
    made = offline(["2606:4700::1111", PUBLIC, "93.184.215.15"])
    with pytest.raises(NoAnswer, match="nobody is there"):
        ask(made.outbound)
    assert made.tried == ["2606:4700::1111", PUBLIC, "93.184.215.15"]


def test_addresses_share_the_time(line):
    seconds_for: list[float] = []

    def connect(family: int, address: tuple[Any, ...], seconds: float) -> socket.socket:
        seconds_for.append(seconds)
        raise TimeoutError("timed out")

    found = [(socket.AF_INET, (PUBLIC, 80))] * 4
    network = Network(LOOPBACK, lambda host, port: found, connect)
    with pytest.raises(TimeoutError):
        network.open("agent.example.com", 80, 8)
    assert [round(each) for each in seconds_for] == [2, 3, 4, 8]


def test_a_name_server_that_does_not_answer_is_no_answer_once_the_time_is_up():
    over = Event()

    def resolve(host: str, port: int) -> list[Any]:
        over.wait(30)
        return []

    outbound = Urllib3Outbound(Network(LOOPBACK, resolve))
    with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
        ask(outbound, timeout=timedelta(seconds=0.2))
    over.set()


@pytest.mark.parametrize("fault", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_resolved_is_no_answer_with_the_reason(fault):
    def resolve(host: str, port: int) -> list[Any]:
        raise fault

    with pytest.raises(NoAnswer, match=str(fault.args[-1])):
        ask(Urllib3Outbound(Network(LOOPBACK, resolve)))


def test_a_name_without_addresses_is_no_answer(offline):
    with pytest.raises(NoAnswer, match=r"agent\.example\.com has no address"):
        ask(offline([]).outbound)


def test_the_resolver_of_the_machine_and_a_real_connection(line):
    found = system_resolve(*at(line))
    assert found == [(socket.AF_INET, at(line))]
    with system_connect(*found[0], 5) as made:
        assert made.getpeername() == at(line)


def test_an_allowed_name_is_let_through_wherever_it_is(offline, line):
    rules = read_rules("agent.example.com", private_allowed=False)
    made = offline(["127.0.0.1"], rules=rules, leads_to=at(line))
    assert ask(made.outbound).status == 200
    with pytest.raises(InvalidInput, match="leads inside"):
        ask(made.outbound, "http://other.example.com/")


def test_a_connection_that_rested_too_long_is_not_used_again(offline, line, monkeypatch):
    monkeypatch.setattr("headrace.adapters.outbound_urllib3.connections._LONGEST_IDLE_SECONDS", 0)
    made, peer = offline(rules=LOOPBACK, leads_to=at(line)), HttpPeer(line)
    for _ in range(2):
        assert ask(made.outbound, peer.url).status == 200
    assert line.connections == 2
