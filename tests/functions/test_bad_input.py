"""What is wrong with a request, in words for who sent it. The same for every route, so it is tried on a few."""

import gzip
from dataclasses import dataclass
from typing import Annotated

import orjson
import pytest
from pydantic import BaseModel

from headrace.api import dispatch
from headrace.api.bad_input import Matching
from headrace.api.routes import Answer, Call, Incoming, Route
from headrace.errors import PreconditionFailed
from tests.functions.management import ADA, LIMITS, Api, cheap_passwords, make_needs


@pytest.fixture(autouse=True)
def _cheap():
    with cheap_passwords():
        yield


@pytest.fixture
def api() -> Api:
    return Api(make_needs())


def errors(reply) -> dict[str, str]:
    assert reply.status == 400
    return {each["field"]: each["message"] for each in reply.json["errors"]}


def test_every_unknown_field_is_refused_by_name(api):
    reply = api.post("/auth/signup", {**ADA, "admin": True, "id": "x"})
    assert errors(reply) == dict.fromkeys(("admin", "id"), "is not a field that is known here")
    assert reply.detail == "admin: is not a field that is known here (and 1 more)"


def test_every_missing_field_is_named(api):
    assert errors(api.post("/auth/login", {})) == {"email": "is missing", "password": "is missing"}


def test_a_missing_body_is_told_apart_from_missing_fields(api):
    assert api.post("/auth/login").detail == "the body is missing: send a JSON object"


@pytest.mark.parametrize("value", [7, None, True, [], {}, 1.5])
def test_a_wrong_type_names_the_field(api, value):
    assert errors(api.post("/auth/login", {**ADA, "email": value, "name": "x"}))["email"] == "must be a string"


def test_a_bound_is_in_the_message(api):
    assert errors(api.post("/auth/signup", {**ADA, "name": "x" * 101})) == {"name": "must have at most 100 characters"}
    assert errors(api.post("/auth/refresh", {"refresh_token": ""})) == {
        "refresh_token": "must have at least 1 character"
    }


def test_a_name_holds_no_control_characters(api):
    for name in ("a\0b", "a\nb", "a\u202eb"):
        assert errors(api.post("/auth/signup", {**ADA, "name": name})) == {"name": "must not hold control characters"}


@pytest.mark.parametrize("name", ["👩\u200d🚀", "می\u200cخواهم", "李 小龍", "O'Brien <b>"], ids=ascii)
def test_a_name_may_be_written_in_any_script(api, name):
    assert api.post("/auth/signup", {**ADA, "name": name}).json["user"]["name"] == name


@pytest.mark.parametrize("body", [[], [ADA], "text", 7, True, None], ids=str)
def test_a_body_that_is_no_object_is_refused(api, body):
    reply = api.post("/auth/login", orjson.dumps(body))
    assert errors(reply) == {"": "the body: must be a JSON object"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"email=a", b"\xff\xfe", b'{"email": "\xff"}', b'{"email": NaN}', b"{'email': 'x'}", b'{"a": "\\ud800"}',
     b"[" * 100_000, b'{"a":' * 2000 + b"1" + b"}" * 2000],
    ids=lambda each: repr(each[:12]),
)  # fmt: skip
def test_a_body_that_is_not_json_is_refused(api, body):
    reply = api.post("/auth/login", body)
    assert reply.status == 400
    assert "the body is not JSON" in reply.detail


def test_numbers_without_end_do_no_harm(api):
    for number in (b"1e999", b"9" * 5000, b"-0", b"1" + b"0" * 400):
        assert api.post("/auth/login", b'{"email": ' + number + b"}").status == 400


@pytest.mark.parametrize(
    "sent", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", ""]
)
def test_json_of_any_name_is_taken(api, sent):
    assert api.post("/auth/login", {}, headers={"Content-Type": sent}).status == 400


@pytest.mark.parametrize(
    "sent", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", "json"]
)
def test_another_content_type_is_415_and_says_which_is_taken(api, sent):
    reply = api.post("/auth/login", ADA, headers={"Content-Type": sent})
    assert reply.status == 415
    assert "only application/json" in reply.detail


def test_a_gzipped_body_is_taken_and_another_encoding_is_415(api):
    packed = gzip.compress(orjson.dumps({}))
    assert api.post("/auth/login", packed, headers={"Content-Encoding": "gzip"}).status == 400
    assert api.post("/auth/login", {}, headers={"Content-Encoding": "br"}).status == 415


@pytest.mark.parametrize(
    "body",
    [b" " * (LIMITS.body_bytes + 1), gzip.compress(b" " * (LIMITS.unpacked_bytes + 1), mtime=0)],
    ids=["sent", "unpacked"],
)
def test_a_huge_body_is_413_with_both_sizes_and_only_for_those_who_may_send_one(api, body):
    reply = api.post("/auth/login", body)
    assert reply.status == 413
    assert "the limit is" in reply.detail
    assert api.post("/projects", body).status == 401


# --- dispatch itself --------------------------------------------------------------------------------------------


@dataclass
class Doer:
    """An operation that keeps its calls."""

    calls: list[Call]

    def __call__(self, call: Call, needs: object) -> Answer:
        self.calls.append(call)
        if call.if_match not in (None, "7"):
            raise PreconditionFailed("it has changed since")
        return Answer()


def tag_seen(header: str | None, method: str = "PUT") -> str | None:
    doer = Doer([])
    route = Route(method, "/things", "public", doer, "Change", conditional=True)
    dispatch.dispatch(route, Incoming({}, {}, bytes, None, None, header, ""), make_needs().identity(), None)
    return doer.calls[0].if_match


@pytest.mark.parametrize("header", ['"7"', ' "7" ', 'W/"7"', "7"])
def test_an_entity_tag_is_read_as_clients_and_proxies_write_it(header):
    assert tag_seen(header) == "7"


@pytest.mark.parametrize("header", [None, "*", " * "])
def test_no_entity_tag_asks_for_nothing(header):
    assert tag_seen(header) is None


@pytest.mark.parametrize("header", ["", " ", '"6", "7"', '"7', '7"', '""', "W/", '"a b"', "6,7", '"7" "8"', "\0"])
def test_what_is_no_entity_tag_is_refused_or_matches_nothing(header):
    with pytest.raises((dispatch.InvalidInput, PreconditionFailed)) as caught:
        tag_seen(header)
    if isinstance(caught.value, dispatch.InvalidInput):
        assert caught.value.field == "If-Match"


def test_reading_asks_for_no_version():
    assert tag_seen('"6"', "GET") is None


def test_a_pattern_has_words_and_is_documented():
    class Body(BaseModel):
        word: Annotated[str, Matching("[a-z]+", "must be letters")]

    assert Body.model_json_schema()["properties"]["word"]["pattern"] == "^[a-z]+$"
    Body(word="abc")
    with pytest.raises(ValueError, match="must be letters"):
        Body(word="abc\n")
