"""The line to a server that does not behave: every wait ends, and what came is told."""

import pytest

from headrace.otlp_check.line import Line, NoAnswer, Outgoing, parse_target
from tests.fakes.http import (
    dripping_body,
    dripping_headers,
    endless_body,
    hang,
    hang_up,
    listening,
    reply,
    stop_half_way,
)

REQUEST = Outgoing("/process", [("Content-Type", "text/plain")], b"body")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (hang, "no whole answer within"),
        (dripping_headers, "no whole answer within"),
        (dripping_body, "no whole answer within"),
        (hang_up, "instead of an answer"),
        (stop_half_way, "instead of an answer"),
        (endless_body, "bytes long"),
        (lambda exchange: exchange.wfile.write(b"SSH-2.0-x\r\n\r\n"), "no HTTP"),
    ],
)
def test_what_is_no_answer_is_told_in_time(answer, words):
    seconds = 20 if answer in (endless_body, hang_up, stop_half_way) else 0.3
    with listening() as server:
        server.will(answer)
        with (
            Line(parse_target(server.url.removesuffix("/process")), seconds) as line,
            pytest.raises(NoAnswer, match=words),
        ):
            line.exchange(REQUEST)


def test_answers_to_requests_sent_at_once_come_in_order_and_say_whether_more_may_follow():
    with listening() as server:
        server.will(reply(200, b"one"), reply(404, b"two"), reply(200, b"three", Connection="close"))
        with Line(parse_target(server.url.removesuffix("/process")), 20) as line:
            answers = line.exchange(REQUEST, REQUEST, REQUEST, REQUEST)
    assert [(each.status, each.body, each.reusable) for each in answers] == [
        (200, b"one", True),
        (404, b"two", True),
        (200, b"three", False),
    ]


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://127.0.0.1:4318", "127.0.0.1:4318", ""),
        ("http://example.com/otlp/", "example.com", "/otlp"),
        ("https://example.com:443", "example.com", ""),
        ("http://[::1]:4318", "[::1]:4318", ""),
    ],
)
def test_the_path_of_a_base_url_comes_before_those_of_otlp(url, authority, path):
    target = parse_target(url)
    assert (target.authority, target.path) == (authority, path)
