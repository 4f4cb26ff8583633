"""gzip, with a bound on what comes out. Uses ISA-L, which does the same as zlib in a fifth of the time."""

from isal import igzip_lib, isal_zlib
from pybase64 import b64decode, b64encode_as_string

from headrace.errors import InvalidInput, TooLarge

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_STEP_BYTES = 1 << 20
_WORKING_MEMORY = igzip_lib.MEM_LEVEL_MEDIUM
"""The usual level packs no better, but is so large that malloc gives it back to the system after every call and asks
for fresh pages for the next: a third of the time at 240 KB."""
_WINDOW_BYTES = 4096


def decode_gzip(packed: bytes, *, limit_bytes: int) -> bytes:
    """The unpacked bytes, all members one after the other. Stops as soon as the limit is passed.

    Raises:
        InvalidInput: not gzip, damaged, or cut short.
        TooLarge: more than `limit_bytes` would come out.
    """
    out, at, window = bytearray(), 0, len(packed)
    while at < len(packed):
        at = _decode_member(packed, at, window, out, limit_bytes)
        window = _WINDOW_BYTES
    return bytes(out)


def _decode_member(packed: bytes, at: int, window: int, out: bytearray, limit_bytes: int) -> int:
    """Unpack into `out` the member that starts at `at`, reading `window` bytes at a time; where it ends.

    What a member leaves of its window is copied. So only the first one, usually the only one, gets all there is:
    a body of 300,000 empty members would cost half a minute otherwise.
    """
    member = isal_zlib.decompressobj(_GZIP_WBITS)
    while not member.eof:
        pending = packed[at : at + window]
        if not pending:
            raise InvalidInput("the gzip data ends too early")
        at += len(pending)
        while pending and not member.eof:
            try:
                out += member.decompress(pending, _STEP_BYTES)
            except isal_zlib.error as cause:  # type: ignore[misc]  # its stub calls the class an instance
                raise InvalidInput(f"the gzip data is damaged: {cause}") from cause
            if len(out) > limit_bytes:
                raise TooLarge("the unpacked body", limit_bytes=limit_bytes)
            pending = member.unconsumed_tail
    return at - len(member.unused_data)


def encode_gzip_text(plain: bytes) -> str:
    """gzip, then base64: text that fits into any queue's message."""
    return b64encode_as_string(encode_gzip(plain))


def decode_gzip_text(text: str, *, limit_bytes: int) -> bytes:
    """The reverse of `encode_gzip_text`; raises as `decode_gzip` does."""
    try:
        return decode_gzip(b64decode(text, validate=True), limit_bytes=limit_bytes)
    except ValueError as cause:
        raise InvalidInput(f"the body is not base64: {cause}") from cause


def encode_gzip(data: bytes) -> bytes:
    """`data` as gzip, fast rather than small; the same bytes for the same data."""
    return igzip_lib.compress(data, 1, igzip_lib.COMP_GZIP, _WORKING_MEMORY)
