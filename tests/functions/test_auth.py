"""Signing up, in, on and out, as clients of the management API see it."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from headrace.teams.operations import limits, passwords
from headrace.teams.operations.tokens import ACCESS_LIFE, REFRESH_LIFE, SigningKeys
from headrace.teams.wire.items import ACCOUNT
from tests.fakes.clock import FakeClock
from tests.functions.management import ADA, KEYS, Api, Reply, cheap_passwords, make_needs


@pytest.fixture(autouse=True)
def _cheap():
    with cheap_passwords():
        yield


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(clock) -> Api:
    return Api(make_needs(clock))


@pytest.fixture
def ada(api) -> dict:
    """Ada's tokens."""
    return api.post("/auth/signup", ADA).json


def credentials(email=ADA["email"], password=ADA["password"]) -> dict:
    return {"email": email, "password": password}


def refreshed(api, token) -> Reply:
    return api.post("/auth/refresh", {"refresh_token": token})


# --- signing up and in ----------------------------------------------------------------------------------------


def test_signing_up_gives_tokens_and_the_account(api):
    reply = api.post("/auth/signup", ADA)
    assert reply.status == 201
    assert (reply.json["token_type"], reply.json["expires_in"]) == ("bearer", 900)
    assert reply.json["user"] == api.get("/me", token=reply.json["access_token"]).json
    user = reply.json["user"]
    assert (user["email"], user["name"], user["created_at"]) == ("ada@example.com", "Ada", "2023-11-14T22:13:20Z")


def test_no_answer_with_tokens_may_be_cached(api, ada):
    for reply in (api.post("/auth/login", credentials()), refreshed(api, ada["refresh_token"])):
        assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")


def test_an_address_belongs_to_one_account_whatever_its_spelling(api, ada):
    for email in ("ada@example.com", " ADA@Example.COM ", "ａda@example.com", "ada＠example.com"):
        reply = api.post("/auth/signup", {**ADA, "email": email})
        assert reply.status == 409
        assert "has an account" in reply.detail


@pytest.mark.parametrize("email", ["ada@example.com", "  Ada@EXAMPLE.com\t", "ａｄａ@example.com"])
def test_signing_in_takes_every_spelling_of_the_address(api, ada, email):
    reply = api.post("/auth/login", credentials(email))
    assert reply.status == 200
    assert reply.json["user"] == ada["user"]


@pytest.mark.parametrize(
    ("registered", "typed"),
    [
        ("jürgen@bücher.example", "JÜRGEN@BÜCHER.EXAMPLE"),
        ("ame\u0301lie@example.com", "am\u00e9lie@example.com"),
        ("用户@例子.广告", "用户@例子.广告"),
    ],
)
def test_addresses_of_any_script_work(api, registered, typed):
    assert api.post("/auth/signup", {**ADA, "email": registered}).json["user"]["email"] == registered
    assert api.post("/auth/login", credentials(typed)).status == 200


@pytest.mark.parametrize(
    "password",
    ["x" * 10, "x" * 1024, "ünï©ødé pässwörd", "🔑" * 10, "with\0nul\0bytes", " spaces count ", "tab\tand\nnewline"],
    ids=ascii,
)
def test_any_character_may_be_in_a_password(api, password):
    assert api.post("/auth/signup", {**ADA, "password": password}).status == 201
    assert api.post("/auth/login", credentials(password=password)).status == 200
    assert api.post("/auth/login", credentials(password=password.replace("\0", ""))).status == (
        401 if "\0" in password else 200
    )
    assert api.post("/auth/login", credentials(password=password[:-1])).status == 401


def test_a_password_is_the_same_from_every_keyboard(api):
    assert api.post("/auth/signup", {**ADA, "password": "cafe\u0301 au lait \ufb01n"}).status == 201
    assert api.post("/auth/login", credentials(password="caf\u00e9 au lait fin")).status == 200


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("x" * 9, "password: must have at least 10 characters"),
        ("e\u0301" * 9, "password: must have at least 10 characters"),
        ("x" * 1025, "password: must have at most 1024 characters"),
        (1234567890, "password: must be a string"),
    ],
)
def test_a_password_that_cannot_be_one_is_refused_with_the_bound(api, password, words):
    reply = api.post("/auth/signup", {**ADA, "password": password})
    assert (reply.status, reply.detail) == (400, words)
    assert reply.json["errors"] == [{"field": "password", "message": words.removeprefix("password: ")}]


BAD_EMAILS = [
    "", "ada", "@example.com", "ada@", "ada@localhost", "a da@example.com", "ada@@example.com", "ada@.com", "ada@a..b",
    "ada\0@example.com", "ada\u202e@example.com", "ada\u200b@example.com", "ada@example.com\nbcc: x@y.z",
    "x" * 243 + "@example.com",
    "ü" * 130 + "@example.com",
]  # fmt: skip


@pytest.mark.parametrize("email", BAD_EMAILS, ids=lambda each: ascii(each)[:30])
@pytest.mark.parametrize("path", ["/auth/signup", "/auth/login"])
def test_an_address_that_cannot_work_is_refused_in_plain_words(api, path, email):
    reply = api.post(path, {**credentials(email)})
    assert reply.status == 400
    assert reply.json["errors"][0]["field"] == "email"
    assert reply.json["errors"][0]["message"] in (
        "must be an e-mail address, such as ada@example.com",
        "must have at most 254 bytes",
    )


def test_the_longest_address_works(api):
    email = "x" * (254 - len("@example.com")) + "@example.com"
    assert api.post("/auth/signup", {**ADA, "email": email}).status == 201
    assert api.post("/auth/login", credentials(email)).status == 200


def test_a_stored_password_is_a_hash_that_differs_each_time(api):
    for email in ("ada@example.com", "bob@example.com"):
        api.post("/auth/signup", {**ADA, "email": email})
    stored = [item["password_hash"] for item in api.needs.config.items if item["sk"] == ACCOUNT]
    assert len(set(stored)) == 2
    assert all(each.startswith("$argon2id$") for each in stored)
    assert ADA["password"] not in str(api.needs.config.items)


# --- login does not tell ----------------------------------------------------------------------------------------


class Spy:
    """Counts what is expensive, and what is visible from far."""

    def __init__(self, monkeypatch, api) -> None:
        self.seen = Counter()
        hasher = passwords.hasher
        spied = _Counted(hasher, self.seen)
        monkeypatch.setattr(passwords, "hasher", spied)
        for name in ("get", "put", "update", "transact", "query"):
            for table in (api.needs.config, api.needs.telemetry):
                monkeypatch.setattr(table, name, self._counted(f"table {name}", getattr(table, name)))

    def of(self, action) -> tuple[Reply, Counter]:
        self.seen.clear()
        return action(), Counter(self.seen)

    def _counted(self, name, function):
        def counted(*arguments, **named):
            self.seen[name] += 1
            return function(*arguments, **named)

        return counted


class _Counted:
    def __init__(self, hasher, seen) -> None:
        self._hasher, self._seen = hasher, seen

    def __getattr__(self, name):
        return getattr(self._hasher, name)

    def verify(self, stored, password):
        self._seen["verify", stored.rsplit("$", 2)[0]] += 1
        return self._hasher.verify(stored, password)

    def hash(self, password):
        self._seen["hash"] += 1
        return self._hasher.hash(password)


def test_login_does_not_tell_whether_an_account_exists(api, ada, monkeypatch):
    spy = Spy(monkeypatch, api)
    unknown, work_for_nobody = spy.of(lambda: api.post("/auth/login", credentials("nobody@example.com")))
    wrong, work_for_ada = spy.of(lambda: api.post("/auth/login", credentials(password="a wrong password")))
    assert (unknown.status, unknown.body, unknown.headers) == (wrong.status, wrong.body, wrong.headers)
    assert unknown.status == 401
    assert unknown.detail == "the e-mail address or the password is wrong"
    assert work_for_nobody == work_for_ada
    assert sum(count for what, count in work_for_ada.items() if what[0] == "verify") == 1
    assert "hash" not in work_for_ada


def test_the_first_login_of_a_fresh_instance_does_the_same_work_too(api, ada, monkeypatch):
    fresh = Api(make_needs(api.needs.clock, config=api.needs.config, telemetry=api.needs.telemetry))
    spy = Spy(monkeypatch, fresh)
    _, work = spy.of(lambda: fresh.post("/auth/login", credentials("nobody@example.com")))
    assert [what for what in work if what == "hash" or what[0] == "verify"] == [
        ("verify", "$argon2id$v=19$m=8,t=1,p=1")
    ]


def test_a_401_says_how_to_authenticate(api):
    assert api.get("/me").headers["www-authenticate"] == "Bearer"


# --- limits -----------------------------------------------------------------------------------------------------


def instances(api, count=3) -> list[Api]:
    """Several instances of the function on the same tables."""
    return [Api(replace(api.needs)) for _ in range(count)]


def test_an_account_takes_ten_wrong_passwords_however_many_instances_and_addresses(api, ada, clock):
    several = instances(api)
    wrong = credentials(password="a wrong password")
    statuses = [
        several[number % 3].post("/auth/login", wrong, address=f"203.0.113.{number}").status for number in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    refused = api.post("/auth/login", credentials())
    assert (refused.status, refused.detail) == (429, "more than 10 attempts in 5 minutes: wait")
    clock.advance(seconds=int(refused.headers["retry-after"]))
    assert api.post("/auth/login", credentials()).status == 200


def test_a_locked_name_does_not_tell_whether_it_has_an_account(api, ada):
    replies = []
    for email in (ADA["email"], "nobody@example.com"):
        wrong = credentials(email, "a wrong password")
        replies.append([api.post("/auth/login", wrong, address=f"203.0.113.{n}") for n in range(12)])
    ours, nobodys = replies
    assert [(each.status, each.body, each.headers) for each in ours] == [
        (each.status, each.body, each.headers) for each in nobodys
    ]
    assert ours[-1].status == 429


@pytest.mark.parametrize("spelling", ["ada@example.com", " ADA@EXAMPLE.COM", "ａda@example.com"])
def test_other_spellings_of_an_address_do_not_get_round_its_limit(api, ada, spelling):
    for _ in range(10):
        api.post("/auth/login", credentials(password="a wrong password"))
    assert api.post("/auth/login", credentials(spelling)).status == 429


def test_whoever_knows_the_password_may_sign_in_as_often_as_they_like(api, ada):
    statuses = {api.post("/auth/login", credentials(), address=f"203.0.113.{n}").status for n in range(40)}
    assert statuses == {200}


def test_an_address_takes_so_many_logins_whatever_the_accounts(api, clock):
    several, limit = instances(api), limits.LOGIN_BY_ADDRESS.attempts
    statuses = [
        several[number % 3].post("/auth/login", credentials(f"user{number}@example.com")).status
        for number in range(limit + 2)
    ]
    assert statuses == [401] * limit + [429] * 2
    assert api.post("/auth/login", credentials(), address="203.0.113.8").status == 401
    clock.advance(limits.LOGIN_BY_ADDRESS.window)
    assert api.post("/auth/login", credentials()).status == 401


def test_a_whole_ipv6_network_counts_as_one_address(api):
    limit = limits.LOGIN_BY_ADDRESS.attempts
    for number in range(limit):
        api.post("/auth/login", credentials(f"user{number}@example.com"), address=f"2001:db8::{number:x}")
    assert api.post("/auth/login", credentials("x@example.com"), address="2001:db8::ffff").status == 429
    assert api.post("/auth/login", credentials("x@example.com"), address="2001:db8:0:1::1").status == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP"])
def test_no_header_changes_the_address_that_is_counted(api, header):
    limit = limits.LOGIN_BY_ADDRESS.attempts
    for number in range(limit):
        api.post("/auth/login", credentials(f"user{number}@example.com"), headers={header: f"198.51.100.{number}"})
    assert api.post("/auth/login", credentials("x@example.com"), headers={header: "192.0.2.1"}).status == 429


def test_signing_up_is_limited_by_address_and_by_account(api):
    limit = limits.SIGNUP_BY_ADDRESS.attempts
    statuses = [api.post("/auth/signup", {**ADA, "email": f"user{n}@example.com"}).status for n in range(limit + 1)]
    assert statuses == [201] * limit + [429]
    again = [api.post("/auth/signup", ADA, address=f"198.51.100.{n}").status for n in range(12)]
    assert again == [201] + [409] * 9 + [429] * 2


def test_many_wrong_passwords_at_once_are_not_more_than_the_limit(api, ada):
    gate = threading.Barrier(16)

    def attempt(number):
        gate.wait(30)
        return api.post("/auth/login", credentials(password="wrong wrong"), address=f"203.0.113.{number}").status

    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(attempt, range(16)))
    assert statuses[401] == 10
    assert statuses[429] + statuses[503] == 6


def test_only_a_few_passwords_are_hashed_at_once_and_a_crowd_is_told_to_come_back(api, ada, monkeypatch):
    inside, most, lock, release = 0, 0, threading.Lock(), threading.Event()
    everybody = threading.Semaphore(0)
    real = passwords.hasher

    class Slow:
        def __getattr__(self, name):
            return getattr(real, name)

        def verify(self, stored, password):
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            release.wait(30)
            with lock:
                inside -= 1
            return real.verify(stored, password)

    monkeypatch.setattr(passwords, "hasher", Slow())

    def sign_in(number):
        reply = api.post("/auth/login", credentials(), address=f"203.0.113.{number}")
        everybody.release()
        return reply

    admitted = passwords.AT_ONCE + passwords.WAITING
    with ThreadPoolExecutor(admitted + 2) as pool:
        replies = [pool.submit(sign_in, number) for number in range(admitted + 2)]
        for _ in range(2):
            assert everybody.acquire(timeout=30)
        release.set()
        statuses = Counter(each.result(30).status for each in replies)
        busy = next(each.result() for each in replies if each.result().status == 503)
    assert most == passwords.AT_ONCE
    assert statuses == {200: admitted, 503: 2}
    assert int(busy.headers["retry-after"]) >= 1


def test_attempts_that_were_not_tried_for_the_crowd_do_not_count(api, ada, monkeypatch):
    monkeypatch.setattr(passwords, "_admitted", threading.BoundedSemaphore(1))
    assert passwords._admitted.acquire()
    assert {api.post("/auth/login", credentials(), address=f"203.0.113.{n}").status for n in range(12)} == {503}
    passwords._admitted.release()
    assert api.post("/auth/login", credentials()).status == 200


# --- hashes grow with the times ---------------------------------------------------------------------------------


def test_a_hash_with_yesterdays_parameters_is_renewed_by_the_next_login(api, ada, monkeypatch):
    from argon2 import PasswordHasher

    def stored():
        return next(each["password_hash"] for each in api.needs.config.items if each["sk"] == ACCOUNT)

    assert "m=8,t=1" in stored()
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert api.post("/auth/login", credentials(password="a wrong password")).status == 401
    assert "m=8,t=1" in stored()
    assert api.post("/auth/login", credentials()).status == 200
    assert "m=16,t=2" in stored()
    assert api.post("/auth/login", credentials()).status == 200


# --- access tokens ----------------------------------------------------------------------------------------------


def test_an_access_token_lives_for_fifteen_minutes(api, ada, clock):
    clock.advance(ACCESS_LIFE - timedelta(seconds=1))
    assert api.get("/me", token=ada["access_token"]).status == 200
    clock.advance(seconds=1)
    expired = api.get("/me", token=ada["access_token"])
    assert (expired.status, expired.detail) == (401, "the access token has expired: refresh it")


def test_signing_keys_rotate_without_signing_anybody_out(api, ada):
    key_id, secret = KEYS.current
    both = SigningKeys({"k2": "another secret of thirty-two chars", key_id: secret})
    rotated = Api(replace(api.needs, signing_keys=both))
    assert rotated.get("/me", token=ada["access_token"]).status == 200
    fresh = rotated.post("/auth/login", credentials()).json["access_token"]
    assert jwt.get_unverified_header(fresh)["kid"] == "k2"
    retired = Api(replace(api.needs, signing_keys=SigningKeys({"k2": both.secrets["k2"]})))
    assert retired.get("/me", token=fresh).status == 200
    assert retired.get("/me", token=ada["access_token"]).status == 401


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Token x", "bearer é"])
def test_what_is_no_token_is_401(api, header):
    reply = api.get("/me", headers={} if header is None else {"Authorization": header})
    assert reply.status == 401


# --- refresh tokens ---------------------------------------------------------------------------------------------


def test_a_refresh_token_gives_a_new_pair_and_is_void_afterwards(api, ada):
    reply = refreshed(api, ada["refresh_token"])
    assert reply.status == 200
    assert reply.json["user"] == ada["user"]
    assert reply.json["refresh_token"] != ada["refresh_token"]
    assert api.get("/me", token=reply.json["access_token"]).status == 200
    assert refreshed(api, reply.json["refresh_token"]).status == 200


def test_a_token_that_is_used_again_ends_the_whole_family_and_no_other(api, ada):
    other = api.post("/auth/login", credentials()).json["refresh_token"]
    second = refreshed(api, ada["refresh_token"]).json["refresh_token"]
    third = refreshed(api, second).json["refresh_token"]
    reused = refreshed(api, ada["refresh_token"])
    assert (reused.status, reused.detail) == (401, "the refresh token was used before: sign in again")
    assert [refreshed(api, token).status for token in (third, second)] == [401, 401]
    assert refreshed(api, other).status == 200


def test_of_two_refreshes_at_once_one_wins_and_the_session_goes_on(api, ada, monkeypatch):
    table, gate = api.needs.config, threading.Barrier(2)
    real = table.get

    def both_have_read(pk, sk):
        found = real(pk, sk)
        if sk == "refresh":
            gate.wait(30)
        return found

    monkeypatch.setattr(table, "get", both_have_read)
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: refreshed(api, ada["refresh_token"]), range(2)))
    monkeypatch.setattr(table, "get", real)
    won, lost = sorted(replies, key=lambda each: each.status)
    assert (won.status, lost.status) == (200, 401)
    assert "another request refreshes it" in lost.detail
    successor = refreshed(api, won.json["refresh_token"])
    assert successor.status == 200
    # A thief who was that quick is found out all the same: one of the two comes back with the old token.
    assert refreshed(api, ada["refresh_token"]).status == 401
    assert refreshed(api, successor.json["refresh_token"]).status == 401


def test_of_many_refreshes_at_once_exactly_one_wins(api, ada):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: refreshed(api, ada["refresh_token"]).status, range(8)))
    assert sorted(replies) == [200] + [401] * 7


def test_a_session_ends_thirty_days_after_its_last_refresh(api, ada, clock):
    clock.advance(REFRESH_LIFE - timedelta(seconds=1))
    second = refreshed(api, ada["refresh_token"]).json["refresh_token"]
    clock.advance(REFRESH_LIFE - timedelta(seconds=1))
    third = refreshed(api, second).json["refresh_token"]
    clock.advance(REFRESH_LIFE)
    assert refreshed(api, third).status == 401


def test_signing_out_ends_the_session_and_may_be_repeated(api, ada):
    second = refreshed(api, ada["refresh_token"]).json["refresh_token"]
    for token in (second, second, ada["refresh_token"], "hrr_never-given-out"):
        reply = api.post("/auth/logout", {"refresh_token": token})
        assert (reply.status, reply.body) == (204, b"")
    assert refreshed(api, second).status == 401
    assert api.get("/me", token=ada["access_token"]).status == 200  # it runs out by itself


@pytest.mark.parametrize("token", ["x", "hrr_", "\0", "é", "x" * 4096, "hrr_../../x"], ids=ascii)
def test_a_refresh_token_that_was_never_given_out_is_401(api, token):
    assert refreshed(api, token).status == 401


def test_tokens_are_stored_as_hashes_only(api, ada):
    second = refreshed(api, ada["refresh_token"]).json["refresh_token"]
    stored = str(api.needs.config.items)
    assert not any(token in stored for token in (ada["refresh_token"], second, ada["access_token"]))


def test_an_access_token_is_no_refresh_token_nor_the_reverse(api, ada):
    assert refreshed(api, ada["access_token"]).status == 401
    assert api.get("/me", token=ada["refresh_token"]).status == 401
