"""URLs that users type: what is let through can be read in one way only, and leads to nothing inside."""

from urllib.parse import urlsplit

from hypothesis import strategies as st

from headrace.adapters.outbound_urllib3.urls import Target, read_url
from headrace.errors import InvalidInput
from headrace.ports.addresses import literal, read_rules, special_kind
from tests.fuzz.damage import damaged

_RULES = read_rules("", private_allowed=False)
_hosts = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=4).map(lambda address: str(int(address))),
    st.ip_addresses(v=4).map(lambda address: f"[::ffff:{address}]"),
    st.sampled_from(["localhost", "example.com", "127.1", "0x7f.1", "metadata.google.internal", "①②⑦.⓪.⓪.①", "a.b."]),
    st.text(min_size=1, max_size=12),
)
_around = st.text(st.sampled_from("/\\@:#?%[]. \t\n\x00abc0①。"), max_size=6)
inputs = damaged(
    st.builds(
        lambda scheme, before, host, after: f"{scheme}://{before}{host}{after}".encode(errors="replace"),
        st.sampled_from(["http", "https", "HTTP", "ftp", "file"]),
        _around,
        _hosts,
        _around,
    )
)


def check(data: bytes) -> None:
    """A URL that is let through names one public host, the same for every reader of URLs."""
    text = data.decode(errors="replace")
    try:
        target = read_url(text)
    except InvalidInput:
        return
    _check_one_reading(text, target)
    if _RULES.refusal_of_host(target.host) is None and (address := literal(target.host)) is not None:
        assert special_kind(address) is None


def _check_one_reading(text: str, target: Target) -> None:
    assert target.scheme in ("http", "https")
    assert 0 < target.port < 65536
    assert target.host == target.host.lower()
    assert target.host.isascii()
    assert target.path.startswith(("/", "?"))
    assert not any(each <= " " or each == "\x7f" for each in target.path + target.host)
    host = f"[{target.host}]" if ":" in target.host else target.host
    assert read_url(f"{target.scheme}://{host}:{target.port}{target.path}") == target
    try:
        other = urlsplit(text)
    except ValueError:
        return  # refused by the other reader: nobody goes elsewhere
    if other.hostname is not None and other.hostname.isascii() and "%" not in other.netloc and ":" not in target.host:
        assert other.hostname.removesuffix(".") == target.host.removesuffix(".")
