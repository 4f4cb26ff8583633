"""What a project can have left out of its traces."""

from headrace.trace.domain.spans import Span, SpanError
from headrace.trace.domain.tracing import without_content

SPAN = Span(
    "t", "s", "", "chat", "llm_call", "rule", "generic", "desk", 0, 1, "error",
    model="gpt-4o", input_tokens=7, input="my password is hunter2", output="noted",
    error=SpanError("llm_error", "refused to repeat hunter2"),
    attributes={
        "gen_ai.input.messages": "hunter2", "gen_ai.prompt.0.content": "hunter2", "input.value": "hunter2",
        "tool.arguments": "hunter2", "gen_ai.usage.input_tokens": 7, "gen_ai.request.model": "gpt-4o",
    },
)  # fmt: skip


def test_what_was_said_goes_and_what_was_counted_stays() -> None:
    kept = without_content(SPAN)
    assert "hunter2" not in repr(kept)
    assert kept.attributes == {"gen_ai.usage.input_tokens": 7, "gen_ai.request.model": "gpt-4o"}
    assert (kept.model, kept.input_tokens, kept.error and kept.error.type) == ("gpt-4o", 7, "llm_error")


def test_the_span_itself_is_left_as_it_was() -> None:
    without_content(SPAN)
    assert SPAN.input == "my password is hunter2"
