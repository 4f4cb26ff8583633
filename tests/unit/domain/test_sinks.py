"""What of a sink is secret, and how it is kept from view."""

from headrace.domain.pipeline import Pipeline
from headrace.domain.secrets import hide
from headrace.domain.sinks import Sink

HOOK = Sink("s", "webhook", "https://hook.example/", headers={"X-A": "header-secret"}, signing_secret="signing-secret")
SLACK = Sink("s", "slack", "https://hooks.slack.com/services/T/B/slack-secret")


def test_header_values_signing_secrets_and_slack_addresses_are_secret_and_a_webhooks_address_is_not():
    assert (HOOK.secrets, SLACK.secrets) == (("header-secret", "signing-secret"), (SLACK.url,))


def test_changing_the_secrets_changes_nothing_else():
    upper = HOOK.with_secrets(str.upper)
    assert (upper.url, upper.headers, upper.signing_secret) == (HOOK.url, {"X-A": "HEADER-SECRET"}, "SIGNING-SECRET")
    assert SLACK.with_secrets(str.upper).url == SLACK.url.upper()
    assert Pipeline().with_secrets(str.upper) == Pipeline()
    assert Pipeline(signing_secret="s").with_secrets(str.upper).signing_secret == "S"


def test_no_secret_is_in_what_a_traceback_or_a_log_would_show():
    assert "secret-" not in f"{HOOK!r}{SLACK!r}{Pipeline(signing_secret='secret-of-a-pipeline')!r}"
    assert "-secret" not in f"{HOOK!r}{SLACK!r}"


def test_text_of_strangers_is_shown_without_the_secrets_it_repeats():
    assert HOOK.hide("got header-secret, signing-secret") == "got ***, ***"
    assert SLACK.hide(f"cannot use {SLACK.url}") == "cannot use ***"


def test_a_secret_within_a_secret_leaves_no_rest():
    assert hide("a-long-secret", ["long", "a-long-secret"]) == "***"


def test_a_secret_too_short_to_be_told_apart_does_not_blank_the_text():
    assert hide("a cab", ["a", "", "cab"]) == "a cab"
