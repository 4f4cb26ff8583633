"""Which addresses are public, and where a deployment lets its users send to.

Headrace sends to URLs that users typed. In a shared deployment these may not lead inside: to its own machines, to the
metadata service of its cloud, to the tunnels and translations of IPv6 that end there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeVar

from headrace.errors import ConfigError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
SomeNetwork = TypeVar("SomeNetwork", IPv4Network, IPv6Network)

# The first that fits says what an address is. From the IANA registries of special-purpose addresses
# (https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry), RFC 6890, and the
# documentation of the clouds. Some metadata services sit on addresses that look public.
_METADATA = "an address of a cloud's metadata"
_IPV4 = (
    ("169.254.169.254/32", _METADATA),
    ("169.254.170.2/32", _METADATA),  # credentials of a task on ECS
    ("169.254.170.23/32", _METADATA),  # credentials of a pod on EKS
    ("100.100.100.200/32", _METADATA),  # Alibaba
    ("168.63.129.16/32", _METADATA),  # Azure
    ("192.0.0.192/32", _METADATA),  # Oracle
    ("0.0.0.0/32", "the unspecified address"),
    ("0.0.0.0/8", "an address of this very network"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "an address of carrier-grade NAT"),
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "an address for documentation"),
    ("192.88.99.0/24", "a reserved address"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "an address for benchmarks"),
    ("198.51.100.0/24", "an address for documentation"),
    ("203.0.113.0/24", "an address for documentation"),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
)
_IPV6 = (
    ("fd00:ec2::254/128", _METADATA),  # AWS
    ("fd00:ec2::23/128", _METADATA),  # credentials of a pod on EKS
    ("fd20:ce::254/128", _METADATA),  # Google
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address"),
    ("ff00::/8", "a multicast address"),
    ("64:ff9b:1::/48", "an address of NAT64 inside a network"),
    ("2001::/32", "an address of a Teredo tunnel"),
    ("2002::/16", "an address of a 6to4 tunnel"),
    ("2001:2::/48", "an address for benchmarks"),
    ("2001:db8::/32", "an address for documentation"),
    ("3fff::/20", "an address for documentation"),
    ("2001::/23", "a reserved address"),
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_OUTSIDE_GLOBAL = "a reserved address"

_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

_LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "svc", "home.arpa")
"""RFC 6761 section 6.3, custom, RFC 6762 section 3, ICANN's `internal`, Kubernetes, RFC 8375."""
_LOCAL_ENDS = tuple(f".{name}" for name in _LOCAL_NAMES)

_NAME = re.compile(r"(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


def _networks(kind: type[SomeNetwork], table: Iterable[tuple[str, str]]) -> tuple[tuple[SomeNetwork, str], ...]:
    return tuple((kind(network), words) for network, words in table)


_IPV4_KINDS, _IPV6_KINDS = _networks(IPv4Network, _IPV4), _networks(IPv6Network, _IPV6)


def special_kind(address: Address) -> str | None:
    """What keeps `address` from being a public one, as words: "a private address"; None for a public one."""
    if isinstance(address, IPv4Address):
        return next((words for network, words in _IPV4_KINDS if address in network), None)
    inner = _inner(address)
    if inner is not None and (kind := special_kind(inner)) is not None:
        return f"a form of {inner}, {kind}"
    if address.ipv4_mapped is not None or address in _NAT64:
        return None
    special = next((words for network, words in _IPV6_KINDS if address in network), None)
    return special if special or address in _GLOBAL_IPV6 else _OUTSIDE_GLOBAL


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped (RFC 4291), NAT64 (RFC 6052), ISATAP (RFC 5214)."""
    if isinstance(address, IPv4Address):
        return None
    last = int(address) & 0xFFFF_FFFF
    isatap = (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
    return IPv4Address(last) if isatap or address.ipv4_mapped is not None or address in _NAT64 else None


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Where requests to users' URLs may go. Made by `read_rules`."""

    private_allowed: bool = False
    names: frozenset[str] = frozenset()
    """Allowed host names; `*.example.com` allows what lies under it."""
    networks: tuple[Network, ...] = ()

    def refusal_of_host(self, host: str) -> str | None:
        """Why nothing may be sent to `host`, as far as that is known without resolving it; None when it may be.

        `host` is an IP address or a name in lower case, without brackets.
        """
        if self.private_allowed or self._allows_name(host):
            return None
        address = literal(host)
        if address is not None:
            return self.refusal_of_address(host, address)
        name = host.removesuffix(".")
        inside = "." not in name or name in _LOCAL_NAMES or name.endswith(_LOCAL_ENDS)
        # Where some networks are allowed, such a name may be in one of them: its addresses decide.
        return _refusal(f"{host} is a name inside a network") if inside and not self.networks else None

    def refusal_of_address(self, host: str, address: Address) -> str | None:
        """Why nothing may be sent to `address`, which `host` stands for; None when it may be."""
        if self.private_allowed or self._allows_name(host):
            return None
        kind = special_kind(address)
        if kind is None or any(self._allows(each) for each in (address, _inner(address)) if each is not None):
            return None
        return _refusal(f"{address} is {kind}" if host == str(address) else f"{host} is at {address}, {kind}")

    def _allows(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def _allows_name(self, host: str) -> bool:
        name = host.removesuffix(".")
        if name in self.names:
            return True
        labels = name.split(".")
        return any("*." + ".".join(labels[start:]) in self.names for start in range(1, len(labels)))


def _refusal(fact: str) -> str:
    return f"leads inside: {fact}, and neither HEADRACE_OUTBOUND_ALLOW_PRIVATE nor HEADRACE_OUTBOUND_ALLOW allows it"


def literal(host: str) -> Address | None:
    """The IP address that `host` is, a trailing dot aside; None when it is a name."""
    try:
        return ip_address(host.removesuffix("."))
    except ValueError:
        return None


def read_rules(allow_list: str, *, private_allowed: bool) -> AddressRules:
    """Rules from settings; `allow_list` holds addresses, networks and host names, with commas.

    Raises:
        ConfigError: an entry that is none of these.
    """
    names, networks = [], []
    for entry in filter(None, (each.strip().lower() for each in allow_list.split(","))):
        try:
            networks.append(ip_network(entry))
        except ValueError as cause:
            if "/" in entry or not _NAME.fullmatch(entry) or entry.rpartition(".")[2].isdecimal():
                raise ConfigError(
                    f"HEADRACE_OUTBOUND_ALLOW must hold addresses, networks and host names, not {entry!r}: {cause}"
                ) from cause
            names.append(entry.removesuffix("."))
    return AddressRules(private_allowed, frozenset(names), tuple(networks))
