"""Contract section 5, row by row, through the door."""

import gzip

import orjson
import pytest

from functions.agent_output.handler import handler
from tests.functions.conftest import UNKNOWN_KEY
from tests.functions.events import Context, answer_json, content_type, http_event

LIMIT = 256 * 1024


def post(body, key=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    keyed = {"X-API-Key": key} if key else {}
    return handler(http_event("POST", "/internal/agent-output", {**keyed, **named}, body), Context())


def problem(answer):
    assert content_type(answer) == "application/problem+json"
    body = answer_json(answer)
    assert body["status"] == answer["statusCode"]
    return body


@pytest.mark.parametrize("value", [{"title": "x"}, [1, 2], "text", 5, 1.5, True, False, None, "", {}, []])
def test_any_json_value_is_stored_and_202_says_under_which_id(project, value):
    answer = post(orjson.dumps(value), project.key)
    (message,) = project.take("output")
    assert (answer["statusCode"], content_type(answer)) == (202, "application/json")
    assert answer_json(answer) == {"status": "accepted", "id": message.id}
    assert orjson.loads(message.body) == value
    assert (message.attributes["project_id"], message.attributes["signal"]) == (project.id, "output")
    assert "request_id" not in message.attributes
    assert project.counts == {"outputs": 1}


@pytest.mark.parametrize("headers", [{}, {"Content_Type": "text/plain"}, {"Content_Type": "application/json"}])
def test_the_content_type_does_not_matter(project, headers):
    assert post(b"{}", project.key, **headers)["statusCode"] == 202


def test_the_request_id_travels_with_the_output(project):
    post(b"{}", project.key, X_Request_ID="batch-7")
    (message,) = project.take("output")
    assert message.attributes["request_id"] == "batch-7"


@pytest.mark.parametrize("request_id", ["x" * 201, "naïve", "line\nbreak", "\x00"])
def test_a_request_id_that_no_header_could_carry_is_400(project, request_id):
    answer = post(b"{}", project.key, X_Request_ID=request_id)
    assert answer["statusCode"] == 400
    assert "X-Request-ID" in problem(answer)["detail"]
    assert project.take("output") == []


def test_a_packed_output_and_a_bearer_token_are_taken(project):
    answer = post(gzip.compress(b'{"a": 1}'), Authorization=f"Bearer {project.key}", Content_Encoding="gzip")
    assert answer["statusCode"] == 202
    assert project.stored("output") == [{"a": 1}]


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b"\xff", b"NaN", b"1 2", b"[" * 1000 + b"]" * 1000])
def test_what_is_not_json_is_400(project, body):
    answer = post(body, project.key)
    assert answer["statusCode"] == 400
    assert problem(answer)["detail"]
    assert project.take("output") == []


@pytest.mark.parametrize("key", [None, "guess", UNKNOWN_KEY])
def test_no_key_or_an_unknown_one_is_401(project, key):
    answer = post(b"{}", key)
    assert (answer["statusCode"], problem(answer)["title"]) == (401, "Unauthorized")
    assert project.take("output") == []


def test_an_output_of_exactly_the_limit_is_taken_and_one_byte_more_is_413(project):
    fits = orjson.dumps("x" * (LIMIT - 2))
    assert post(fits, project.key)["statusCode"] == 202
    answer = post(fits + b" ", project.key)
    assert answer["statusCode"] == 413
    assert problem(answer)["detail"] == f"the output is {LIMIT + 1} bytes, the limit is {LIMIT} bytes"
    assert len(project.take("output")) == 1


def test_an_unknown_content_encoding_is_415(project):
    assert problem(post(b"{}", project.key, Content_Encoding="br"))["status"] == 415


@pytest.mark.parametrize("engine", ["bus", "store"])
def test_an_engine_that_is_down_is_503_with_retry_after(project, broken, engine):
    broken(engine)
    answer = post(b"{}", project.key)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["Retry-After"]) >= 1
    problem(answer)
