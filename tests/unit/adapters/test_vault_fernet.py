import base64
import hashlib
import hmac

import pytest
from cryptography.fernet import Fernet

from headrace.adapters.vault_fernet import FernetVault
from headrace.errors import ConfigError, Unavailable

GENERATED = "W)ZRFH|)64;Z@|95T?K2u./xcHj=t}+bc>q&x&FI/U+^!HV${a]MIY]U5/ByaK}="
"""As Secrets Manager makes them."""


def test_long_text_is_a_key_that_is_the_same_each_time():
    assert FernetVault([GENERATED]).open(FernetVault([GENERATED]).seal("hush")) == "hush"


def test_another_text_is_another_key():
    with pytest.raises(Unavailable):
        FernetVault([GENERATED[::-1]]).open(FernetVault([GENERATED]).seal("hush"))


def test_the_key_of_a_text_is_the_one_of_rfc_5869():
    """Reckoned by hand, so that no release can lose what an earlier one sealed."""
    extracted = hmac.digest(bytes(32), GENERATED.encode(), hashlib.sha256)
    key = hmac.digest(extracted, b"headrace encryption key\x01", hashlib.sha256)
    assert Fernet(base64.urlsafe_b64encode(key)).decrypt(FernetVault([GENERATED]).seal("hush").encode()) == b"hush"


def test_a_key_is_followed_by_a_text_and_both_open_what_they_sealed():
    key = Fernet.generate_key().decode()
    rotated = FernetVault([GENERATED, key])
    assert rotated.open(FernetVault([key]).seal("old")) == "old"
    assert FernetVault([GENERATED]).open(rotated.seal("new")) == "new"


@pytest.mark.parametrize("change", [lambda key: key[1:], lambda key: key[:-2], lambda key: "", lambda key: "x" * 47])
def test_a_mistyped_key_is_no_text_to_make_another_of(change):
    with pytest.raises(ConfigError, match="HEADRACE_ENCRYPTION_KEYS"):
        FernetVault([change(Fernet.generate_key().decode())])
