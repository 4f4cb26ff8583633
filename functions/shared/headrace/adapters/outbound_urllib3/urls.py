"""What a user typed as a URL → where to connect, and what to ask for there.

Whatever could be read in two ways is refused, so that nobody else can have read it in the other one.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from urllib3.exceptions import LocationValueError
from urllib3.util import Url, parse_url

from headrace.errors import InvalidInput

_LONGEST = 8192
_NEVER = re.compile(r"[\x00-\x20\x7f\\]")
_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart; `host` is an IP address without brackets, or a name in lower case, in ASCII."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What requests must share to share a connection."""
        return self.scheme, self.host, self.port


def read_url(text: str) -> Target:
    """Take a URL apart (RFC 3986, IDNA 2008).

    Raises:
        InvalidInput: it is not http or https, or not beyond doubt; `field` is "url".
    """
    if len(text) > _LONGEST:
        raise _unusable(f"it has {len(text)} characters, the limit is {_LONGEST}")
    if found := _NEVER.search(text):
        raise _unusable(f"it holds {found.group()!r}")
    try:
        url = parse_url(text)
    except (LocationValueError, ValueError) as wrong:  # a port of too many digits is a ValueError
        raise _unusable(str(wrong)) from wrong
    if url.scheme not in _PORTS:
        raise InvalidInput("has a URL that is not http or https", field="url")
    if not url.host:
        raise _unusable("it names no host")
    if url.auth is not None:
        raise _unusable("it holds a user name or password")
    if url.port == 0:
        raise _unusable("there is no port 0")
    return _target(url, url.scheme, url.host)


def _target(url: Url, scheme: str, host: str) -> Target:
    plain = _address(host[1:-1]) if host.startswith("[") else _name(host)
    return Target(scheme, plain, url.port or _PORTS[scheme], url.request_uri)


def _address(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError as wrong:
        raise _unusable(str(wrong)) from wrong
    if address.scope_id is not None:
        raise _unusable("an address with a zone means something on one machine only")
    return str(address)


def _name(host: str) -> str:
    """A name, or an IPv4 address; what ends in a number is one, in any of the ways of `inet_aton` (WHATWG URL 3.5)."""
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host.removesuffix(".")))
        except ValueError as wrong:
            raise _unusable("an IPv4 address must be four decimal numbers, as in 192.0.2.1") from wrong
    if len(host) > _LONGEST_NAME + 1 or not all(map(_LABEL.fullmatch, labels)):
        raise _unusable(f"{host[:_LONGEST_NAME]!r} cannot be the name of a host")
    return host


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(f"has a URL that cannot be used: {why}", field="url")
