from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigError
from headrace.ports.addresses import literal, read_rules, special_kind

SHARED = read_rules("", private_allowed=False)
BEYOND_PYTHON = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""Forms of IPv4 addresses, of which Python does not ask which address they stand for."""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.1.2.3", "a private address"),
        ("172.16.0.1", "a private address"),
        ("192.168.1.1", "a private address"),
        ("127.0.0.53", "a loopback address"),
        ("169.254.1.1", "a link-local address"),
        ("169.254.169.254", "an address of a cloud's metadata"),
        ("168.63.129.16", "an address of a cloud's metadata"),
        ("100.64.0.1", "an address of carrier-grade NAT"),
        ("224.0.0.1", "a multicast address"),
        ("0.0.0.0", "the unspecified address"),  # noqa: S104 - nothing is bound
        ("255.255.255.255", "the broadcast address"),
        ("198.18.0.1", "an address for benchmarks"),
        ("203.0.113.9", "an address for documentation"),
        ("::", "the unspecified address"),
        ("::1", "a loopback address"),
        ("fd00::1", "a private address"),
        ("fd00:ec2::254", "an address of a cloud's metadata"),
        ("fe80::1%eth0", "a link-local address"),
        ("ff02::1", "a multicast address"),
        ("2002:808:808::", "an address of a 6to4 tunnel"),
        ("2001::1", "an address of a Teredo tunnel"),
        ("::127.0.0.1", "a reserved address"),
        ("::ffff:127.0.0.1", "a form of 127.0.0.1, a loopback address"),
        ("64:ff9b::a00:1", "a form of 10.0.0.1, a private address"),
        ("2606:4700::5efe:a00:1", "a form of 10.0.0.1, a private address"),
        ("64:ff9b:1::808:808", "an address of NAT64 inside a network"),
    ],
)
def test_a_special_address_is_called_what_it_is(address, words):
    assert special_kind(ip_address(address)) == words


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "223.255.255.1"]
)
def test_a_public_address_is_nothing_special(address):
    assert special_kind(ip_address(address)) is None


@given(st.ip_addresses() | st.ip_addresses(network="0.0.0.0/4") | st.ip_addresses(network="2000::/15"))
def test_what_python_does_not_call_global_is_special(address: IPv4Address | IPv6Address) -> None:
    if any(address in network for network in BEYOND_PYTHON):
        return
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert special_kind(address) is not None


@given(st.ip_addresses(v=4))
def test_each_form_of_an_address_is_as_special_as_the_address(address: IPv4Address) -> None:
    mapped, nat64 = IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}")
    assert {special_kind(form) is None for form in (mapped, nat64)} == {special_kind(address) is None}


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "x.local", "vault.internal", "agent", "a.svc", "127.0.0.1"]
)
def test_a_host_inside_is_refused_by_its_name(host):
    assert "leads inside: " in (SHARED.refusal_of_host(host) or "")
    assert read_rules("", private_allowed=True).refusal_of_host(host) is None


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "mylocal.example", "8.8.8.8"])
def test_a_host_outside_is_not(host):
    assert SHARED.refusal_of_host(host) is None


def test_an_allowed_network_lets_its_addresses_through_in_all_their_forms():
    rules = read_rules(" 10.1.0.0/16, fd00:1::/32,192.0.2.7 ", private_allowed=False)
    allowed = ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00:1::5", "192.0.2.7"]
    refused = ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::5", "192.0.2.8", "127.0.0.1"]
    for host in [*allowed, *refused]:
        assert (rules.refusal_of_address(host, ip_address(host)) is None) == (host in allowed)


def test_where_a_network_is_allowed_a_name_inside_may_be_in_it():
    rules = read_rules("10.1.0.0/16", private_allowed=False)
    assert rules.refusal_of_host("agent.prod.svc") is None
    assert rules.refusal_of_address("agent.prod.svc", ip_address("10.1.0.9")) is None
    assert rules.refusal_of_address("agent.prod.svc", ip_address("10.2.0.9")) is not None


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("agent.example.com", True),
        ("agent.example.com.", True),
        ("a.agents.test", True),
        ("a.b.agents.test", True),
        ("agents.test", False),
        ("xagents.test", False),
        ("sub.agent.example.com", False),
        ("example.com", False),
    ],
)
def test_an_allowed_name_may_be_anywhere(host, allowed):
    rules = read_rules("Agent.Example.com, *.agents.test", private_allowed=False)
    assert (rules.refusal_of_address(host, ip_address("127.0.0.1")) is None) == allowed


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/33", "10.0.0.1/8", "http://a/", "a b", "a.*.com", "127.1", "256.1.1.1", "a:80"]
)
def test_an_entry_that_means_nothing_is_a_configuration_error(entry):
    with pytest.raises(ConfigError, match="HEADRACE_OUTBOUND_ALLOW must hold addresses, networks and host names"):
        read_rules(f"example.com, {entry}", private_allowed=False)


def test_a_literal_is_an_address_with_or_without_a_trailing_dot():
    assert [str(literal(host)) for host in ("1.2.3.4", "1.2.3.4.", "::1", "a.example")] == ["1.2.3.4"] * 2 + [
        "::1",
        "None",
    ]
