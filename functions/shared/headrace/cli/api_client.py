"""The management API as the command line sees it: signed in when need be, errors as the one tree has them.

A short-lived access token is kept in `session.json` beside `credentials.json`, so that a script of many commands signs
in once. What is no longer taken is replaced by signing in again; the password is at hand, so no refresh token is kept.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from headrace.api.models import url_fault
from headrace.api.problem import CONTENT_TYPE
from headrace.cli.credentials import Credentials, write_private
from headrace.cli.printing import expression_advice, one_line
from headrace.entry.api import PREFIX
from headrace.entry.http import STATUSES
from headrace.errors import HeadraceError, InvalidInput, NotAuthenticated, TooLarge, TooManyRequests, Unavailable

SESSION_FILE = "session.json"

_TIMEOUT_SECONDS = (5, 120)
"""To connect, and to answer: trying a sink waits for the other side, a minute at most."""
_PAGE = 200
_KINDS = {status: kind for kind, status in STATUSES if kind is not TooLarge}  # that one is made of sizes, not of words

Json = Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API answered; no content is None."""

    body: Json
    etag: str | None


@dataclass(slots=True)
class ApiClient:
    """One account at one endpoint."""

    credentials: Credentials
    data_dir: Path
    http: requests.Session = field(default_factory=requests.Session)
    _token: str | None = None

    def __post_init__(self) -> None:
        if fault := url_fault(self.credentials.endpoint):
            raise InvalidInput(f"endpoint: {fault}", field="endpoint")
        self._token = self._kept_token()

    def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        query: Mapping[str, str] | None = None,
        etag: str | None = None,
    ) -> Reply:
        """Call `path`, which is below `/api/v1`; `etag` makes it a change of that version only.

        Raises:
            HeadraceError: the kind that belongs to the status.
            Unavailable: nobody answers, or somebody who is not Headrace.
        """
        headers = {} if etag is None else {"If-Match": etag}
        for signed_in_now in (False, True):
            if self._token is None or signed_in_now:
                self._sign_in()
            try:
                return self._ask(method, path, body, query, {**headers, "Authorization": f"Bearer {self._token}"})
            except NotAuthenticated:
                if signed_in_now:
                    raise
        raise AssertionError("the second round returns or raises")

    def all_items(self, path: str, *, limit: int | None = None, **query: str) -> dict[str, Json]:
        """The list at `path` as one page of `limit` items, or of all."""
        items: list[Json] = []
        cursor: str | None = None
        while limit is None or len(items) < limit:
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(items))
            more = {} if cursor is None else {"cursor": cursor}
            page = self.call("GET", path, query={**query, "limit": str(wanted), **more}).body
            items, cursor = [*items, *page["items"]], page["next_cursor"]
            if cursor is None:
                break
        return {"items": items, "next_cursor": cursor}

    def change(self, path: str, changes: Mapping[str, Json], *, read_only: tuple[str, ...]) -> Json:
        """Change some fields of what is stored whole at `path`; what somebody else changes meanwhile is not undone.

        Raises:
            InvalidInput: there are no changes.
            PreconditionFailed: somebody else was quicker.
        """
        if not changes:
            raise InvalidInput("there is nothing to change: no option was given")
        stored = self.call("GET", path)
        body = {name: value for name, value in stored.body.items() if name not in read_only}
        return self.call("PUT", path, {**body, **changes}, etag=stored.etag).body

    # --- signing in ---------------------------------------------------------------------------------------

    @property
    def _signed_in_as(self) -> dict[str, str]:
        return {"endpoint": self.credentials.endpoint, "email": self.credentials.email}

    def _sign_in(self) -> None:
        body = {"email": self.credentials.email, "password": self.credentials.password}
        self._token = str(self._ask("POST", "/auth/login", body, None, {}).body["access_token"])
        with suppress(OSError):  # where it cannot be kept, each command signs in
            write_private(self.data_dir / SESSION_FILE, {**self._signed_in_as, "access_token": self._token})

    def _kept_token(self) -> str | None:
        """Of the same account at the same endpoint: a token is shown to nobody else."""
        try:
            kept = json.loads((self.data_dir / SESSION_FILE).read_text())
            token = str(kept.pop("access_token"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return token if kept == self._signed_in_as and token.isascii() and token.isprintable() else None

    # --- the wire -----------------------------------------------------------------------------------------

    def _ask(
        self, method: str, path: str, body: Json, query: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Reply:
        url = f"{self.credentials.endpoint.rstrip('/')}{PREFIX}{path}"
        try:
            answer = self.http.request(
                method,
                url,
                json=body,
                params=query,
                headers=headers,
                auth=_as_it_is,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as cause:
            raise Unavailable(f"{self.credentials.endpoint} gave no answer; is `headrace up` running?") from cause
        return _read(answer)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No other credentials than ours: without this, those in ~/.netrc would take the place of the token."""
    return request


def _read(answer: requests.Response) -> Reply:
    if answer.status_code == 204:
        return Reply(None, None)
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.ok and answer.status_code < 300 and isinstance(body, dict):
        return Reply(body, answer.headers.get("ETag"))
    if answer.headers.get("Content-Type", "").startswith(CONTENT_TYPE) and isinstance(body, dict):
        raise _error(answer, body)
    raise Unavailable(f"{answer.url} answered {answer.status_code}, but not as Headrace does: is the endpoint right?")


def _error(answer: requests.Response, problem: dict[str, Json]) -> HeadraceError:
    """The error that a problem document stands for; what is not in the table is ours to change below 500 only."""
    status = answer.status_code
    told = one_line("; ".join(map(_fault, problem.get("errors") or ())) or str(problem.get("detail")))
    if status == 429:
        seconds = answer.headers.get("Retry-After", "")
        wait = int(seconds) if seconds.isdecimal() else 60
        return TooManyRequests(f"{told} (try again in {wait} s)", retry_after=timedelta(seconds=wait))
    return _KINDS.get(status, InvalidInput if status < 500 else Unavailable)(told)


def _fault(error: dict[str, Json]) -> str:
    """One wrong field; for an expression also where it is wrong, and what to write instead."""
    told = f"{error['field']}: {error['message']}" if error.get("field") else str(error["message"])
    return told + expression_advice(error.get("position"), error.get("hint"))
