"""Not one URL of the hostile corpus leads inside, and every URL of the plain one is let through. Nothing is sent:
names and connections are played by `Offline`.

A new URL is a new line in `tests/corpora/hostile_urls.jsonl`: `url`, `why`, and for a name `answers`, what name
servers say to one request after the other. The last request has to be refused, and none may be sent inside.
"""

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from headrace.adapters.outbound_urllib3 import Network
from headrace.errors import InvalidInput
from headrace.ports.addresses import read_rules, special_kind
from headrace.ports.outbound import NoAnswer, OutboundRequest

CORPORA = Path(__file__).parents[3] / "corpora"
HOSTILE = [json.loads(line) for line in (CORPORA / "hostile_urls.jsonl").read_text().splitlines()]
PLAIN = (CORPORA / "plain_urls.txt").read_text().splitlines()


def test_the_corpora_are_large_enough():
    assert len(HOSTILE) >= 100
    assert len(PLAIN) >= 30


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: ascii(line["url"]) + line["why"])
def test_a_hostile_url_is_refused_and_nothing_is_sent_inside(offline: Any, line: dict[str, Any]) -> None:
    answers = line.get("answers", [])
    made = offline(*answers)
    outbound = made.outbound
    for _ in answers[1:]:
        with pytest.raises(NoAnswer):
            outbound.send(OutboundRequest(line["url"], b"[]"))
    with pytest.raises(InvalidInput) as caught:
        outbound.send(OutboundRequest(line["url"], b"[]"))
    assert caught.value.field == "url"
    assert [address for address in made.tried if special_kind(ip_address(address))] == []


@pytest.mark.parametrize(
    "line", [line for line in HOSTILE if "answers" not in line], ids=lambda line: ascii(line["url"])
)
def test_a_hostile_url_is_refused_when_it_is_typed_and_nobody_is_asked(offline: Any, line: dict[str, Any]) -> None:
    made = offline()
    with pytest.raises(InvalidInput) as caught:
        made.outbound.check(line["url"])
    assert caught.value.field == "url"
    assert made.asked == []


@pytest.mark.parametrize("url", PLAIN, ids=ascii)
def test_a_plain_url_is_let_through_to_a_public_address(offline: Any, url: str) -> None:
    made = offline()
    outbound = made.outbound
    outbound.check(url)
    with pytest.raises(NoAnswer, match="nobody is there"):
        outbound.send(OutboundRequest(url, b"[]"))
    assert len(made.tried) == 1


def test_where_private_addresses_are_allowed_they_are_let_through(offline):
    made = offline(["10.0.0.1"], rules=read_rules("", private_allowed=True))
    outbound = made.outbound
    for url in ("http://127.0.0.1/", "http://localhost/", "http://agent:8000/process", "http://[::1]/"):
        outbound.check(url)
        with pytest.raises(NoAnswer, match="nobody is there"):
            outbound.send(OutboundRequest(url, b"[]"))
    assert made.tried == ["127.0.0.1", "10.0.0.1", "10.0.0.1", "::1"]


def test_a_refusal_names_the_host_the_address_and_the_settings(offline):
    with pytest.raises(InvalidInput) as caught:
        offline(["10.0.0.5"]).outbound.send(OutboundRequest("https://hooks.example.com/secret", b"[]"))
    assert str(caught.value) == (
        "leads inside: hooks.example.com is at 10.0.0.5, a private address, "
        "and neither HEADRACE_OUTBOUND_ALLOW_PRIVATE nor HEADRACE_OUTBOUND_ALLOW allows it"
    )


def test_a_network_refuses_without_rules_of_its_own_knowing_the_url():
    """Whoever else opens sockets through it, another library say, is under the same rules."""
    with pytest.raises(InvalidInput, match="leads inside"):
        Network(read_rules("", private_allowed=False)).open("127.0.0.1", 80, 1)
