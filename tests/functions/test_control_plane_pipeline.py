"""A team's own walk through the management API, on embedded engines: pipeline, sinks, logs in, agent down, redrive."""

import io
import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest

from functions.agent_output.handler import handler as agent_output
from functions.control_plane.handler import handler as control_plane
from functions.pipeline.handler import handler as pipeline
from functions.receiver.handler import handler as receiver
from functions.sink.handler import handler as sink
from headrace import bootstrap, observability
from headrace.ports.items import project_pk
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse
from headrace.ports.table import Range
from headrace.route.operations.resealing import RESEALERS
from headrace.teams.operations.keys import create_key
from headrace.teams.operations.projects import create_project
from headrace.teams.operations.tokens import access_token
from headrace.upkeep.operations.change import Person
from headrace.upkeep.operations.rotate_secrets import rotate_secrets
from tests.fakes.clock import FakeClock
from tests.functions.conftest import LEASE, as_sqs
from tests.functions.events import Context, answer_json, http_event, sqs_event
from tests.functions.otlp import JSON, as_json, logs

AGENT = "https://agent.test/process"
SECRETS = {
    "header": "Bearer 5f0c-header-secret",
    "slack": "https://hooks.slack.com/services/T000/B000/5f0c-slack-secret",
    "signing": "5f0c-signing-secret-of-a-sink",
    "pipeline": "5f0c-signing-secret-of-the-pipeline",
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of all engines."""
    made = FakeClock()
    monkeypatch.setattr(bootstrap, "clock", cache(lambda: made))
    return made


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All lines that are written, of every level."""
    logger, lines = logging.getLogger("headrace"), io.StringIO()
    before = (logger.handlers, logger.propagate, logger.level)
    observability.configure("DEBUG")
    logger.handlers[0].setStream(lines)  # type: ignore[attr-defined]
    yield lines
    logger.handlers, logger.propagate = before[:2]
    logger.setLevel(before[2])


class Team:
    """A project with a key, on the functions as they are deployed."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        needs = bootstrap
        self.project_id = create_project("shop", "ada", needs.teams())
        self.key = create_key(Person(self.project_id, "ada"), "first", needs.teams()).key

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **query: str) -> Any:
        token = access_token("ada", bootstrap.signing_keys(), self.clock)
        headers = {**JSON, "Authorization": f"Bearer {token}"}
        event = http_event(
            method,
            f"/api/v1/projects/{self.project_id}{path}",
            headers,
            b"" if body is None else orjson.dumps(body),
            queryStringParameters=query or None,
        )
        answer = control_plane(event, Context())
        assert answer["statusCode"] == status, answer["body"]
        return answer_json(answer) if answer["body"] else None

    def send(self, *bodies: str, **fields: Any) -> None:
        event = http_event("POST", "/v1/logs", {**JSON, "X-API-Key": self.key}, as_json(logs(*bodies, **fields)))
        assert receiver(event, Context())["statusCode"] == 200

    def say(self, payload: Any) -> None:
        headers = {**JSON, "X-API-Key": self.key}
        event = http_event("POST", "/internal/agent-output", headers, orjson.dumps(payload))
        assert agent_output(event, Context())["statusCode"] == 202

    def work(self, kind: str = "raw") -> None:
        """One event of a queue, as the engine would send it; then time passes."""
        queue, source = f"gf-ai-{kind}-{self.project_id}", bootstrap.source()
        messages = source.receive(queue, limit=10, lease=LEASE)
        answer = (pipeline if kind == "raw" else sink)(sqs_event(*as_sqs(messages)), Context())
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        source.release([each for each in messages if each.id in failed])
        source.acknowledge([each for each in messages if each.id not in failed])
        self.clock.advance(minutes=5)

    @property
    def sums(self) -> dict[str, int]:
        """The terms of the delivery equation that are not 0; they must add up."""
        status = self.call("GET", "/status")
        terms = {name: status[name] for name in ("filtered", "errored", "delivered", "dead_lettered", "in_flight")}
        assert sum(terms.values()) == status["accepted"]
        return {name: value for name, value in terms.items() if value}


@pytest.fixture
def team(clock: FakeClock, outbound: Any) -> Team:
    return Team(clock)


def test_from_an_expression_tried_to_an_agent_that_was_down_and_came_back(team, outbound):
    team.send("Connection refused", severityNumber=17)
    (tried,) = team.call("POST", "/pipeline/test", {"filter": "severityNumber >= 17"})["results"]
    assert (tried["kept"], tried["record"]["body"], tried["error"]) == (True, "Connection refused", None)
    team.call("PUT", "/pipeline", {"agent_endpoint": AGENT, "filter": "severityNumber >= 17"})
    outbound.will(NoAnswer("could not be reached: connection refused"))
    team.send("Timeout", severityNumber=17)
    team.send("all is well", severityNumber=9)
    assert team.sums == {"in_flight": 3}
    for _ in range(6):  # the ladder of an agent that does not answer has five steps
        team.work()
    assert team.sums == {"filtered": 1, "dead_lettered": 2}
    (letter,) = team.call("GET", "/dead-letters", queue="raw")["items"]
    assert letter["reason"] == "the agent could not be reached: connection refused, after 6 attempts"
    assert sorted(record["body"] for record in letter["records"]) == ["Connection refused", "Timeout"]
    assert team.call("GET", "/status")["agent"]["last_success_at"] is None
    outbound.will(202)
    assert team.call("POST", "/dead-letters/redrive", {"queue": "raw"}) == {"redriven": 1}
    assert team.sums == {"filtered": 1, "in_flight": 2}
    team.work()
    assert team.sums == {"filtered": 1, "delivered": 2}
    assert team.call("GET", "/status")["agent"]["last_success_at"] is not None


@pytest.mark.parametrize(
    ("expression", "position", "hint"),
    [("severityNumber == 17", 15, "="), ("a && b", 2, "and"), ("a || b", 2, "or"), ("!a", 0, "$not")],
)
def test_slips_from_other_languages_are_answered_with_place_and_spelling(team, expression, position, hint):
    for method, path in (("PUT", "/pipeline"), ("POST", "/pipeline/test")):
        (error,) = team.call(method, path, {"filter": expression}, status=400)["errors"]
        assert (error["field"], error["position"]) == ("filter", position)
        assert hint in error["hint"]


def test_transforms_are_tried_in_their_order_on_given_records(team):
    transforms = [
        {"expression": "$uppercase(body)", "output_name": "shout", "output_type": "string"},
        {"expression": "$length(shout)", "output_name": "size.characters", "output_type": "int"},
        {"expression": "body", "output_name": "number", "output_type": "int"},
    ]
    body = {"transforms": transforms[:2], "records": [{"body": "abc"}]}
    (tried,) = team.call("POST", "/pipeline/test", body)["results"]
    assert tried == {"kept": True, "record": {"body": "abc", "shout": "ABC", "size": {"characters": 3}}, "error": None}
    (tried,) = team.call("POST", "/pipeline/test", {**body, "transforms": transforms})["results"]
    assert (tried["kept"], tried["record"]) == (False, {"body": "abc"})
    assert "not a value of type int" in tried["error"]


def test_sinks_get_what_the_agent_says_and_a_test_goes_the_same_way(team, outbound):
    webhook = {"type": "webhook", "url": "https://hook.test/", "template": '{"t": title}'}
    sink_id = team.call("POST", "/sinks", webhook, status=201)["id"]
    team.call("POST", f"/sinks/{sink_id}/test", {"payload": {"title": "tried"}})
    team.say({"title": "said"})
    team.work("output")
    assert outbound.bodies == [{"t": "tried"}, {"t": "said"}]
    status = team.call("GET", "/status")
    assert (status["outputs"], status["sink_deliveries"]) == (1, 1)


def test_no_secret_is_stored_as_it_is_answered_or_logged(team, outbound, log):
    answers = [team.call("PUT", "/pipeline", {"agent_endpoint": AGENT, "signing_secret": SECRETS["pipeline"]})]
    hook = {
        "type": "webhook",
        "url": "https://hook.test/",
        "headers": {"Authorization": SECRETS["header"]},
        "signing_secret": SECRETS["signing"],
    }
    slack = {"type": "slack", "webhook_url": SECRETS["slack"]}
    answers += [team.call("POST", "/sinks", body, status=201) for body in (hook, slack)]
    outbound.will(
        lambda request: OutboundResponse(404, {}, request.url.encode() + str(dict(request.headers)).encode()),
    )
    answers += [team.call("POST", f"/sinks/{each['id']}/test", {}) for each in answers[1:3]]
    outbound.will(_quoting)
    team.say({"title": "t"})
    team.send("a", severityNumber=17)
    for kind in ("output", "raw", "output"):
        team.work(kind)
    answers += [team.call("GET", path) for path in ("/pipeline", "/sinks", "/status")]
    answers += [team.call("GET", "/dead-letters", queue=queue) for queue in ("raw", "output")]
    answers.append(team.call("PUT", f"/sinks/{answers[1]['id']}", {**hook, "url": 7}, status=400))
    bootstrap.close()
    for place, text in (("tables", _stored(team)), ("answers", str(answers)), ("log", log.getvalue())):
        assert len(text) > 1000, place
        assert "5f0c-" not in text, place
    assert rotate_secrets(bootstrap.table("config"), bootstrap.vault(), bootstrap.clock(), RESEALERS).resealed == 3
    assert "5f0c-" not in _stored(team)


def _quoting(request: OutboundRequest) -> OutboundResponse:
    """An adapter that names the address it could not use; everybody else refuses."""
    if request.url == SECRETS["slack"]:
        raise NoAnswer(f"cannot use {request.url}")
    return OutboundResponse(404, {}, b"")


def _stored(team: Team) -> str:
    """All items of the project, in both tables, and the files that hold them."""
    rows = [
        item
        for name in ("config", "telemetry")
        for item in bootstrap.table(name).query(Range(project_pk(team.project_id)), limit=1000).items
    ]
    files = [path.read_bytes() for path in bootstrap.settings().data_dir.glob("*.db*")]
    return f"{rows}{files}"
