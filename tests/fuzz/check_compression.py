"""gzip: ISA-L and zlib agree on what is gzip and on what comes out, and never more than the limit comes out."""

import gzip
import zlib

from hypothesis import strategies as st

from headrace.compression import decode_gzip
from headrace.errors import InvalidInput, TooLarge
from tests.fuzz.damage import damaged

_LIMIT_BYTES = 64 * 1024
_REFUSED = "refused"
"""For damage or for size: of what has both, each may come upon another one first."""
_ODD_HEADER = "its header"
"""Reserved flags, or the check sum of the header: nothing that comes out depends on it."""

_members = st.builds(
    lambda data, level: gzip.compress(data, level, mtime=0), st.binary(max_size=200), st.integers(0, 9)
)
inputs = damaged(st.lists(_members, max_size=3).map(b"".join)) | st.binary(max_size=40)


def check(packed: bytes) -> None:
    """What zlib takes is taken, and the same comes out; ISA-L alone overlooks oddities of a member's header."""
    wanted = _by_zlib(packed)
    assert wanted in (_ours(packed), _ODD_HEADER)


def _ours(packed: bytes) -> bytes | str:
    try:
        out = decode_gzip(packed, limit_bytes=_LIMIT_BYTES)
    except (InvalidInput, TooLarge):
        return _REFUSED
    assert len(out) <= _LIMIT_BYTES
    return out


def _by_zlib(packed: bytes) -> bytes | str:
    out, left = b"", packed
    while left:
        member = zlib.decompressobj(31)
        try:
            out += member.decompress(left, _LIMIT_BYTES + 1 - len(out))
            while not member.eof and len(out) <= _LIMIT_BYTES and member.unconsumed_tail:
                out += member.decompress(member.unconsumed_tail, _LIMIT_BYTES + 1 - len(out))
        except zlib.error as cause:
            return _ODD_HEADER if "header" in str(cause) else _REFUSED
        if len(out) > _LIMIT_BYTES:
            return _REFUSED
        if not member.eof:
            return _REFUSED
        left = member.unused_data
    return out
