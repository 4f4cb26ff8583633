import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import orjson
import pytest
from google.rpc.status_pb2 import Status

from headrace import errors
from headrace.entry.errors import problem_error
from headrace.entry.http import STATUSES, Door, Limits, Request, Response
from headrace.entry.otlp_errors import otlp_error
from tests.functions.events import Context, answer_body, answer_json, content_type, http_event

LIMITS = Limits(body_bytes=1000, unpacked_bytes=2000)

ERRORS = {
    errors.InvalidInput("wrong"): 400,
    errors.InvalidExpression("wrong"): 400,
    errors.NotAuthenticated("who"): 401,
    errors.NotAllowed("no"): 403,
    errors.NotFound("where"): 404,
    errors.Conflict("taken"): 409,
    errors.TooLarge("it", limit_bytes=1): 413,
    errors.UnsupportedMedia("what"): 415,
    errors.Unavailable("down"): 503,
}


def door_with(view, encode_error=problem_error, method="POST", path="/things/{id}"):
    door = Door("test", encode_error, lambda: LIMITS)
    door.route(method, path)(view)
    return door


def call(view, headers=None, body=b"", encode_error=problem_error, **how):
    door = door_with(view, encode_error)
    return door(http_event("POST", "/things/7", headers, body, **how), Context())


def seen(headers=None, body=b"", **how) -> Request:
    """The request as a view gets it."""
    requests = []
    call(lambda request: requests.append(request) or Response(200, b""), headers, body, **how)
    return requests[0]


def failing(error):
    def view(_):
        raise error

    return view


@pytest.mark.parametrize("encode_error", [problem_error, otlp_error])
@pytest.mark.parametrize(("error", "status"), ERRORS.items(), ids=lambda each: getattr(each, "status", str(each)))
def test_every_error_has_its_status_and_says_what_is_wrong(error, status, encode_error):
    answer = call(failing(error), encode_error=encode_error)
    assert answer["statusCode"] == status
    assert str(error) in answer_body(answer).decode()


def test_no_error_of_the_tree_is_forgotten_in_the_table():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HeadraceError)
    ]
    mapped = tuple(kind for kind, _ in STATUSES)
    forgotten = {kind for kind in kinds if not issubclass(kind, mapped)}
    assert forgotten == {errors.HeadraceError, errors.ConfigError}, "which status has the new error?"


def test_every_status_of_the_table_has_both_shapes_of_an_error():
    request = seen()
    for kind, status in STATUSES:
        answer = errors.HeadraceError(f"because of {kind.__name__}")
        assert otlp_error(request, status, answer).status == problem_error(request, status, answer).status == status


@pytest.mark.parametrize(
    "error", [KeyError("a secret"), errors.ConfigError("a secret"), errors.HeadraceError("a secret")]
)
def test_a_fault_of_ours_is_500_and_tells_nothing_of_our_insides(error):
    answer = call(failing(error))
    assert answer["statusCode"] == 500
    assert b"secret" not in answer_body(answer)
    assert b"internal error" in answer_body(answer)


@pytest.mark.parametrize(("wait_ms", "seconds"), [(0, "1"), (400, "1"), (7000, "7"), (90_000, "90")])
def test_unavailable_says_when_to_come_back(wait_ms, seconds):
    answer = call(failing(errors.Unavailable("down", retry_after=timedelta(milliseconds=wait_ms))))
    assert answer["headers"]["Retry-After"] == seconds


def test_other_errors_say_nothing_about_coming_back():
    assert "Retry-After" not in call(failing(errors.Conflict("taken")))["headers"]


def test_a_problem_is_json_of_its_own_type():
    answer = call(failing(errors.InvalidInput("wrong", field="a.b")))
    assert content_type(answer) == "application/problem+json"
    assert (answer_json(answer)["status"], answer_json(answer)["detail"]) == (400, "wrong")
    assert answer_json(answer)["errors"][0]["field"] == "a.b"


@pytest.mark.parametrize(("sent", "answered"), [("application/json", "application/json"), (None, "application/json"),
                                                ("text/plain", "application/json")])  # fmt: skip
def test_an_otlp_error_is_json_unless_the_request_was_protobuf(sent, answered):
    answer = call(failing(errors.Unavailable("down")), {"Content-Type": sent} if sent else {}, encode_error=otlp_error)
    assert content_type(answer) == answered
    assert answer_json(answer) == {"code": 14, "message": "down"}


def test_an_otlp_error_of_a_protobuf_request_is_protobuf_whatever_it_accepts():
    for accept in ({}, {"Accept": "application/json"}, {"accept": "text/html"}, {"Accept": "*/*"}):
        headers = {"Content-Type": "application/x-protobuf", **accept}
        answer = call(failing(errors.Unavailable("down")), headers, encode_error=otlp_error)
        assert content_type(answer) == "application/x-protobuf"
        assert Status.FromString(answer_body(answer)) == Status(code=14, message="down")


# --- bodies and headers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"text", b"\x00\xff\x1f\x8a", "é".encode()])
def test_a_base64_body_comes_as_its_bytes(body):
    assert seen(body=body).body == body


def test_a_plain_body_comes_as_its_bytes():
    assert seen(body="é ✓".encode(), as_text=True).body == "é ✓".encode()


@pytest.mark.parametrize(
    "headers", [{"Content-Encoding": "gzip"}, {"content-encoding": " GZIP "}, {}, {"Content-Encoding": "x-gzip"}]
)
def test_gzip_is_known_by_its_header_and_by_its_bytes(headers):
    assert seen(headers, gzip.compress(b"plain")).body == b"plain"


@pytest.mark.parametrize("encoding", ["gzip", "identity", ""])
def test_what_a_gateway_has_unpacked_already_is_taken_as_it_is(encoding):
    assert seen({"Content-Encoding": encoding}, b"plain").body == b"plain"


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_another_content_encoding_is_not_taken(encoding):
    with pytest.raises(errors.UnsupportedMedia):
        seen({"Content-Encoding": encoding}, b"plain").body  # noqa: B018 - a property that raises


@pytest.mark.parametrize("packed", [gzip.compress(b"text", mtime=0)[:-3], b"\x1f\x8b" + bytes(9)])
def test_damaged_gzip_is_invalid_input(packed):
    with pytest.raises(errors.InvalidInput):
        seen(body=packed).body  # noqa: B018


@pytest.mark.parametrize(("size", "taken"), [(1000, True), (1001, False)])
def test_a_body_is_limited_as_sent(size, taken):
    request = seen(body=b"x" * size)
    if taken:
        assert len(request.body) == size
        return
    with pytest.raises(errors.TooLarge) as caught:
        request.body  # noqa: B018
    assert (caught.value.limit_bytes, caught.value.size_bytes) == (1000, 1001)


@pytest.mark.parametrize(("length", "size"), [("5000", 5000), ("12", 1001), ("many", 1001), ("²", 1001), ("-5", 1001)])
def test_the_size_that_the_sender_named_is_told_when_it_is_larger(length, size):
    with pytest.raises(errors.TooLarge) as caught:
        seen({"Content-Length": length}, b"x" * 1001).body  # noqa: B018
    assert caught.value.size_bytes == size


@pytest.mark.parametrize(("size", "taken"), [(2000, True), (2001, False)])
def test_a_body_is_limited_after_gunzip(size, taken):
    request = seen(body=gzip.compress(b"x" * size))
    if taken:
        assert len(request.body) == size
        return
    with pytest.raises(errors.TooLarge):
        request.body  # noqa: B018


@pytest.mark.parametrize("name", ["X-API-Key", "x-api-key", "X-Api-Key"])
def test_header_names_come_in_lower_case(name):
    assert seen({name: "k"}).headers["x-api-key"] == "k"


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"X-API-Key": " k "}, "k"),
        ({"Authorization": "Bearer k"}, "k"),
        ({"authorization": "bEARER  k "}, "k"),
        ({"X-API-Key": "k", "Authorization": "Bearer other"}, "k"),
        ({"X-API-Key": "", "Authorization": "Bearer k"}, "k"),
        ({"Authorization": "Basic k"}, None),
        ({"Authorization": "k"}, None),
        ({}, None),
    ],
)
def test_the_api_key_comes_from_either_header(headers, key):
    assert seen(headers).api_key == key


def test_a_request_without_any_headers_is_a_request():
    assert seen(headers=None).headers.get("x-api-key") is None


def test_a_view_sees_method_path_and_parameters():
    request = seen(queryStringParameters={"limit": "3"})
    assert (request.method, request.path) == ("POST", "/things/7")
    assert (dict(request.path_parameters), dict(request.query)) == ({"id": "7"}, {"limit": "3"})


# --- answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [None, "text/html", "application/json", "*/*", "garbage"])
@pytest.mark.parametrize("sent", ["application/x-protobuf", "text/plain", "", "made/up; x=y"])
def test_any_content_type_and_accept_header_reach_the_view_and_a_binary_answer_goes_out(accept, sent):
    headers = {"Content-Type": sent, **({"Accept": accept} if accept else {})}
    answer = call(lambda _: Response(200, b"\x00\xff\x0a", "application/x-protobuf"), headers, b"\x00")
    assert (answer["statusCode"], answer_body(answer)) == (200, b"\x00\xff\x0a")
    assert answer["isBase64Encoded"] is True


def test_an_answer_goes_out_with_status_headers_and_body():
    answer = call(lambda _: Response(202, '{"a": "é"}'.encode(), headers={"X-Thing": "1"}))
    assert (answer["statusCode"], answer["headers"]["X-Thing"], answer_json(answer)) == (202, "1", {"a": "é"})


def test_an_empty_binary_answer_is_empty():
    answer = call(lambda _: Response(200, b"", "application/x-protobuf"))
    assert answer_body(answer) == b""


@pytest.mark.parametrize("encode_error", [problem_error, otlp_error])
@pytest.mark.parametrize("response", [Response(200, b"\xff"), Response(200, b"", "application/x-protobuf; x=y"), None])
def test_an_answer_that_cannot_go_out_is_500_in_the_shape_of_all_errors(encode_error, response):
    assert call(lambda _: response, encode_error=encode_error) == call(failing(KeyError()), encode_error=encode_error)


def test_a_method_of_a_path_has_one_view():
    door = door_with(lambda _: Response(200, b""))
    with pytest.raises(ValueError, match="two targets"):
        door.route("POST", "/things/{id}")(lambda _: Response(202, b""))


def test_an_unknown_path_is_404_and_another_method_405_that_says_what_is_allowed():
    door = door_with(lambda _: Response(200, b""))
    missing = door(http_event("POST", "/nothing"), Context())
    wrong = door(http_event("DELETE", "/things/7"), Context())
    assert (missing["statusCode"], wrong["statusCode"]) == (404, 405)
    assert wrong["headers"]["Allow"] == "POST"


def test_many_threads_at_once_each_get_their_own_request():
    barrier = threading.Barrier(16)

    def view(request):
        barrier.wait(10)  # all sixteen are inside at the same time
        return Response(200, orjson.dumps([request.path_parameters["id"], request.body.decode()]))

    door = door_with(view)

    def work(number):
        return answer_json(door(http_event("POST", f"/things/{number}", body=f"body {number}".encode()), Context()))

    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            found = list(pool.map(work, range(16)))
            assert found == [[str(number), f"body {number}"] for number in range(16)]
