import gzip
import os
import subprocess
import sys
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compression import decode_gzip, decode_gzip_text, encode_gzip_text
from headrace.errors import InvalidInput, TooLarge

MIB = 1 << 20


def unpack(packed, limit_bytes=MIB):
    return decode_gzip(packed, limit_bytes=limit_bytes)


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_members_come_out_one_after_the_other(parts):
    assert unpack(b"".join(map(gzip.compress, parts))) == b"".join(parts)


def test_what_does_not_pack_comes_out_whole():
    noise = os.urandom(3 * MIB)
    assert unpack(gzip.compress(noise), 3 * MIB) == noise


@given(st.binary(max_size=500))
def test_text_and_back(plain):
    text = encode_gzip_text(plain)
    assert text.isascii()
    assert decode_gzip_text(text, limit_bytes=500) == plain


@pytest.mark.parametrize("members", [1, 3])
def test_every_cut_is_invalid_input(members):
    packed = gzip.compress(b"some text " * 20) * members
    ends = {len(packed) // members * each for each in range(members + 1)}
    for length in range(1, len(packed)):
        if length in ends:
            continue
        with pytest.raises(InvalidInput):
            unpack(packed[:length])


@pytest.mark.parametrize(
    "packed",
    [
        b"not gzip",
        b"\x1f\x8b",
        zlib.compress(b"zlib and not gzip"),
        gzip.compress(b"text", mtime=0) + b"rest",
        gzip.compress(b"text", mtime=0)[:-8] + bytes(8),
        gzip.compress(b"x" * 1000, mtime=0)[:20] + b"\xff" * 10,
    ],
)
def test_damage_is_invalid_input(packed):
    with pytest.raises(InvalidInput):
        unpack(packed)


@pytest.mark.parametrize("members", [1, 2])
def test_the_limit_is_for_all_members_and_exact(members):
    packed = gzip.compress(b"x" * 1000) * members
    assert len(unpack(packed, 1000 * members)) == 1000 * members
    with pytest.raises(TooLarge) as caught:
        unpack(packed, 1000 * members - 1)
    assert caught.value.limit_bytes == 1000 * members - 1


BOMB = """
import gzip, resource, sys
from headrace.errors import TooLarge
from headrace.compression import decode_gzip

flat = gzip.compress(bytes(1 << 20)) * int(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_gzip(flat, limit_bytes=2 << 20)
except TooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_costs_no_memory():
    command = [sys.executable, "-c", BOMB, "4000"]  # 4 MB that would be 4 GB
    grown_kib = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown_kib < 24 * 1024


@pytest.mark.parametrize("text", ["not base64!", "é", "AAA", b64encode(b"not gzip").decode()])
def test_text_that_was_not_made_here_is_invalid_input(text):
    with pytest.raises(InvalidInput):
        decode_gzip_text(text, limit_bytes=MIB)
