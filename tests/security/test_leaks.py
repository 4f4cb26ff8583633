"""The search for secrets in logs would find one: each kind of them is leaked here on purpose."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from headrace.adapters.vault_fernet import FernetVault
from headrace.events import PumpWaits
from headrace.observability import emit
from headrace.route.wire.signing_models import new_signing_secret
from headrace.teams.domain.keys import new_key
from headrace.teams.operations import passwords
from headrace.teams.operations.tokens import SigningKeys, access_token, start_family
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable
from tests.flow.process import Process
from tests.security import leaks

KEYS = SigningKeys({"k1": "a secret for signing tokens, made up"})


def found() -> list[str]:
    """What was noticed so far; it no longer counts, since it was leaked on purpose."""
    noticed, leaks.CURRENT.leaks = leaks.CURRENT.leaks, []
    return noticed


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (new_key, "an API key"),
        (new_signing_secret, "a signing secret"),
        (lambda: access_token("someone", KEYS, FakeClock()), "an access token"),
        (lambda: start_family("someone", FakeTable(FakeClock()), FakeClock()), "a refresh token"),
        (lambda: "https://hooks.slack.com/services/T000/B000/XXXX", "an address of Slack"),
        (lambda: passwords.hash_password("correct horse"), "a password hash"),
    ],
)
def test_a_secret_in_an_event_is_found_by_its_form(make, kind):
    emit(PumpWaits(reason=make()))
    assert found() == [f"{kind} in the event 'pump_waits'"]


def test_a_secret_in_a_nested_fact_or_in_a_traceback_is_found():
    key = new_key()
    emit(PumpWaits(reason={"deep": [{"headers": f"Bearer {key}"}]}))
    try:
        int(key)
    except ValueError:
        leaks.hear({"event": "failed", "level": "error"})
    assert found() == ["an API key in the event 'pump_waits'", "an API key in the event 'failed'"]


@pytest.mark.parametrize("kind", ["sealed", "password", "checked password", "vault key", "token key"])
def test_a_secret_that_has_no_form_is_found_since_the_code_took_it(kind):
    vault_key = Fernet.generate_key().decode()
    vault = FernetVault([vault_key])
    secrets = {
        "sealed": "header value of a sink",
        "password": "battery staple horse",
        "checked password": "battery staple cow",
        "vault key": vault_key,
        "token key": KEYS.current[1],
    }
    SigningKeys(KEYS.secrets)
    vault.seal(secrets["sealed"])
    stored = passwords.hash_password(secrets["password"])
    passwords.matches(secrets["checked password"], stored)
    emit(PumpWaits(reason=f"answered 401: {secrets[kind]}"))
    assert found() == ["a secret of this test in the event 'pump_waits'"]


def test_what_only_looks_like_a_secret_is_let_be():
    emit(PumpWaits(reason=["hr_" + "0" * 38, "whsec_", "eyJ", new_key()[:9], "***"]))
    assert found() == []


@pytest.mark.parametrize(
    ("section", "outcome"),
    [("Captured log call", "failed"), ("Captured stderr setup", "failed"), ("Captured stdout call", "passed")],
)
def test_a_test_that_logs_a_secret_fails(section, outcome):
    report = pytest.TestReport("t", ("t", 1, "t"), {}, "passed", None, "call", sections=[(section, new_key())])
    assert leaks.judge(report).outcome == outcome


def test_what_a_process_logs_is_searched_and_what_a_first_start_shows_is_not():
    key = new_key()
    shown = f"First start.\n  API key   {key}\n  password  battery-staple-horse\n"
    secrets = ["battery-staple-horse"]
    assert leaks.kinds_in_output(shown, "", secrets) == []
    assert leaks.kinds_in_output(shown + f"sent {key}", "", secrets) == ["an API key"]
    assert leaks.kinds_in_output("", '{"reason": "battery-staple-horse"}', secrets) == ["a secret of this test"]


def test_a_process_that_prints_a_secret_of_its_settings_fails_its_test(tmp_path: Path):
    secret = "k1:" + "s" * 40
    process = Process(tmp_path / "log", "env", "--data-dir", tmp_path / "no" / secret[3:], HEADRACE_JWT_KEYS=secret)
    with pytest.raises(AssertionError, match="a secret of this test"):
        process.wait()


def test_secrets_that_a_process_made_for_itself_are_known(tmp_path: Path):
    (tmp_path / "jwt.secret").write_text("abcd:made by the process\n")
    (tmp_path / "credentials.json").write_text('{"email": "x", "password": "made at the first start"}')
    known = leaks.of_process(tmp_path, {"HEADRACE_ENCRYPTION_KEYS": "newest,older"})
    assert {"made by the process", "made at the first start", "newest", "older"} <= set(known)
