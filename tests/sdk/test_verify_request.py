"""Signatures of others are checked as their specification says, and no other way gets through."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from headrace_sdk import (
    ConfigurationError,
    SignatureHeaderError,
    SignatureMismatchError,
    TimestampToleranceError,
    VerificationError,
    VerifiedRequest,
    verify_request,
)

# The example of the specification ("Signature scheme"), signed apart from any code here with
#   printf '%s' "$ID.$TIME.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
SIGNED_AT = datetime(2023, 1, 19, 0, 13, 51, tzinfo=UTC)
BODY = (
    b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z",'
    b'"data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
)
SIGNATURE = "v1,Inw/unYkpAh6Njpdz4O+hnN82xYMXQ6NjnZIQN/mzIQ="

OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()


def headers(**changes):
    given = {
        "webhook-id": ID,
        "webhook-timestamp": str(int(SIGNED_AT.timestamp())),
        "webhook-signature": SIGNATURE,
    }
    given |= {f"webhook-{name}": value for name, value in changes.items()}
    return {name: value for name, value in given.items() if value is not None}


def check(body=BODY, given=None, secrets=(SECRET,), **settings):
    return verify_request(body, given or headers(), secrets, **{"now": SIGNED_AT, **settings})


def signed_with(key, body=BODY):
    signed = f"{ID}.{int(SIGNED_AT.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_the_example_of_the_specification_is_verified():
    assert check() == VerifiedRequest(id=ID, timestamp=SIGNED_AT)


def test_what_the_reference_library_signs_now_is_verified():
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign(ID, now, BODY.decode())
    given = headers(timestamp=str(int(now.timestamp())), signature=signature)
    assert verify_request(BODY, given, SECRET).id == ID
    Webhook(SECRET).verify(BODY, given)


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), "whsec_bWlzc2luZw"])
def test_secrets_are_read_as_the_reference_library_reads_them(secret):
    signature = Webhook(secret).sign(ID, SIGNED_AT, BODY.decode())
    assert check(given=headers(signature=signature), secrets=[secret]).id == ID


@pytest.mark.parametrize(
    ("secret", "key"), [("not base64!", b"not base64!"), ("abcd", b"abcd"), (b"\x00\xff", b"\x00\xff")]
)
def test_secrets_that_are_plain_text_or_bytes_are_taken_as_they_stand(secret, key):
    given = headers(signature=signed_with(key))
    assert check(given=given, secrets=secret).id == ID
    assert check(given=given, secrets=[OTHER, secret]).id == ID


def test_header_names_are_found_in_any_case():
    assert check(given={name.title(): value for name, value in headers().items()}).id == ID


def test_a_body_that_is_not_text_is_verified():
    body = b"\x80\x00\xff"
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert check(body, headers(signature=signed_with(key, body))).id == ID


def test_during_a_change_of_secrets_one_of_several_is_enough():
    assert check(secrets=[OTHER, SECRET]).id == ID
    assert check(secrets=iter([SECRET, OTHER])).id == ID


@pytest.mark.parametrize(
    "signature",
    [
        f"v1,AAAA {SIGNATURE}",
        f"{SIGNATURE} v1,AAAA",
        f"v1a,AAAA {SIGNATURE} v2,x",
        f"v1,é garbage {SIGNATURE}",
    ],
)
def test_one_of_several_signatures_is_enough(signature):
    assert check(given=headers(signature=signature)).id == ID


@pytest.mark.parametrize(
    ("body", "given", "secrets"),
    [
        (BODY + b" ", headers(), [SECRET]),
        (b"", headers(), [SECRET]),
        (BODY, headers(id="msg_another"), [SECRET]),
        (BODY, headers(timestamp=str(int(SIGNED_AT.timestamp()) + 1)), [SECRET]),
        (BODY, headers(), [OTHER]),
        (BODY, headers(signature=SIGNATURE.replace("v1,", "v1a,")), [SECRET]),
        (BODY, headers(signature=SIGNATURE.removeprefix("v1,")), [SECRET]),
        (BODY, headers(signature=SIGNATURE[:-2]), [SECRET]),
        (BODY, headers(signature="v1,"), [SECRET]),
        (BODY, headers(signature="v1"), [SECRET]),
        (BODY, headers(signature="  ,, v1,\N{SNOWMAN} "), [SECRET]),
        (BODY, headers(signature=signed_with(b"")), [SECRET]),
    ],
)
def test_whatever_was_not_signed_with_the_secret_is_refused(body, given, secrets):
    with pytest.raises(SignatureMismatchError) as refused:
        check(body, given, secrets)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_header_is_named(name, value):
    with pytest.raises(SignatureHeaderError, match=f"webhook-{name} is missing") as refused:
        check(given=headers(**{name: value}))
    assert refused.value.header == f"webhook-{name}"
    assert isinstance(refused.value, VerificationError)


@pytest.mark.parametrize("value", ["soon", "1674087231.0", "-1", "+1674087231", "1e9", "١٦٧٤٠٨٧٢٣١", "9" * 40, " 1"])
def test_a_time_that_is_not_in_whole_seconds_is_refused(value):
    with pytest.raises(SignatureHeaderError, match="webhook-timestamp"):
        check(given=headers(timestamp=value))


def test_an_id_with_a_full_stop_is_refused_since_it_could_move_the_border_to_the_body():
    body = b"1674087231.rest of it"
    shifted = headers(id="msg_1.1674087231", signature=SIGNATURE)
    with pytest.raises(SignatureHeaderError, match="full stop"):
        check(body, shifted)


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_within_the_tolerance_it_is_verified(seconds):
    assert check(now=SIGNED_AT + timedelta(seconds=seconds)).id == ID


@pytest.mark.parametrize(("seconds", "word"), [(301, "ago"), (-301, "in the future"), (10**9, "ago")])
def test_a_request_signed_outside_the_tolerance_is_refused_with_its_age(seconds, word):
    with pytest.raises(TimestampToleranceError, match=word) as refused:
        check(now=SIGNED_AT + timedelta(seconds=seconds))
    assert refused.value.age == timedelta(seconds=seconds)
    assert refused.value.tolerance == timedelta(minutes=5)


def test_the_tolerance_can_be_set():
    assert check(now=SIGNED_AT + timedelta(hours=1), tolerance=timedelta(hours=2)).id == ID


@pytest.mark.parametrize("secrets", [[], "", b"", [""], ["whsec_"], ["whsec_!!!!"], [SECRET, ""], [SECRET, b""]])
def test_a_secret_that_would_let_anybody_sign_is_refused(secrets):
    with pytest.raises(ConfigurationError, match="secret"):
        check(secrets=secrets, given=headers(signature=signed_with(b"")))
