"""Standard Webhooks: what is signed here is what the library, the SDK and a calculation by hand say."""

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from headrace.route.wire.signing import encode_signature
from headrace_sdk import SignatureMismatchError, verify_request

SECRET, NEXT, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "bmV4dA" * 6, "whsec_" + "b3RoZXJz" * 4
BODY = '{"title": "Pool exhausted – 14 connections", "n": 123456789012345678901234567890}'.encode()
SECONDS = 1_700_000_000


def signed(*secrets, seconds=SECONDS):
    return encode_signature("msg_1", BODY, secrets, seconds * 1_000_000_000 + 999_999_999)


def test_the_signature_is_the_one_calculated_by_hand():
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    mac = hmac.new(key, b"msg_1.1700000000." + BODY, hashlib.sha256).digest()
    assert signed(SECRET) == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def test_the_signature_is_that_of_the_specifications_own_example():
    body = b'{"test": 2432232314}'
    found = encode_signature("msg_p5jXN8AQM9LWM0D4loKWxJek", body, [SECRET], 1_614_265_330 * 10**9)
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [SECRET, NEXT])
def test_the_library_takes_it_with_either_of_two_secrets(secret):
    Webhook(secret).verify(BODY, signed(NEXT, SECRET, seconds=int(time.time())))


def test_the_library_refuses_it_with_another_secret():
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, signed(NEXT, SECRET, seconds=int(time.time())))


@pytest.mark.parametrize("secret", [SECRET, NEXT])
def test_the_sdk_takes_it_with_either_of_two_secrets(secret):
    now = datetime.fromtimestamp(SECONDS, UTC)
    assert verify_request(BODY, signed(NEXT, SECRET), secret, now=now).id == "msg_1"
    with pytest.raises(SignatureMismatchError):
        verify_request(BODY, signed(NEXT, SECRET), OTHER, now=now)


def test_a_secret_of_plain_text_is_its_own_bytes():
    plain = "not base64: 24 characters!"
    now = datetime.fromtimestamp(SECONDS, UTC)
    assert verify_request(BODY, signed(plain), plain, now=now).timestamp == now
    Webhook(plain.encode()).verify(BODY, signed(plain, seconds=int(time.time())))


def test_without_a_secret_there_is_no_signature():
    assert signed() == {"webhook-id": "msg_1", "webhook-timestamp": "1700000000"}
