"""Each way in which the other side can fail, and the one error that it becomes."""

import pickle
import socket
from datetime import timedelta

import pytest

from headrace_sdk import (
    AuthenticationError,
    HeadraceError,
    InvalidPayloadError,
    UnavailableError,
    UnexpectedResponseError,
)
from tests.sdk.conftest import KEY
from tests.sdk.loopback import dripping, endless, hang, hang_up, reply, stop_half_way


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, InvalidPayloadError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, UnexpectedResponseError),
        (409, UnexpectedResponseError),
        (413, InvalidPayloadError),
        (415, UnexpectedResponseError),
    ],
)
def test_a_status_that_another_try_cannot_mend_is_an_error_at_once(headrace, receiver, naps, status, expected):
    problem = {"type": "about:blank", "title": "No", "status": status, "detail": f"because of {status}"}
    receiver.will(reply(status, problem, Retry_After="1"))
    with pytest.raises(HeadraceError, match=f"answered {status}: because of {status}") as failed:
        headrace.send_output({"a": 1}, request_id="batch-7")
    assert type(failed.value) is expected
    assert failed.value.status == status
    assert failed.value.request_id == "batch-7"
    assert failed.value.detail == f"because of {status}"
    assert len(receiver.requests) == 1
    assert naps == []


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 599])
def test_a_status_that_time_may_mend_is_unavailable_after_all_tries(connect, receiver, status):
    receiver.will(reply(status, {"detail": "busy"}))
    with pytest.raises(UnavailableError, match=f"answered {status}: busy") as failed:
        connect(max_retries=2).send_output({}, request_id="batch-7")
    assert failed.value.status == status
    assert failed.value.retry_after is None
    assert [request.headers["X-Request-ID"] for request in receiver.requests] == ["batch-7"] * 3


def test_a_413_of_the_server_carries_the_size_that_it_refused(headrace, receiver):
    receiver.will(reply(413, b""))
    with pytest.raises(InvalidPayloadError, match=r"answered 413 \(7 bytes\)") as failed:
        headrace.send_output({"a": 1})
    assert failed.value.size_bytes == 7


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_is_not_followed(headrace, receiver, status):
    receiver.will(reply(status, b"", Location=f"{receiver.url}/elsewhere"))
    with pytest.raises(UnexpectedResponseError, match="not followed") as failed:
        headrace.send_output({})
    assert failed.value.location == f"{receiver.url}/elsewhere"
    assert [request.path for request in receiver.requests] == ["/internal/agent-output"]


def test_a_redirect_with_an_endless_body_is_an_error_all_the_same(headrace, receiver):
    receiver.will(endless(302, Location="http://[not-a-url"))
    with pytest.raises(UnexpectedResponseError, match="not followed"):
        headrace.send_output({})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome to the hotel wireless</html>",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"accepted"',
        b"{}",
        b'{"status": "accepted"}',
        b'{"status": "accepted", "id": 7}',
        b"[" * 60_000,
        b"9" * 60_000,
    ],
    ids=lambda body: body[:12],
)
def test_a_2xx_without_a_receipt_is_an_error_since_nothing_says_that_it_is_stored(headrace, receiver, body):
    receiver.will(reply(200, body))
    with pytest.raises(UnexpectedResponseError, match="without a receipt") as failed:
        headrace.send_output({})
    assert failed.value.status == 200
    assert len(receiver.requests) == 1


def test_a_2xx_that_does_not_end_is_left_after_64_kib(headrace, receiver):
    receiver.will(endless(202))
    with pytest.raises(UnexpectedResponseError, match="more than 65536 bytes"):
        headrace.send_output({})


def test_a_2xx_that_drips_is_left_when_its_time_is_up(connect, receiver):
    receiver.will(dripping)
    with pytest.raises(UnavailableError, match=r"not complete after 0\.2 s"):
        connect(timeout=0.2).send_output({})


@pytest.mark.parametrize("status", [400, 401, 404])
def test_an_endless_explanation_does_not_hide_the_status(headrace, receiver, status):
    receiver.will(endless(status))
    with pytest.raises(HeadraceError) as failed:
        headrace.send_output({})
    assert (failed.value.status, failed.value.detail) == (status, None)


def test_an_endless_503_is_tried_again_and_not_read(connect, receiver):
    receiver.will(endless(503), endless(503), reply())
    assert connect().send_output({}).id == "message-1"


def test_a_server_that_is_down_is_unavailable(connect, nobody, naps):
    with pytest.raises(UnavailableError, match="refused") as failed:
        connect(endpoint=nobody, max_retries=3).send_output({}, request_id="batch-7")
    assert failed.value.request_id == "batch-7"
    assert failed.value.status is None
    assert failed.value.__cause__ is not None
    assert len(naps) == 2, "the first further try comes at once"


def test_a_name_that_nobody_knows_is_unavailable(connect, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnavailableError, match="NameResolutionError"):
        connect(endpoint="http://receiver.invalid", max_retries=0).send_output({})


def test_a_server_that_does_not_answer_in_time_is_tried_again(connect, receiver):
    receiver.will(hang, reply())
    assert connect(timeout=timedelta(milliseconds=100)).send_output({}).id == "message-1"


def test_a_server_that_never_answers_is_unavailable(connect, receiver):
    receiver.will(hang)
    with pytest.raises(UnavailableError, match=r"[Rr]ead timed out"):
        connect(timeout=0.05, max_retries=1).send_output({})
    assert len(receiver.requests) == 2


def test_a_server_that_hangs_up_is_tried_again(connect, receiver):
    receiver.will(hang_up, hang_up, reply())
    assert connect(max_retries=2).send_output({}).id == "message-1"


def test_a_server_that_always_hangs_up_is_unavailable(connect, receiver):
    receiver.will(hang_up)
    with pytest.raises(UnavailableError, match="without response"):
        connect(max_retries=1).send_output({})


def test_an_answer_that_breaks_off_half_way_is_unavailable(headrace, receiver):
    receiver.will(stop_half_way)
    with pytest.raises(UnavailableError, match="IncompleteRead"):
        headrace.send_output({})


def test_an_answer_that_is_not_http_is_an_error_of_ours(connect, receiver):
    receiver.will(lambda exchange: exchange.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"))
    with pytest.raises(HeadraceError):
        connect(max_retries=0).send_output({})


def test_https_at_a_plain_port_is_unavailable(connect, receiver):
    with pytest.raises(UnavailableError, match="SSL"):
        connect(endpoint=receiver.url.replace("http:", "https:"), max_retries=0).send_output({})


def test_a_server_that_quotes_the_key_does_not_bring_it_into_the_error(headrace, receiver):
    receiver.will(reply(401, {"detail": f"unknown key {KEY}\r\nreally"}))
    with pytest.raises(AuthenticationError, match=r"unknown key \*\*\* really") as failed:
        headrace.send_output({})
    assert KEY not in repr(vars(failed.value))


def test_a_long_explanation_is_cut(headrace, receiver):
    receiver.will(reply(404, b"no " * 1000))
    with pytest.raises(UnexpectedResponseError) as failed:
        headrace.send_output({})
    assert len(failed.value.detail) == 301


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("m", status=503, retry_after=timedelta(seconds=3), request_id="r", detail="d"),
        InvalidPayloadError("m", path="$.a", size_bytes=3, limit_bytes=2),
        UnexpectedResponseError("m", status=302, location="/x"),
    ],
)
def test_errors_survive_pickling_with_their_facts(error):
    # S301: the bytes are our own.
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(twin) is type(error)
    assert (str(twin), vars(twin)) == (str(error), vars(error))
