"""Access tokens that are forged, foreign or expired; what is left of a refresh token's story is in `test_auth`."""

import base64
import json
from datetime import timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import NotAuthenticated, Unavailable
from headrace.teams.operations.tokens import (
    ACCESS_LIFE,
    SigningKeys,
    access_token,
    account_of,
    end_family,
    rotate,
    start_family,
)
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

SECRET = "a secret of thirty-two characters!"
KEYS = SigningKeys({"k1": SECRET})
CLOCK = FakeClock()
NOW = CLOCK.now_unix_nano() // 10**9
CLAIMS = {"sub": "ada", "aud": "headrace", "iat": NOW, "exp": NOW + 900}


def part(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(claims=CLAIMS, secret=SECRET, algorithm="HS256", **header) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": "k1", **header})


def test_a_token_says_who_its_holder_is():
    assert account_of(access_token("ada", KEYS, CLOCK), KEYS, CLOCK) == "ada"
    assert account_of(signed(), KEYS, CLOCK) == "ada"


def test_each_token_is_another_one():
    assert access_token("ada", KEYS, CLOCK) != access_token("ada", KEYS, CLOCK)


def test_a_token_expires_by_the_clock_of_the_deployment():
    clock = FakeClock()
    token = access_token("ada", KEYS, clock)
    clock.advance(ACCESS_LIFE - timedelta(seconds=1))
    assert account_of(token, KEYS, clock) == "ada"
    clock.advance(seconds=1)
    with pytest.raises(NotAuthenticated, match="expired"):
        account_of(token, KEYS, clock)


FORGED = {
    "no algorithm": f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'k1'})}.{part(CLAIMS)}.",
    "no algorithm, in capitals": f"{part({'alg': 'NONE', 'kid': 'k1'})}.{part(CLAIMS)}.",
    "no algorithm, with a signature": f"{part({'alg': 'none', 'kid': 'k1'})}.{part(CLAIMS)}.{signed().rsplit('.')[2]}",
    "another HMAC": signed(secret=SECRET * 2, algorithm="HS512"),
    "another HMAC with our secret": signed(secret=SECRET * 2, algorithm="HS384"),
    "the algorithm of key pairs": f"{part({'alg': 'RS256', 'kid': 'k1'})}.{part(CLAIMS)}.{signed().rsplit('.')[2]}",
    "another secret": signed(secret="b secret of thirty-two characters!"),
    "a key id that is not ours": signed(kid="k2"),
    "an empty key id": signed(kid=""),
    "no key id": jwt.encode(CLAIMS, SECRET, algorithm="HS256"),
    "a key id that is a list": f"{part({'alg': 'HS256', 'kid': ['k1']})}.{part(CLAIMS)}.x",
    "a key id that is an object": f"{part({'alg': 'HS256', 'kid': {'k1': 1}})}.{part(CLAIMS)}.x",
    "a key id that is a path": signed(kid="../../../dev/null"),
    "another audience": signed({**CLAIMS, "aud": "another"}),
    "no audience": signed({key: value for key, value in CLAIMS.items() if key != "aud"}),
    "no end": signed({key: value for key, value in CLAIMS.items() if key != "exp"}),
    "no holder": signed({key: value for key, value in CLAIMS.items() if key != "sub"}),
    "a holder that is a number": signed({**CLAIMS, "sub": 7}),
    "an end that is a word": signed({**CLAIMS, "exp": "never"}),
    "an end that is infinite": signed({**CLAIMS, "exp": 1e999}),
    "an end that is no number": signed({**CLAIMS, "exp": float("nan")}),
    "an end that is a list": signed({**CLAIMS, "exp": []}),
    "an end long ago": signed({**CLAIMS, "exp": NOW}),
    "a changed holder": ".".join([signed().split(".")[0], part({**CLAIMS, "sub": "eve"}), signed().split(".")[2]]),
    "no signature": signed().rsplit(".", 1)[0] + ".",
    "two parts": signed().rsplit(".", 1)[0],
    "four parts": signed() + ".x",
    "nothing": "",
    "dots": "..",
    "no base64": "é.é.é",
    "a header that is a list": f"{part(['alg', 'HS256'])}.{part(CLAIMS)}.x",
    "a header with a key of its own": signed(jwk={"kty": "oct", "k": "eA"}),
    "a header with an address of a key": signed(jku="http://127.0.0.1/keys", x5u="http://127.0.0.1/cert"),
    "a header with a claim that must be understood": signed(crit=["exp"], exp=1),
}
TAKEN = {"a header with a key of its own", "a header with an address of a key"}
"""Ours, signed by us: what else their header says is not even looked at."""


@pytest.mark.parametrize("kind", FORGED)
def test_a_token_that_is_not_ours_is_refused(kind):
    if kind in TAKEN:
        assert account_of(FORGED[kind], KEYS, CLOCK) == "ada"
        return
    with pytest.raises(NotAuthenticated):
        account_of(FORGED[kind], KEYS, CLOCK)


@given(
    st.text(max_size=300)
    | st.lists(st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode())).map(".".join)
)
def test_no_text_at_all_breaks_the_check(text):
    with pytest.raises(NotAuthenticated):
        account_of(text, KEYS, CLOCK)


@given(position=st.integers(0, 200), replacement=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_single_changed_character_is_overlooked(position, replacement):
    token = signed()
    at = position % len(token)
    changed = token[:at] + replacement + token[at + 1 :]
    same = changed == token or at == len(token) - 1  # the last character carries unused bits
    if not same:
        with pytest.raises(NotAuthenticated):
            account_of(changed, KEYS, CLOCK)


def test_keys_rotate_by_their_ids():
    old, new = SigningKeys({"k1": SECRET}), SigningKeys({"k2": "b" * 32, "k1": SECRET})
    before, after = access_token("ada", old, CLOCK), access_token("ada", new, CLOCK)
    assert jwt.get_unverified_header(after)["kid"] == "k2"
    assert [account_of(token, new, CLOCK) for token in (before, after)] == ["ada", "ada"]
    retired = SigningKeys({"k2": "b" * 32})
    assert account_of(after, retired, CLOCK) == "ada"
    with pytest.raises(NotAuthenticated):
        account_of(before, retired, CLOCK)


def test_secrets_are_not_shown():
    assert SECRET not in repr(KEYS)


def test_an_outage_while_rotating_leaves_the_token_usable():
    table = FakeTable(CLOCK)
    token = start_family("ada", table, CLOCK)
    table.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        rotate(token, table, CLOCK)
    table.outage = None
    assert rotate(token, table, CLOCK)[0] == "ada"


def test_nothing_of_a_family_outlives_it_in_the_table():
    clock = FakeClock()
    table = FakeTable(clock)
    token = start_family("ada", table, clock)
    for _ in range(3):
        _, token = rotate(token, table, clock)
    end_family(token, table)
    clock.advance(timedelta(days=30, seconds=1))
    assert table.items == []
