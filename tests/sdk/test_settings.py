"""Arguments and environment, and that the key is never shown."""

import logging
import traceback
from datetime import timedelta

import pytest

from glassflow_ai import AsyncGlassFlow, GlassFlow
from headrace_sdk import AsyncHeadrace, ConfigurationError, Headrace, HeadraceError
from tests.sdk.conftest import KEY
from tests.sdk.loopback import reply


def test_key_and_endpoint_come_from_the_environment(receiver, monkeypatch):
    monkeypatch.setenv("HEADRACE_API_KEY", "of-headrace")
    monkeypatch.setenv("HEADRACE_ENDPOINT", receiver.url)
    monkeypatch.setenv("GLASSFLOW_API_KEY", "of-glassflow")
    monkeypatch.setenv("GLASSFLOW_ENDPOINT", "http://receiver.invalid")
    with Headrace() as client:
        client.send_output({})
    assert receiver.requests[0].headers["X-API-Key"] == "of-headrace"


def test_the_variables_of_the_seed_are_read_when_there_are_no_others(receiver, monkeypatch):
    monkeypatch.setenv("HEADRACE_API_KEY", "")
    monkeypatch.setenv("GLASSFLOW_API_KEY", "of-glassflow")
    monkeypatch.setenv("GLASSFLOW_ENDPOINT", receiver.url)
    with GlassFlow() as client:
        client.send_output({})
    assert receiver.requests[0].headers["X-API-Key"] == "of-glassflow"


def test_arguments_win_over_the_environment(connect, receiver, monkeypatch):
    monkeypatch.setenv("HEADRACE_API_KEY", "of-the-environment")
    monkeypatch.setenv("HEADRACE_ENDPOINT", "http://receiver.invalid")
    connect(api_key="of-the-argument").send_output({})
    assert receiver.requests[0].headers["X-API-Key"] == "of-the-argument"


def test_both_import_names_are_the_same_client():
    assert GlassFlow is Headrace
    assert AsyncGlassFlow is AsyncHeadrace


def test_without_an_endpoint_it_is_this_machine():
    assert Headrace("key").endpoint == "http://127.0.0.1:4318"


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_key_is_an_error_that_names_argument_and_variables(missing):
    with pytest.raises(ConfigurationError, match=r"api_key=.*HEADRACE_API_KEY.*GLASSFLOW_API_KEY"):
        Headrace(missing)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nX-Other: 1", f" {KEY}", f"{KEY}é", f"{KEY}\0"])
def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(key):
    with pytest.raises(ConfigurationError, match="line break") as refused:
        Headrace(key, "http://127.0.0.1:1")
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "receiver:4318",
        "127.0.0.1:4318",
        "ftp://receiver",
        "http://",
        "http://:4318",
        "http://receiver:port",
        "http://receiver:99999",
        "http://receiver:0",
        "http://[::1",
        "http://re ceiver",
        "http://receiver\n",
        "http://receiver?x=1",
        "http://receiver?",
        "http://receiver#x",
        "http://a..b",
        "http://*.example",
    ],
)
def test_an_endpoint_that_is_not_a_base_url_is_refused_at_once(endpoint):
    with pytest.raises(ConfigurationError, match="endpoint"):
        Headrace(KEY, endpoint)


def test_an_endpoint_with_a_password_is_refused_without_showing_it():
    with pytest.raises(ConfigurationError, match="user name or password") as refused:
        Headrace(KEY, "https://user:hunter2@receiver")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("name", ["timeout", "max_retry_after"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), timedelta(0), "5", None])
def test_a_time_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Headrace(KEY, **{name: value})


@pytest.mark.parametrize("value", [-1, 1.5, None])
def test_a_number_of_retries_that_is_none_is_refused(value):
    with pytest.raises(ConfigurationError, match="max_retries"):
        Headrace(KEY, max_retries=value)


def test_certificates_that_are_not_there_are_a_matter_of_configuration(connect, receiver, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(ConfigurationError, match=r"/nowhere/ca\.pem"):
        connect(endpoint=receiver.url.replace("http:", "https:")).send_output({})


def test_the_key_is_in_no_repr_no_log_and_no_traceback(connect, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    receiver.will(reply(500, b""))
    client = connect(max_retries=1)
    with pytest.raises(HeadraceError) as failed:
        client.send_output({})
    # With the variables of each frame, as some loggers show them: nobody's own frame may hold the key.
    summary = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    ours = [str(frame.locals) for frame in summary.stack if "headrace_sdk" in frame.filename]
    assert ours
    assert KEY not in repr(client) + repr(AsyncHeadrace(KEY)) + caplog.text + str(failed.value) + "".join(ours)
    assert KEY not in repr(vars(client))
