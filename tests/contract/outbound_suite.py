"""What every Outbound does, written once. `OutboundContract` is for fakes too; what needs a line that can stall and
break is in `LineContract`, for adapters. A test class gives `outbound`, and `peer`: `will(status, headers, body)`
says what to answer from now on, `requests` is what came (`method`, `headers` in lower case, `body`), `url` where to.

class TestMyOutbound(OutboundContract, LineContract):
    @pytest.fixture
    def outbound(self): ...

    @pytest.fixture
    def peer(self, line): return HttpPeer(line)
"""

import gzip
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import InvalidInput
from headrace.ports.outbound import NoAnswer, OutboundRequest
from tests.contract.outbound_line import HttpPeer, Line

CUT_BYTES = 64 * 1024
SHORT = timedelta(milliseconds=300)


def ask(outbound: Any, url: str, **how: Any) -> Any:
    return outbound.send(OutboundRequest(url, how.pop("body", b"[]"), **how))


class OutboundContract:
    def test_a_request_arrives_as_it_was_made(self, outbound, peer):
        headers = {"X-Request-ID": "abc", "Content-Type": "application/json", "X-Empty": "", "X-Latin": "é ü"}
        ask(outbound, peer.url, method="PUT", headers=headers, body=b"\x00\xff{}")
        (request,) = peer.requests
        assert (request.method, request.body) == ("PUT", b"\x00\xff{}")
        assert {name: request.headers[name.lower()] for name in headers} == headers

    @pytest.mark.parametrize("status", [200, 202, 204, 301, 307, 400, 404, 410, 429, 500, 503, 599])
    def test_any_status_is_an_answer(self, outbound, peer, status):
        peer.will(status)
        assert ask(outbound, peer.url).status == status

    def test_an_answer_has_its_headers_in_lower_case_and_its_body(self, outbound, peer):
        peer.will(429, {"Retry-After": "7", "X-Thing": "A"}, b"slow down")
        answer = ask(outbound, peer.url)
        assert (answer.headers["retry-after"], answer.headers["x-thing"], answer.body) == ("7", "A", b"slow down")

    def test_a_redirect_is_an_answer_and_is_not_followed(self, outbound, peer):
        peer.will(302, {"Location": f"{peer.url}elsewhere"}, b"moved")
        answer = ask(outbound, peer.url)
        assert (answer.status, answer.headers["location"]) == (302, f"{peer.url}elsewhere")
        assert len(peer.requests) == 1

    @pytest.mark.parametrize("size", [CUT_BYTES - 1, CUT_BYTES, CUT_BYTES + 1, 3 * CUT_BYTES])
    def test_a_body_is_cut_after_64_kib(self, outbound, peer, size):
        peer.will(200, {}, b"x" * size)
        assert ask(outbound, peer.url).body == b"x" * min(size, CUT_BYTES)

    @pytest.mark.parametrize(
        "url",
        ["", "banana", "//host/path", "ftp://host/", "file:///etc/passwd", "httpx://host/", "http://", "http:///path"],
    )
    def test_what_is_no_http_url_is_invalid_input(self, outbound, url):
        self._invalid(outbound, "url", url)

    @pytest.mark.parametrize(
        "url",
        ["http://host:banana/", "http://host:99999/", "http://host:0/", "http://[::1/", f"http://host/{'x' * 10_000}"],
        ids=lambda url: url[:30],
    )
    def test_a_url_that_means_nothing_is_invalid_input(self, outbound, url):
        self._invalid(outbound, "url", url)

    @pytest.mark.parametrize(
        "url",
        [
            "http://user:pass@host/",
            "http://host\\@other/",
            "http://host/a b",
            " http://host/",
            "http://host/\r\nX-A: b",
        ],
    )
    def test_a_url_that_can_be_read_in_two_ways_is_invalid_input(self, outbound, url):
        self._invalid(outbound, "url", url)

    @pytest.mark.parametrize(
        "header",
        [
            *[("X-A", value) for value in ("a\r\nX-B: b", "a\nb", "a\r b", "a\0b", "✓", " a")],
            *[(name, "a") for name in ("X A\n", "X-A:", "X-✓", "")],
            *[("Host", "inside"), ("content-length", "1"), ("Transfer-Encoding", "chunked"), ("Connection", "close")],
        ],
        ids=ascii,
    )
    def test_a_header_that_cannot_be_sent_is_invalid_input(self, outbound, peer, header):
        self._invalid(outbound, "headers", peer.url, headers=dict([header]))
        assert peer.requests == []

    def test_checking_a_url_sends_nothing(self, outbound, peer):
        outbound.check(peer.url)
        assert peer.requests == []

    def _invalid(self, outbound: Any, field: str, url: str, **how: Any) -> None:
        if field == "url":
            with pytest.raises(InvalidInput) as at_typing:
                outbound.check(url)
            assert at_typing.value.field == "url"
        with pytest.raises(InvalidInput) as caught:
            ask(outbound, url, **how)
        assert caught.value.field == field

    def test_many_threads_each_get_the_answer_to_their_own_request(self, outbound, peer):
        peer.will_echo()
        with ThreadPoolExecutor(16) as pool:
            sent = [str(number).encode() for number in range(160)]
            answers = pool.map(lambda body: ask(outbound, peer.url, body=body).body, sent)
            assert list(answers) == sent


class LineContract:
    """Behind `line` is a socket whose every byte a test decides."""

    @pytest.fixture
    def line(self) -> Iterator[Line]:
        with ExitStack() as stack:
            yield stack.enter_context(Line())

    def _no_answer(self, outbound: Any, line: Line, *steps: Any, words: str) -> None:
        line.will(*steps)
        with pytest.raises(NoAnswer, match=words):
            ask(outbound, line.url, timeout=SHORT)

    def test_silence_is_no_answer_once_the_time_is_up(self, outbound, line):
        self._no_answer(outbound, line, line.HANG, words="no answer within 0.3 s")

    def test_a_head_that_comes_drop_by_drop_is_no_answer_once_the_time_is_up(self, outbound, line):
        self._no_answer(outbound, line, b"HTTP/1.1 200 OK\r\nX-Slow: ", line.DRIP, words="no answer within 0.3 s")

    def test_a_peer_that_does_not_take_the_connection_is_no_answer_once_the_time_is_up(self, outbound):
        with ExitStack() as stack:
            full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(3):  # fill the queue of a listener that accepts nobody
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            with pytest.raises(NoAnswer, match="no answer within"):
                ask(outbound, f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=SHORT)

    @pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked", b"X-Until: close"])
    def test_a_body_that_comes_drop_by_drop_is_cut_once_the_time_is_up(self, outbound, line, framing):
        start = b"5\r\nstart\r\n" if b"chunked" in framing else b"start"
        line.will(b"HTTP/1.1 200 OK\r\n", framing, b"\r\n\r\n", start, line.DRIP)
        answer = ask(outbound, line.url, timeout=SHORT)
        assert answer.status == 200
        assert len(answer.body) < 100

    @pytest.mark.parametrize("head", [b"200 OK\r\n", b"302 Found\r\nLocation: http://127.0.0.1:1/\r\n"])
    def test_a_body_that_never_ends_is_cut_after_64_kib(self, outbound, line, head):
        line.will(b"HTTP/1.1 ", head, b"\r\n", line.FLOOD)
        assert ask(outbound, line.url).body == b"x" * CUT_BYTES

    def test_a_packed_body_that_unpacks_to_a_flood_is_cut_after_64_kib(self, outbound, line):
        packed = gzip.compress(b"x" * 50_000_000)
        line.will(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed), packed)
        assert ask(outbound, line.url).body == b"x" * CUT_BYTES

    def test_a_refused_connection_is_no_answer(self, outbound):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can have the port
            with pytest.raises(NoAnswer, match="refused"):
                ask(outbound, f"http://127.0.0.1:{taken.getsockname()[1]}/")

    def test_a_name_that_does_not_exist_is_no_answer(self, outbound):
        with pytest.raises(NoAnswer, match="could not be reached"):
            ask(outbound, "http://headrace.invalid/")

    @pytest.mark.parametrize("url", ["http://a..b/", f"http://{'a' * 64}.invalid/"])
    def test_a_host_that_no_name_server_could_know_is_invalid_input(self, outbound, url):
        with pytest.raises(InvalidInput) as caught:
            ask(outbound, url)
        assert caught.value.field == "url"

    @pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00" * 100])
    def test_what_is_no_http_answer_is_no_answer(self, outbound, line, sent):
        self._no_answer(outbound, line, sent, words="could not be reached")

    @pytest.mark.parametrize(
        "flood",
        [b"X-Flood: x\r\n" * 1000, b"X-Flood: " + b"x" * 100_000, b" folded\r\n" * 200_000],
        ids=["many", "long", "folded"],
    )
    def test_headers_that_never_end_are_no_answer(self, outbound, line, flood):
        line.will(b"HTTP/1.1 200 OK\r\nX-First: 1\r\n", flood, line.FLOOD)
        with pytest.raises(NoAnswer, match="could not be reached"):
            ask(outbound, line.url)

    def test_preliminary_answers_that_never_end_are_no_answer(self, outbound, line):
        line.will(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)
        with pytest.raises(NoAnswer, match="could not be reached: its answer is over 1048576 bytes"):
            ask(outbound, line.url)

    def test_a_preliminary_answer_is_passed_over(self, outbound, line):
        line.will(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        assert ask(outbound, line.url).status == 202

    @pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"gzip, gzip", b"wonderful"])
    def test_a_body_that_makes_no_sense_does_not_undo_the_answer(self, outbound, line, coding):
        line.will(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + coding + b"\r\nContent-Length: 7\r\n\r\ngarbage")
        assert ask(outbound, line.url).status == 200

    def test_a_body_in_pieces_is_put_together(self, outbound, line):
        line.will(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-End: 1\r\n\r\n"
        )
        assert ask(outbound, line.url).body == b"abcde"

    def test_a_packed_body_is_unpacked(self, outbound, line):
        packed = gzip.compress(b"x" * 20_000)
        line.will(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed), packed)
        assert ask(outbound, line.url).body == b"x" * 20_000

    def test_a_peer_that_does_not_take_the_body_is_no_answer_once_the_time_is_up(self, outbound):
        with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(NoAnswer, match="no answer within"):
            ask(outbound, f"http://127.0.0.1:{deaf.getsockname()[1]}/", body=b"x" * 50_000_000, timeout=SHORT)

    def test_an_answer_that_comes_before_all_of_the_body_was_sent_counts(self, outbound):
        with socket.create_server(("127.0.0.1", 0)) as hasty, ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask, outbound, f"http://127.0.0.1:{hasty.getsockname()[1]}/", body=b"x" * 5_000_000)
            hasty.settimeout(30)
            connection, _ = hasty.accept()
            with connection:
                connection.recv(100_000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1_000_000):
                    pass
            assert asked.result().status == 413

    @pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
    def test_a_line_that_breaks_half_way_through_the_body_is_no_answer(self, outbound, line, framing):
        words = "could not be reached"
        self._no_answer(outbound, line, b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n9\r\nab", words=words)

    def test_connections_are_used_again(self, outbound, line):
        peer = HttpPeer(line)
        for _ in range(3):
            ask(outbound, peer.url)
        assert (len(peer.requests), line.connections) == (3, 1)

    def test_a_kept_connection_that_the_peer_has_closed_meanwhile_is_replaced(self, outbound, line):
        line.will(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        for count in (1, 2):
            assert ask(outbound, line.url).body == b"ok"
            line.wait_closed(count)
        assert line.connections == 2

    def test_a_cut_body_does_not_spill_into_the_next_answer(self, outbound, line):
        line.will(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n", line.FLOOD)
        ask(outbound, line.url)
        line.will(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert ask(outbound, line.url).status == 204

    def test_a_cookie_of_one_answer_is_not_told_to_the_next(self, outbound, line):
        peer = HttpPeer(line)
        peer.will(200, {"Set-Cookie": "session=secret; Path=/"})
        ask(outbound, peer.url)
        ask(outbound, peer.url)
        assert "cookie" not in peer.requests[1].headers

    def test_a_proxy_of_the_environment_is_not_used(self, outbound, line, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "")
        peer = HttpPeer(line)
        assert ask(outbound, peer.url).status == 200

    def test_a_password_of_the_environment_is_not_used(self, outbound, line, monkeypatch, tmp_path):
        (tmp_path / ".netrc").write_text("default login somebody password secret\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        peer = HttpPeer(line)
        ask(outbound, peer.url)
        assert "authorization" not in peer.requests[0].headers
