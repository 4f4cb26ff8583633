"""Rotating the keys of secrets at rest: old → new, old → rotate → new alone, and nothing is lost on the way."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from headrace.adapters.vault_fernet import FernetVault
from headrace.errors import Unavailable
from headrace.route.operations.resealing import RESEALERS
from headrace.route.stages.configuration import Configuration
from headrace.upkeep.operations.rotate_secrets import Rotated, rotate_secrets
from tests.functions.management import Api
from tests.functions.otlp import TRACES
from tests.unit.desk import HOOK, SLACK, Desk

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT = "a-new-one-of-24-letters!"


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    hold(made, OLD)
    made.put("/pipeline", {"signing_secret": SECRET})
    made.post("/sinks", {**HOOK, "headers": {"X-Token": "topsecret"}, "signing_secret": SECRET})
    made.post("/sinks", SLACK)
    made.post("/sinks", HOOK)
    return made


def hold(desk, *keys) -> None:
    """Let the deployment have these keys, the newest first."""
    desk.vault = FernetVault(keys)
    desk.needs = replace(desk.needs, vault=desk.vault)
    desk.api = Api(desk.needs)


def secrets(desk) -> set[str]:
    """All secrets of the project, opened."""
    configuration: Configuration = desk.configuration
    pipeline = configuration.pipeline(desk.project_id)
    found = {secret for sink in configuration.sinks(desk.project_id) for secret in sink.secrets}
    return found | ({pipeline.signing_secret} if pipeline.signing_secret else set())


ALL = {SECRET, "topsecret", SLACK["webhook_url"]}


def test_after_rotation_the_new_key_alone_opens_everything(desk):
    assert secrets(desk) == ALL
    hold(desk, NEW, OLD)
    assert secrets(desk) == ALL
    assert rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS) == Rotated(3, ())
    hold(desk, NEW)
    assert secrets(desk) == ALL


def test_without_rotation_the_new_key_alone_opens_nothing(desk):
    hold(desk, NEW)
    with pytest.raises(Unavailable):
        secrets(desk)


def test_rotating_changes_nothing_that_anybody_sees(desk):
    before = (desk.get("/sinks").json, desk.get("/pipeline").json)
    hold(desk, NEW, OLD)
    rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS)
    rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS)
    assert (desk.get("/sinks").json, desk.get("/pipeline").json) == before


def test_what_is_kept_by_stars_is_sealed_with_the_newest_key(desk):
    hold(desk, NEW, OLD)
    for sink in desk.get("/sinks").json["items"]:
        given = {
            name: sink[name] for name in ("type", "url", "webhook_url", "headers", "signing_secret") if name in sink
        }
        assert desk.put(f"/sinks/{sink['id']}", given).status == 200
    desk.put("/pipeline", {"signing_secret": "***"})
    hold(desk, NEW)
    assert secrets(desk) == ALL


def test_what_no_key_opens_is_named_and_the_rest_is_rotated(desk):
    hold(desk, OTHER)
    lost = desk.post("/sinks", SLACK).json["id"]
    hold(desk, NEW, OLD)
    assert rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS) == Rotated(
        3, (f"project#{desk.project_id}/sink#{lost}",)
    )
    desk.delete(f"/sinks/{lost}")
    hold(desk, NEW)
    assert secrets(desk) == ALL


def test_a_change_that_comes_between_is_not_lost(desk, monkeypatch):
    hold(desk, NEW, OLD)
    real, changed = desk.config.update, []

    def update(change):
        if change.sk == "pipeline" and not changed:
            changed.append(desk.put("/pipeline", {"signing_secret": NEXT}))
        return real(change)

    monkeypatch.setattr(desk.config, "update", update)
    rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS)
    assert [reply.status for reply in changed] == [200]
    hold(desk, NEW)
    assert secrets(desk) == {*ALL, NEXT}


def test_many_are_rotated_page_by_page(desk):
    for _ in range(97):
        desk.post("/sinks", SLACK)
    hold(desk, NEW, OLD)
    assert rotate_secrets(desk.config, desk.vault, desk.clock, RESEALERS) == Rotated(100, ())
    hold(desk, NEW)
    assert secrets(desk) == ALL


def test_what_needs_no_secret_needs_no_key(desk):
    hold(desk, OTHER)
    desk.receive(signal="traces", request=TRACES)
    assert desk.status["accepted"] == 1
    assert {desk.get(path).status for path in ("/pipeline", "/sinks")} == {200}
