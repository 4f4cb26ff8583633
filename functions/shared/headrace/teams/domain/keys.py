"""API keys: `hr_`, 32 base62 characters of secret (190 bits), 6 of check sum. Only a hash is ever stored.

The check sum lets a mistyped or made-up key be refused without asking a table.
"""

import secrets
import string
from hashlib import sha256
from zlib import crc32

PREFIX = "hr_"
SHOWN_CHARACTERS = len(PREFIX) + 6
"""How much of a key may be shown to tell it from others."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_CHARACTERS, _SUM_CHARACTERS = 32, 6


def new_key() -> str:
    """A fresh key."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS))
    return PREFIX + secret + _check_sum(secret)


def well_formed(key: str) -> bool:
    """Whether `key` could be one of ours, by its shape and check sum alone."""
    body = key.removeprefix(PREFIX)
    if not key.startswith(PREFIX) or len(body) != _SECRET_CHARACTERS + _SUM_CHARACTERS or not key.isascii():
        return False
    return _check_sum(body[:_SECRET_CHARACTERS]) == body[_SECRET_CHARACTERS:]


def hash_key(key: str) -> str:
    """What is stored. A plain hash will do: the secret is random, so there is nothing to guess."""
    return sha256(key.encode()).hexdigest()


def _check_sum(secret: str) -> str:
    number, digits = crc32(secret.encode()), []
    for _ in range(_SUM_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
