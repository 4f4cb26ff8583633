"""What an output answers, and in which trace, is known without being handed from call to call."""

import asyncio
import sys
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from headrace_sdk import AsyncHeadrace, answering
from tests.sdk.conftest import KEY

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
HEADERS = {"X-Request-ID": "batch-7", "Traceparent": TRACEPARENT}
TRACER = TracerProvider().get_tracer("agent")


def sent(receiver):
    return [(request.headers["X-Request-ID"], request.headers["traceparent"]) for request in receiver.requests]


def test_an_output_takes_over_request_id_and_trace_of_the_request_it_answers(headrace, receiver):
    with answering(HEADERS):
        headrace.send_output({})
    assert sent(receiver) == [("batch-7", TRACEPARENT)]


def test_what_is_given_wins_over_what_is_answered(headrace, receiver):
    given = TRACEPARENT.replace("4bf9", "aaaa")
    with answering(HEADERS):
        headrace.send_output({}, "batch-8", traceparent=given)
    assert sent(receiver) == [("batch-8", given)]


def test_afterwards_outputs_answer_nothing_again(headrace, receiver):
    with answering(HEADERS):
        pass
    headrace.send_output({})
    ((request_id, traceparent),) = sent(receiver)
    assert (request_id != "batch-7", traceparent) == (True, None)


def test_the_awaited_twin_answers_the_same_request_and_two_tasks_do_not_mix(receiver):
    async def answer(headrace, number):
        with answering({"x-request-id": f"batch-{number}"}):
            await asyncio.sleep(0)
            await headrace.send_output(number)

    async def both():
        async with AsyncHeadrace(KEY, receiver.url) as headrace:
            await asyncio.gather(*(answer(headrace, number) for number in range(8)))

    asyncio.run(both())
    assert len(receiver.requests) == 8
    assert all(request.headers["X-Request-ID"] == f"batch-{request.json}" for request in receiver.requests)


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        f"ff-{TRACE_ID}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        TRACEPARENT.upper(),
        f"{TRACEPARENT}-more",
        f"{TRACEPARENT}\r\nX-API-Key: other",
        "ü" * 55,
    ],
)
def test_a_trace_that_is_malformed_is_dropped_and_the_output_still_sent(headrace, receiver, traceparent):
    with answering({"traceparent": traceparent}):
        headrace.send_output({})
    assert "traceparent" not in receiver.requests[0].headers


def test_a_request_id_that_cannot_be_a_header_is_replaced_by_one_that_can(headrace, receiver):
    with answering({"x-request-id": "a\r\nb"}):
        headrace.send_output({})
    assert len(receiver.requests[0].headers["X-Request-ID"]) == 36


def test_the_current_span_of_opentelemetry_is_sent_on(headrace, receiver):
    with TRACER.start_as_current_span("look") as span:
        headrace.send_output({})
    context = span.get_span_context()
    expected = f"00-{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}-"
    assert receiver.requests[0].headers["traceparent"].startswith(expected)


def test_a_span_of_the_agent_becomes_a_child_of_the_request_that_it_answers(headrace, receiver):
    with answering(HEADERS), TRACER.start_as_current_span("look") as span:
        headrace.send_output({})
    assert trace.format_trace_id(span.get_span_context().trace_id) == TRACE_ID
    _, trace_id, span_id, _ = receiver.requests[0].headers["traceparent"].split("-")
    assert (trace_id, span_id) == (TRACE_ID, trace.format_span_id(span.get_span_context().span_id))


def test_a_server_that_is_instrumented_keeps_its_span_as_the_parent(headrace, receiver):
    with TRACER.start_as_current_span("POST /process") as server, answering(HEADERS):
        assert trace.get_current_span() is server


def test_after_the_answer_opentelemetry_has_no_span_left():
    with answering(HEADERS):
        assert trace.get_current_span().get_span_context().is_remote
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize("traceparent", [TRACEPARENT, f"01-{TRACE_ID}-00f067aa0ba902b7-01-of-later-days"])
def test_without_opentelemetry_the_trace_of_the_request_is_sent_on(headrace, receiver, monkeypatch, traceparent):
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    with answering({**HEADERS, "Traceparent": traceparent}):
        headrace.send_output({})
    assert sent(receiver) == [("batch-7", traceparent)]


def test_a_thread_started_by_hand_answers_nothing(headrace, receiver):
    with answering(HEADERS):
        thread = threading.Thread(target=headrace.send_output, args=({},))
        thread.start()
        thread.join()
    assert receiver.requests[0].headers["X-Request-ID"] != "batch-7"
