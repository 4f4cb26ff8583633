import orjson

from headrace.api.problem import encode_problem


def test_a_problem_has_the_members_of_rfc_9457():
    assert orjson.loads(encode_problem(503, "the bus is down")) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the bus is down",
    }
