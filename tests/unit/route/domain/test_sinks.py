"""What of a sink is secret, and how it is kept from view."""

from headrace.ports.secrets import OldSecret, hide, signing_secrets
from headrace.route.domain.pipeline import Pipeline
from headrace.route.domain.sinks import Sink

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


def test_of_an_address_of_apprise_every_part_is_hidden_but_the_host_of_a_server():
    mail = Sink("s", "apprise", "mailtos://robot:pass%20word@smtp.example.com/?to=on-call@example.org")
    assert mail.hide("smtp.example.com said: pass word of on-call@example.org is wrong") == (
        "smtp.example.com said: *** of ***@*** is wrong"
    )
    chat = Sink("s", "apprise", "discord://4174216298/JHMHI8qBe7bk2ZwO")
    assert chat.hide("no webhook /4174216298/JHMHI8qBe7bk2ZwO") == "no webhook /***/***"


def test_old_signing_secrets_are_secrets_like_the_newest_and_end_at_their_time():
    old = (OldSecret("old-secret", 100), OldSecret("gone-secret", 50))
    hook = Sink("s", "webhook", "https://hook.example/", signing_secret="new-secret", old_secrets=old)
    assert hook.hide("old-secret gone-secret") == "*** ***"
    assert "secret" not in f"{hook!r}".replace("old_secrets", "").replace("OldSecret", "")
    assert signing_secrets("new", old, 99) == ("new", "old-secret")
    assert signing_secrets("new", old, 100) == ("new",)
    assert signing_secrets(None, old, 0) == ()
