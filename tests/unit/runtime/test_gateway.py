import base64
import json
import tracemalloc

import orjson
import pytest
from google.rpc.status_pb2 import Status

from headrace.runtime.gateway import encode_event
from tests.unit.runtime.asgi import Recorder, binary, call, gateway, scope_of, text

MIB = 1024 * 1024


def event_of(scope, body=b"", resource="/things", parameters=None):
    return encode_event(scope, body, resource, parameters or {})


def test_an_event_has_every_field_that_a_rest_api_sends():
    headers = [(b"host", b"x"), (b"accept", b"a"), (b"accept", b"b")]
    event = event_of(scope_of("PUT", "/things/7", headers, b"q=1&q=2&empty="), b"body", "/things/{id}", {"id": "7"})
    context = event.pop("requestContext")
    assert event == {
        "resource": "/things/{id}",
        "path": "/things/7",
        "httpMethod": "PUT",
        "headers": {"host": "x", "accept": "b"},
        "multiValueHeaders": {"host": ["x"], "accept": ["a", "b"]},
        "queryStringParameters": {"q": "2", "empty": ""},
        "multiValueQueryStringParameters": {"q": ["1", "2"], "empty": [""]},
        "pathParameters": {"id": "7"},
        "stageVariables": None,
        "body": base64.b64encode(b"body").decode(),
        "isBase64Encoded": True,
    }
    assert context["resourcePath"] == "/things/{id}"
    assert (context["httpMethod"], context["path"], context["stage"]) == ("PUT", "/things/7", "local")
    assert context["identity"] == {"sourceIp": "203.0.113.9"}


def test_what_a_request_does_not_have_is_null_in_its_event():
    event = event_of(scope_of("GET", "/things", client=None))
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body")
    assert [event[name] for name in absent] == [None] * 4
    assert event["isBase64Encoded"] is False
    assert event["headers"] == {}
    assert event["requestContext"]["identity"] == {"sourceIp": ""}


def test_every_request_has_an_id_and_a_time_of_its_own():
    first, second = (event_of(scope_of("GET", "/things"))["requestContext"] for _ in range(2))
    assert first["requestId"] != second["requestId"]
    assert second["requestTimeEpoch"] >= first["requestTimeEpoch"] > 1_600_000_000_000


def test_an_event_is_json_whatever_bytes_the_request_holds():
    event = event_of(
        scope_of("POST", "/things", [(b"x-name", "naïve".encode("latin-1"))], b"q=%ff%00"), bytes(range(256))
    )
    again = json.loads(json.dumps(event))
    assert base64.b64decode(again["body"]) == bytes(range(256))
    assert again["headers"] == {"x-name": "naïve"}


def test_a_query_is_decoded():
    event = event_of(scope_of("GET", "/things", query=b"a%20b=c+d%26e"))
    assert event["queryStringParameters"] == {"a b": "c d&e"}


def test_the_function_of_the_route_is_called_with_the_whole_body():
    right, wrong = Recorder(text(202, "done", {"X-Made": "1"})), Recorder()
    app = gateway([("POST", "/a", right), ("GET", "/a", wrong), ("POST", "/b", wrong)])
    answer = call(app, scope_of("POST", "/a"), [b"one ", b"two ", b"three"])
    assert base64.b64decode(right.event["body"]) == b"one two three"
    assert wrong.events == []
    assert (answer.status, answer.body) == (202, b"done")
    assert answer.headers == {"x-made": "1", "content-length": "4"}


def test_a_binary_answer_is_sent_as_its_bytes():
    answer = call(gateway([("GET", "/a", Recorder(binary(200, b"\x00\xff")))]), scope_of("GET", "/a"))
    assert (answer.body, answer.headers["content-length"]) == (b"\x00\xff", "2")


def test_text_is_sent_as_utf8_with_its_length_in_bytes():
    answer = call(gateway([("GET", "/a", Recorder(text(200, "naïve")))]), scope_of("GET", "/a"))
    assert (answer.body.decode(), answer.headers["content-length"]) == ("naïve", "6")


@pytest.mark.parametrize("missing", ["headers", "body"])
def test_an_answer_without_headers_or_body_is_an_empty_answer(missing):
    answer = call(gateway([("GET", "/a", Recorder({**text(204, ""), missing: None}))]), scope_of("GET", "/a"))
    assert (answer.status, answer.body) == (204, b"")


def test_path_parameters_are_decoded_once_even_when_they_hold_a_slash_or_a_percent_sign():
    handler = Recorder()
    app = gateway([("GET", "/p/{project}/keys/{key_id}", handler)])
    assert call(app, scope_of("GET", "/p/my%20100%2525/keys/a%2Fb")).status == 200
    assert handler.event["pathParameters"] == {"project": "my 100%25", "key_id": "a/b"}
    assert handler.event["resource"] == "/p/{project}/keys/{key_id}"
    assert handler.event["path"] == "/p/my 100%25/keys/a/b"


@pytest.mark.parametrize("path", ["/p//keys", "/p/1/2/keys", "/p/1/keys/", "/x/p/1/keys", "/p/1/keysX"])
def test_a_parameter_is_one_segment_of_the_path_and_routes_match_wholly(path):
    assert call(gateway([("GET", "/p/{project}/keys", Recorder())]), scope_of("GET", path)).status == 404


def test_a_dot_in_a_route_is_a_dot():
    app = gateway([("GET", "/openapi.json", Recorder())])
    assert call(app, scope_of("GET", "/openapiXjson")).status == 404
    assert call(app, scope_of("GET", "/openapi.json")).status == 200


def test_a_path_that_nothing_listens_on_is_404_with_problem_details():
    answer = call(gateway([]), scope_of("GET", "/nothing"))
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert orjson.loads(answer.body)["detail"] == "there is nothing at /nothing"


def test_a_method_that_nothing_listens_for_is_405_and_says_what_is_allowed():
    app = gateway([("PUT", "/a", Recorder()), ("GET", "/a", Recorder()), ("POST", "/b", Recorder())])
    answer = call(app, scope_of("DELETE", "/a"))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, PUT")
    assert orjson.loads(answer.body)["detail"] == "DELETE is not allowed here, only GET, PUT"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"), [("GET", "/v1/logs", 405, 12), ("POST", "/v1/x", 404, 5)]
)
def test_otlp_clients_get_their_refusals_as_status_in_their_encoding(method, path, status, code):
    app = gateway([("POST", "/v1/logs", Recorder())])
    plain = call(app, scope_of(method, path))
    assert (plain.status, plain.headers["content-type"]) == (status, "application/json")
    assert orjson.loads(plain.body)["code"] == code
    packed = call(app, scope_of(method, path, [(b"content-type", b"application/x-protobuf")]))
    assert (packed.status, packed.headers["content-type"]) == (status, "application/x-protobuf")
    assert Status.FromString(packed.body).code == code


@pytest.mark.parametrize("size", [999, 1000])
def test_a_body_up_to_the_limit_reaches_the_function_whole(size):
    handler = Recorder()
    call(gateway([("POST", "/a", handler)]), scope_of("POST", "/a"), [b"x" * (size - 1), b"y"])
    assert base64.b64decode(handler.event["body"]) == b"x" * (size - 1) + b"y"


def test_of_a_body_over_the_limit_one_byte_too_many_reaches_the_function_so_that_it_can_refuse():
    handler = Recorder(text(413, ""))
    answer = call(gateway([("POST", "/a", handler)]), scope_of("POST", "/a"), [b"x" * 700] * 10)
    assert len(base64.b64decode(handler.event["body"])) == 1001
    assert (answer.status, answer.read) == (413, 10)


def test_a_body_far_over_the_limit_costs_no_memory_and_is_not_read_for_ever():
    handler, chunk = Recorder(text(413, "")), b"x" * MIB
    app = gateway([("POST", "/a", handler)], max_body_bytes=MIB)
    tracemalloc.start()
    answer = call(app, scope_of("POST", "/a"), [chunk] * 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == 413
    assert peak < 12 * MIB
    assert 60 <= answer.read <= 70


@pytest.mark.parametrize("chunks", [[None], [b"half", None], [b"x" * 2000, b"y", None]])
def test_a_sender_that_goes_away_before_its_body_is_complete_called_no_function(chunks):
    handler = Recorder()
    assert call(gateway([("POST", "/a", handler)]), scope_of("POST", "/a"), chunks) is None
    assert handler.events == []
