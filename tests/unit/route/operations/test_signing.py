"""Signing secrets by the management API: made, shown once, rotated without a break, ended."""

from datetime import UTC, datetime

import pytest

from headrace.route.operations.resealing import RESEALERS
from headrace.upkeep.operations.rotate_secrets import rotate_secrets
from headrace_sdk import SignatureMismatchError, verify_request
from tests.unit.desk import AGENT, HOOK, SLACK, Desk

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOUR = 3600


class Receiver:
    """Whoever gets signed requests: a webhook, or the agent."""

    def __init__(self, desk: Desk, kind: str) -> None:
        self.desk, self.kind = desk, kind
        if kind == "sink":
            self.path = f"/sinks/{desk.post('/sinks', {**HOOK, 'signing_secret': SECRET}).json['id']}"
        else:
            self.path = "/pipeline"
            desk.put("/pipeline", {"agent_endpoint": AGENT, "signing_secret": SECRET, "batch_window_ms": 0})

    def rotate(self, **body):
        return self.desk.post(f"{self.path}/signing-secret", body, role="editor")

    def end_old(self):
        return self.desk.delete(f"{self.path}/signing-secret/old", role="editor")

    def save(self, **changes):
        read_only = ("version", "updated_at", "old_signing_secrets_until", "agent_health", "health", "id")
        whole = self.desk.get(self.path).json
        kept = {name: value for name, value in whole.items() if name not in (*read_only, "disabled_reason")}
        reply = self.desk.put(self.path, {**kept, **changes})
        assert reply.status == 200, reply.body
        return reply.json

    def accepts(self, *secrets):
        """For each secret whether the next request can be verified with it."""
        if self.kind == "sink":
            self.desk.say({"title": "t"})
            self.desk.deliver()
        else:
            self.desk.receive("a")
            self.desk.process()
        request = self.desk.outbound.requests[-1]
        now = datetime.fromtimestamp(self.desk.clock.now_unix_nano() / 1e9, UTC)
        return [_fits(request, secret, now) for secret in secrets]


def _fits(request, secret, now):
    try:
        verify_request(request.body, request.headers, secret, now=now)
    except SignatureMismatchError:
        return False
    return True


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=["sink", "pipeline"])
def receiver(desk, request) -> Receiver:
    return Receiver(desk, request.param)


def test_a_new_secret_is_made_shown_once_and_the_old_one_stays_valid_for_a_day(desk, receiver):
    reply = receiver.rotate()
    assert (reply.status, reply.json["old_valid_until"]) == (201, "2023-11-15T22:13:20Z")
    made = reply.json["signing_secret"]
    shown = desk.get(receiver.path)
    assert (shown.json["signing_secret"], made in shown.body.decode()) == ("***", False)
    assert shown.json["old_signing_secrets_until"] == "2023-11-15T22:13:20Z"
    assert receiver.accepts(made, SECRET) == [True, True]
    desk.clock.advance(hours=23)
    assert receiver.accepts(made, SECRET) == [True, True]
    desk.clock.advance(hours=2)
    assert receiver.accepts(made, SECRET) == [True, False]
    assert desk.get(receiver.path).json["old_signing_secrets_until"] is None


def test_a_secret_of_ones_own_is_taken(receiver):
    own = "whsec_" + "b3du" * 10
    assert receiver.rotate(signing_secret=own, old_valid_seconds=HOUR).json["signing_secret"] == own
    assert receiver.accepts(own, SECRET) == [True, True]


def test_with_no_time_left_the_old_one_ends_at_once(receiver):
    reply = receiver.rotate(old_valid_seconds=0).json
    assert reply["old_valid_until"] is None
    assert receiver.accepts(reply["signing_secret"], SECRET) == [True, False]


def test_several_old_ones_sign_until_they_are_ended(receiver):
    second = receiver.rotate().json["signing_secret"]
    third = receiver.rotate().json["signing_secret"]
    assert receiver.accepts(third, second, SECRET) == [True, True, True]
    assert receiver.end_old().status == 204
    assert receiver.accepts(third, second, SECRET) == [True, False, False]


def test_no_more_than_four_old_ones_sign(receiver):
    for _ in range(4):
        assert receiver.rotate().status == 201
    reply = receiver.rotate()
    assert (reply.status, "end them first" in reply.detail) == (400, True)


def test_saving_the_rest_keeps_all_secrets_and_saving_a_secret_ends_the_old_ones(desk, receiver):
    made = receiver.rotate().json["signing_secret"]
    assert receiver.save(enabled=True)["signing_secret"] == "***"
    assert receiver.accepts(made, SECRET) == [True, True]
    other = "whsec_" + "b3RoZXJz" * 4
    assert receiver.save(signing_secret=other)["old_signing_secrets_until"] is None
    assert receiver.accepts(other, made, SECRET) == [True, False, False]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"signing_secret": "short"}, "signing_secret"),
        ({"signing_secret": "***"}, "signing_secret"),
        ({"old_valid_seconds": -1}, "old_valid_seconds"),
        ({"old_valid_seconds": 31 * 86_400}, "old_valid_seconds"),
    ],
)
def test_what_is_no_secret_or_no_time_is_bad_input(receiver, body, field):
    reply = receiver.rotate(**body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)


def test_only_webhooks_are_signed(desk):
    sink_id = desk.post("/sinks", SLACK).json["id"]
    for reply in (
        desk.post(f"/sinks/{sink_id}/signing-secret", {}),
        desk.delete(f"/sinks/{sink_id}/signing-secret/old"),
    ):
        assert (reply.status, "only webhooks are signed" in reply.detail) == (400, True)


def test_of_a_sink_that_is_not_there_nothing_is_rotated(desk):
    assert desk.post("/sinks/nothing/signing-secret", {}).status == 404
    assert desk.delete("/sinks/nothing/signing-secret/old").status == 404


def test_a_project_without_a_pipeline_can_get_its_first_secret(desk):
    reply = desk.post("/pipeline/signing-secret", {}).json
    assert (reply["old_valid_until"], desk.get("/pipeline").json["signing_secret"]) == (None, "***")


def test_nothing_stored_is_readable_and_all_of_it_is_sealed_anew_with_a_new_key(desk, receiver):
    made = receiver.rotate().json["signing_secret"]
    stored = str(desk.config.items)
    assert not [secret for secret in (made, SECRET) if secret in stored]
    before = [item for item in desk.config.items if item.get("signing_secret")]
    assert rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS).resealed == 1
    after = [item for item in desk.config.items if item.get("signing_secret")]
    assert before[0]["old_secrets"] != after[0]["old_secrets"]
    assert receiver.accepts(made, SECRET) == [True, True]


def test_each_rotation_is_on_record_without_the_secret(desk, receiver):
    desk.clock.advance(seconds=1)
    made = receiver.rotate().json["signing_secret"]
    desk.clock.advance(seconds=1)
    receiver.end_old()
    assert [action for action, _ in desk.audit][-2:] == [
        f"{receiver.kind}.rotate_secret",
        f"{receiver.kind}.end_old_secrets",
    ]
    assert made not in str(desk.config.items)
