"""The real OpenAI Agents SDK against a server on this machine, when all goes well and when it does not."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from error_summary.assessing import Assessment, assess
from error_summary.grouping import ErrorGroup, group_events
from error_summary.records import read_event
from error_summary.settings import Settings
from tests.agents.stand_in_model import ENRICHMENT, StandInModel, answering, fails, refuses, says, sensible
from tests.fakes.http import dripping_body, hang, hang_up, nobody, reply, stop_half_way

RECORDS = [
    {"resourceAttributes": {"service.name": "payment"}, "body": "database pool exhausted", "severityNumber": 17},
    {"resourceAttributes": {"service.name": "payment"}, "body": "database pool exhausted", "severityNumber": 17},
    {"resourceAttributes": {"service.name": "cart"}, "body": "Read timed out", "severityNumber": 17},
]


@pytest.fixture
def server() -> Iterator[StandInModel]:
    with answering() as model:
        yield model


def groups(records: list[dict[str, Any]] = RECORDS) -> list[ErrorGroup]:
    return group_events(map(read_event, records))


def assessed(base_url: str, given: list[ErrorGroup] | None = None, **settings: Any) -> Assessment:
    """What comes of the groups, with a model of these settings. The SDK is imported here: it takes seconds."""
    from error_summary.model import Model

    async def whole() -> Assessment:
        values = {"openai_api_key": "sk-test", "openai_base_url": base_url, "ai_timeout_seconds": 10, **settings}
        model = Model(Settings(**values))
        try:
            return await assess(given or groups(), model, asyncio.Event())
        finally:
            await model.close()

    return asyncio.run(whole())


@pytest.mark.parametrize("api", ["responses", "chat_completions"])
def test_classifier_and_enricher_are_asked_in_turn_and_give_the_assessment(server: StandInModel, api: str) -> None:
    assessment = assessed(server.base_url, openai_api=api, openai_model="gpt-test")
    assert [(asked.agent, asked.model) for asked in server.asked] == [
        ("Classifier", "gpt-test"),
        ("Enricher", "gpt-test"),
    ]
    assert {asked.api for asked in server.asked} == {api.replace("_", "/")}
    assert [(verdict.error_type, verdict.severity) for verdict in assessment.verdicts] == [
        ("PoolOverflow", "critical")
    ] * 2
    assert assessment.enrichment.model_dump() == ENRICHMENT
    assert (assessment.model, assessment.offline_reason) == ("gpt-test", None)
    key = server.http.requests[0].headers["Authorization"]
    assert key == "Bearer sk-test"


def test_the_enricher_is_told_what_the_classifier_said(server: StandInModel) -> None:
    assessed(server.base_url)
    classified, enriched = (asked.question["groups"] for asked in server.asked)
    assert [(each["group"], each["service"], each["count"]) for each in classified] == [
        (1, "payment", 2),
        (2, "cart", 1),
    ]
    assert [each["error_type"] for each in enriched] == ["PoolOverflow", "PoolOverflow"]


def test_a_server_without_the_responses_api_is_asked_by_chat_completions(server: StandInModel) -> None:
    server.speaks_only("chat/completions")
    assert assessed(server.base_url).model
    assert [request.path for request in server.http.requests] == [
        "/v1/responses",
        "/v1/chat/completions",
        "/v1/chat/completions",
    ]


@pytest.mark.parametrize(
    "failure",
    [
        fails(429, Retry_After="0"),
        fails(500),
        fails(503, Retry_After="0"),
        hang_up,
        stop_half_way,
        says("I would rather talk about it."),
        says('{"verdicts": "none"}'),
        says('{"verdicts": [{"group": 1, "error_type": "Pool", "severity": "catastrophic"}]}'),
        says('{"verdicts": [{"group": 1, "error_type": " ", "severity": "critical"}]}'),
        says(""),
        refuses("I cannot help with that."),
        reply(200, b"<html>welcome</html>", Content_Type="text/html"),
        reply(200, b"[]", Content_Type="application/json"),
        reply(200, b"{", Content_Type="application/json"),
    ],
)
def test_after_a_failure_the_model_is_asked_again(server: StandInModel, failure: Any) -> None:
    server.will(failure, sensible)
    assert assessed(server.base_url).model == "gpt-4o-mini"
    assert [asked.agent for asked in server.asked] == ["Classifier", "Classifier", "Enricher"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (fails(429, Retry_After="0"), "Classifier: the model's server answered 429"),
        (fails(500, "server_error", Retry_After="0"), "Classifier: the model's server answered 500 server_error"),
        (refuses("I cannot help with that."), "Classifier: the model refused: I cannot help with that."),
        (says("no JSON"), "Classifier: the answer is not of the form that was asked for"),
    ],
)
def test_after_all_tries_the_rules_step_in_and_the_reason_is_told(
    server: StandInModel, failure: Any, reason: str
) -> None:
    server.will(failure)
    assessment = assessed(server.base_url, ai_max_retries=1)
    assert (assessment.model, assessment.offline_reason) == (None, reason)
    assert [verdict.error_type for verdict in assessment.verdicts] == ["ConnectionPoolExhausted", "Timeout"]
    assert len(server.asked) == 2


@pytest.mark.parametrize("silence", [hang, dripping_body])
def test_a_model_that_does_not_answer_in_time_is_given_up(server: StandInModel, silence: Any) -> None:
    server.will(silence)
    assessment = assessed(server.base_url, ai_timeout_seconds=1, ai_max_retries=1)
    assert assessment.offline_reason == "Classifier: no answer within 1 s"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "failure",
    [
        fails(401, "invalid_api_key"),
        fails(400),
        fails(404, "model_not_found"),
        fails(429, "insufficient_quota"),
        fails(429, Retry_After="3600"),
    ],
)
def test_what_cannot_pass_is_not_asked_again(server: StandInModel, failure: Any) -> None:
    server.will(failure)
    assert assessed(server.base_url).offline_reason.startswith("Classifier: the model's server answered 4")
    assert len(server.asked) == 1


def test_when_only_the_enricher_fails_the_whole_assessment_is_by_rules(server: StandInModel) -> None:
    server.will(sensible, fails(401))
    assessment = assessed(server.base_url)
    assert assessment.offline_reason == "Enricher: the model's server answered 401"
    assert assessment.verdicts[0].error_type == "ConnectionPoolExhausted"


def test_a_server_that_is_not_there_makes_the_rules_step_in() -> None:
    with nobody() as port:
        assessment = assessed(f"http://127.0.0.1:{port}/v1", ai_max_retries=0)
    assert assessment.offline_reason == "Classifier: the model's server cannot be reached"


def test_groups_that_the_model_forgets_or_makes_up_are_judged_by_rules(server: StandInModel) -> None:
    verdicts = [{"group": 99, "error_type": "MadeUp", "severity": "critical"}]
    server.will(says(json.dumps({"verdicts": verdicts})), sensible)
    assessment = assessed(server.base_url)
    assert [verdict.error_type for verdict in assessment.verdicts] == ["ConnectionPoolExhausted", "Timeout"]
    assert assessment.enrichment.summary == ENRICHMENT["summary"]


def test_of_a_huge_batch_the_model_sees_the_most_frequent_groups_only(server: StandInModel) -> None:
    many = [{"body": f"Read timed out at {'x' * index}", "severityNumber": 17} for index in range(300)]
    assessment = assessed(server.base_url, groups([*many, *many[:1]]))
    assert len(assessment.verdicts) == 300
    assert [verdict.error_type for verdict in assessment.verdicts[18:22]] == ["PoolOverflow"] * 2 + ["Timeout"] * 2
    assert (len(server.asked[1].question["groups"]), server.asked[1].question["groups_left_out"]) == (20, 280)
    assert max(len(request.body) for request in server.http.requests) < 64 * 1024


def test_no_answer_is_waited_for_once_the_agent_has_to_stop(server: StandInModel) -> None:
    from error_summary.model import Model

    async def stopped() -> Assessment:
        model, hurry = Model(Settings(openai_api_key="sk-test", openai_base_url=server.base_url)), asyncio.Event()
        working = asyncio.create_task(assess(groups(), model, hurry))
        await asyncio.to_thread(server.http.wait_for, 1)
        hurry.set()
        try:
            return await working
        finally:
            await model.close()

    server.will(hang)
    assert "told to stop" in asyncio.run(stopped()).offline_reason


def test_the_sdk_keeps_its_traces_to_itself(server: StandInModel) -> None:
    import agents

    seen: list[Any] = []

    class Spy(agents.tracing.TracingProcessor):
        def on_trace_start(self, trace: Any) -> None:
            seen.append(trace)

        on_span_start = on_trace_end = on_span_end = on_trace_start

        def shutdown(self) -> None:
            """Nothing to end."""

        force_flush = shutdown

    agents.set_trace_processors([Spy()])
    try:
        assert assessed(server.base_url).model
    finally:
        agents.set_trace_processors([])
    assert seen == []
