"""Secrets must not be in what Headrace logs: whoever reads logs is not whoever may have keys.

While a test runs, its secrets are collected where the code under test takes them: what is sealed, passwords, the keys
of vault and tokens. API keys, tokens, signing secrets and Slack's addresses are known by their form. They are looked
for in every event, in what tests capture of logs and standard error, and (`tests/flow/process.py`) in what real
processes print. Each process of pytest-xdist does this for the tests that it runs.
"""

import json
import re
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from headrace.adapters.vault_fernet import FernetVault
from headrace.teams.domain.keys import well_formed
from headrace.teams.operations import passwords
from headrace.teams.operations.tokens import SigningKeys

_TOLD_APART = 12
"""Characters from which on a secret is looked for: shorter made-up ones are words that may stand anywhere."""

_FORMS = {
    "an API key": re.compile(r"hr_[0-9A-Za-z]{38}"),
    "a refresh token": re.compile(r"hrr_[\w-]{43}"),
    "an access token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}"),
    "a signing secret": re.compile(r"whsec_[\w+/=-]{24,}"),
    "an address of Slack": re.compile(r"hooks\.slack\.com/services/\w+/\w+/\w+"),
    "a password hash": re.compile(r"\$argon2id\$v=\d+\$m="),
}
_KEY_SETTINGS = ("HEADRACE_JWT_KEYS", "HEADRACE_ENCRYPTION_KEYS", "HEADRACE_API_KEY")
_SHOWN_ONCE = re.compile(r"^ +(password|API key) +\S+$", re.MULTILINE)
"""`headrace up` prints these at its first start, and `headrace init`, to whoever typed the command."""


class Secrets:
    """Those of one test, and where they were seen. A leak is told by its kind: a report is a log, too."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self.leaks: list[str] = []

    def add(self, secrets: Iterable[str]) -> None:
        """Look for these from now on."""
        self._known.update(secret for secret in secrets if len(secret) >= _TOLD_APART)

    def look(self, text: str, where: str) -> None:
        """Note every secret in `text`."""
        self.leaks += [f"{kind} in {where}" for kind in self.kinds(text)]

    def kinds(self, text: str) -> list[str]:
        """What kinds of secrets are in `text`."""
        found = [kind for kind, form in _FORMS.items() if any(map(_is_secret, form.findall(text)))]
        return found + ["a secret of this test"] * any(secret in text for secret in self._known)


def _is_secret(text: str) -> bool:
    """Text that only looks like an API key has another check sum."""
    return not text.startswith("hr_") or well_formed(text)


CURRENT = Secrets()
"""Of the test that runs in this process."""


def begin() -> None:
    """A new test: it has no secrets yet."""
    CURRENT.__init__()  # type: ignore[misc]  # the same object, since wrapped functions hold it


def hear(event: Mapping[str, Any]) -> None:
    """A listener for events of Headrace."""
    text = json.dumps(event, default=str)
    if event.get("level") == "error":
        text += traceback.format_exc()
    CURRENT.look(text, f"the event {event['event']!r}")


def collect(patch: pytest.MonkeyPatch) -> None:
    """Have the code under test tell its secrets as it takes them."""
    seal, make_vault = FernetVault.seal, FernetVault.__init__
    hash_password, matches = passwords.hash_password, passwords.matches
    make_keys = SigningKeys.__init__

    def sealing(self: FernetVault, text: str) -> str:
        CURRENT.add([text])
        return seal(self, text)

    def making_vault(self: FernetVault, keys: Any) -> None:
        CURRENT.add(keys)
        make_vault(self, keys)

    def making_keys(self: SigningKeys, secrets: Mapping[str, str]) -> None:
        CURRENT.add(secrets.values())
        make_keys(self, secrets)

    def hashing(password: str) -> str:
        CURRENT.add([password])
        return hash_password(password)

    def matching(password: str, stored: str | None) -> bool:
        CURRENT.add([password])
        return matches(password, stored)

    patch.setattr(FernetVault, "seal", sealing)
    patch.setattr(FernetVault, "__init__", making_vault)
    patch.setattr(SigningKeys, "__init__", making_keys)
    patch.setattr(passwords, "hash_password", hashing)
    patch.setattr(passwords, "matches", matching)


def judge(report: pytest.TestReport) -> pytest.TestReport:
    """Let a test fail that passed while it logged a secret, or wrote it to standard error."""
    captured = "\n".join(text for name, text in report.sections if "stdout" not in name)
    if report.when == "call" and report.passed and (kinds := CURRENT.kinds(captured)):
        report.outcome = "failed"
        report.longrepr = f"in the captured log or standard error: {', '.join(kinds)}"
    return report


def of_process(data_dir: Path | None, settings: Mapping[str, str]) -> list[str]:
    """Secrets of a process: those that its settings hold, and those that it made in its data directory."""
    found = [part for name in _KEY_SETTINGS for part in re.split("[,:]", settings.get(name, ""))]
    if data_dir is not None and data_dir.exists():
        found += [part for path in data_dir.glob("*.secret") for part in re.split("[,:]", path.read_text().strip())]
        credentials = data_dir / "credentials.json"
        if credentials.exists():
            found += re.findall(r'"(?:password|api_key)": "([^"]+)"', credentials.read_text())
    return found


def kinds_in_output(printed: str, logged: str, secrets: Iterable[str]) -> list[str]:
    """Kinds of secrets in what a process printed and logged, but for what a first start shows on purpose."""
    look = Secrets()
    look.add(secrets)
    look.add(CURRENT._known)
    return look.kinds(_SHOWN_ONCE.sub("", printed)) + look.kinds(logged)
