"""What every SpanArchive does, written once. An adapter's test class inherits it and gives two fixtures:

`archive`, and `kept`, which tells names of the spans that are kept of a project, in the order of their start.
"""

import json

from headrace.ports.span_archive import SpanRow
from tests.fakes.clock import START_UNIX_NANO

_UNKNOWN = ("parent_span_id", "role", "tool", "model", "provider", "user_id", "session_id", "input", "output")

SPAN: SpanRow = {
    **dict.fromkeys(_UNKNOWN, ""),
    **dict.fromkeys(("output_tokens", "cached_tokens")),
    "trace_id": "0" * 31 + "1",
    "span_id": "0" * 15 + "1",
    "name": "plan",
    "kind": "agent",
    "framework": "langgraph",
    "service_name": "desk",
    "agent": "planner",
    "started_unix_nano": START_UNIX_NANO,
    "duration_ms": 5.0,
    "status": "error",
    "error_type": "timeout",
    "error_message": "no answer",
    "input_tokens": 7,
    "cost_usd": 0.25,
    "attributes": '{"nested":{"deep":[1,null,2.5]}}',
    "rule": "a rule",
}


class SpanArchiveContract:
    def test_what_is_stored_is_kept_by_project(self, archive, kept):
        archive.store(
            "p", [SPAN, {**SPAN, "span_id": "2" * 16, "name": "call", "started_unix_nano": START_UNIX_NANO + 1000}]
        )
        archive.store("q", [{**SPAN, "name": "theirs"}])
        assert kept("p") == ["plan", "call"]
        assert kept("q") == ["theirs"]

    def test_nothing_is_stored_at_once(self, archive, kept):
        archive.store("p", [])
        assert kept("p") == []

    def test_a_span_that_comes_again_is_there_once_as_it_came_last(self, archive, kept):
        archive.store("p", [SPAN, SPAN])
        archive.store("p", [{**SPAN, "name": "later"}])
        assert kept("p") == ["later"]

    def test_spans_of_any_day_are_kept(self, archive, kept):
        days = [0, 86_400 * 10**9, START_UNIX_NANO, 2**62, 2**64]
        archive.store(
            "p",
            [{**SPAN, "span_id": f"{i:016x}", "name": str(i), "started_unix_nano": at} for i, at in enumerate(days)],
        )
        assert kept("p") == ["0", "1", "2", "3", "4"]

    def test_what_no_database_likes_does_no_harm(self, archive, kept):
        odd = "nul \x00 quote ' tab \t back \\ \U0001f41f"
        archive.store(
            "p", [{**SPAN, "input": odd, "output": odd, "user_id": odd, "attributes": json.dumps({odd: odd})}]
        )
        assert kept("p") == ["plan"]

    def test_a_project_that_is_erased_takes_nothing_of_others_with_it(self, archive, kept):
        archive.store("p", [SPAN])
        archive.store("q", [SPAN])
        archive.erase("p")
        archive.erase("p")
        assert (kept("p"), kept("q")) == ([], ["plan"])
