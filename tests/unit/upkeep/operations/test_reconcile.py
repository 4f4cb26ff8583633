"""Wiring that survives interruption: whatever happens in whatever order, the engine ends as the configuration says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import Conflict, NotFound, Unavailable
from headrace.intake.wire.items import COUNTERS
from headrace.ports.items import project_pk
from headrace.ports.queues import OUTPUT, RAW, SPANS
from headrace.ports.table import PRESENT, Update
from headrace.ports.wiring import Subscription
from headrace.route.wire.items import PIPELINE
from headrace.teams.operations.keys import create_key
from headrace.teams.operations.projects import create_project, delete_project
from headrace.upkeep.operations.change import Person
from headrace.upkeep.operations.reconcile import AFTERMATH, LEASE, wire_change
from headrace.upkeep.operations.wiring import wire_project
from headrace.upkeep.wire.items import INTENT
from tests.functions.management import Needs, make_needs
from tests.unit.upkeep.operations.turns import Killed, Turns
from tests.unit.upkeep.operations.wired import intents, later, left_of, raw, save, wired


@pytest.fixture
def needs() -> Needs:
    return make_needs()


def dying(needs: Needs, port: str, method: str, at: int = 1) -> Needs:
    """The same needs for a process that is killed before its call number `at` of `method`."""
    real = getattr(getattr(needs, port), method)
    calls = []

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(getattr(needs, port), name)

    def die(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise Killed
        return real(*arguments, **named)

    made = Dying()
    setattr(made, method, die)
    return replace(needs, **{port: made})


# --- what is wanted ------------------------------------------------------------------------------------------------


def test_a_new_project_has_its_queues_and_keeps_its_records(needs):
    project_id = create_project("shop", "ada", needs.teams())
    names = needs.queues
    assert {each.queue: each.active for each in wired(project_id, needs)} == {
        names.name(RAW, project_id): False,
        names.name(OUTPUT, project_id): True,
        names.name(SPANS, project_id): True,
    }
    assert intents(needs) == []


def test_an_agent_endpoint_starts_consumption_and_clearing_or_pausing_stops_it_without_removing_a_queue(needs):
    project_id = create_project("shop", "ada", needs.teams())
    for fields, active in (
        ({}, True),
        ({"enabled": False}, False),
        ({"enabled": True}, True),
        ({"agent_endpoint": None}, False),
        ({"batch_window": timedelta(seconds=3), "max_concurrency": 9}, True),
    ):
        save(project_id, needs, **fields)
        assert (raw(project_id, needs).active, len(wired(project_id, needs))) == (active, 3)
    assert raw(project_id, needs).batch_window == timedelta(seconds=3)
    assert intents(needs) == []


def test_a_project_that_is_not_there_wants_nothing(needs):
    wire_project("nobody", needs.upkeep())
    assert needs.wiring.subscriptions() == []


def test_a_damaged_pipeline_waits_for_its_repair(needs):
    project_id = create_project("shop", "ada", needs.teams())
    needs.config.put({"pk": project_pk(project_id), "sk": PIPELINE, "enabled": "yes"})
    with pytest.raises(Unavailable, match="damaged"):
        wire_project(project_id, needs.upkeep())
    save(project_id, needs)
    assert raw(project_id, needs).active


def test_a_change_whose_condition_does_not_hold_leaves_neither_change_nor_intent(needs):
    project_id = create_project("shop", "ada", needs.teams())
    before = needs.config.items
    with pytest.raises(Conflict):
        wire_change(project_id, [Update("project#x", "project", set={"a": 1}, condition=PRESENT)], needs.upkeep())
    assert needs.config.items == before


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_with_the_engine_down_the_change_is_made_and_the_engine_hears_of_it_later(needs):
    needs.wiring.outage = Unavailable("down")
    project_id = create_project("shop", "ada", needs.teams())
    save(project_id, needs)
    assert len(intents(needs)) == 2
    assert later(needs) == 0
    needs.wiring.outage = None
    assert later(needs) == 2
    assert raw(project_id, needs).active
    assert intents(needs) == []


def test_with_the_table_down_nothing_is_promised_and_nothing_is_wired(needs):
    needs.config.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        create_project("shop", "ada", needs.teams())
    needs.config.outage = None
    assert (needs.config.items, needs.wiring.subscriptions()) == ([], [])


def test_whoever_dies_after_the_change_is_finished_by_reconcile(needs):
    with pytest.raises(Killed):
        create_project("shop", "ada", dying(needs, "wiring", "reconcile").teams())
    (intent,) = intents(needs)
    assert needs.wiring.subscriptions() == []
    assert later(needs) == 1
    assert len(wired(intent["project_id"], needs)) == 3


def test_what_somebody_is_still_working_on_is_left_to_them(needs):
    with pytest.raises(Killed):
        create_project("shop", "ada", dying(needs, "wiring", "reconcile").teams())
    assert later(needs, LEASE - timedelta(seconds=1)) == 0
    assert later(needs, timedelta(seconds=1)) == 1


def test_what_reconcile_has_begun_is_left_alone_for_as_long_again(needs):
    with pytest.raises(Killed):
        create_project("shop", "ada", dying(needs, "wiring", "reconcile").teams())
    with pytest.raises(Killed):
        later(dying(needs, "wiring", "reconcile"))
    assert later(needs, timedelta(0)) == 0
    assert later(needs) == 1


def test_one_project_in_trouble_holds_up_no_other(needs, caplog):
    needs.wiring.outage = Unavailable("down")
    first, second = sorted(create_project(name, "ada", needs.teams()) for name in ("one", "two"))
    needs.wiring.outage = None
    needs.config.put({"pk": project_pk(first), "sk": PIPELINE, "enabled": "yes"})
    assert later(needs) == 1
    assert (wired(first, needs), len(wired(second, needs))) == ([], 3)
    assert "reconcile_failed" in caplog.text


def test_more_intents_than_a_page_holds_are_all_worked_off(needs):
    needs.wiring.outage = Unavailable("down")
    made = [create_project(f"p{number}", "ada", needs.teams()) for number in range(130)]
    needs.wiring.outage = None
    assert later(needs) == 130
    assert all(len(wired(project_id, needs)) == 3 for project_id in made)


def test_reconciling_with_nothing_to_do_touches_no_engine(needs):
    create_project("shop", "ada", needs.teams())
    needs.wiring.outage = Unavailable("not to be asked")
    assert later(needs) == 0


def test_a_slow_worker_does_not_undo_what_was_saved_after_it_had_looked(needs):
    project_id = create_project("shop", "ada", needs.teams())
    turns = Turns()
    slow = turns.start(lambda: save(project_id, turns.stepped(needs)))
    turns.go(slow)  # stored
    turns.go(slow)  # has looked whether the project is there
    turns.go(slow)  # has read what is wanted
    save(project_id, needs, enabled=False)
    turns.finish()
    assert slow.succeeded
    assert not raw(project_id, needs).active


def test_a_worker_that_outlived_its_lease_leaves_the_intent_to_whoever_has_it_now(needs):
    project_id = create_project("shop", "ada", needs.teams())
    turns = Turns()
    slow = turns.start(lambda: save(project_id, turns.stepped(needs)))
    turns.go(slow)  # stored
    with pytest.raises(Killed):
        later(dying(needs, "wiring", "reconcile"))
    turns.finish()
    assert (slow.succeeded, len(intents(needs))) == (True, 1)
    assert later(needs) == 1
    assert intents(needs) == []


# --- deletion ------------------------------------------------------------------------------------------------------


def furnish(project_id: str, needs: Needs) -> None:
    """Some of everything that can be stored of a project."""
    pk = project_pk(project_id)
    save(project_id, needs)
    for number in range(3):
        create_key(Person(project_id, "ada"), f"key {number}", needs.teams())
    for number in range(60):
        needs.config.put({"pk": pk, "sk": f"sink#{number}", "type": "webhook"})
        needs.telemetry.put({"pk": pk, "sk": f"run#{number}"})
    needs.telemetry.update(Update(pk, COUNTERS, add={"accepted": 1}))


def test_deleting_removes_queues_keys_and_every_item_and_nothing_of_others(needs):
    gone, kept = create_project("shop", "ada", needs.teams()), create_project("blog", "ada", needs.teams())
    furnish(kept, needs)
    before = left_of(kept, needs)
    furnish(gone, needs)
    delete_project(Person(gone, ""), needs.teams())
    assert wired(gone, needs) == []
    assert {pk for pk, _ in left_of(gone, needs)} == {INTENT}
    assert (left_of(kept, needs), len(wired(kept, needs))) == (before, 3)
    assert later(needs, AFTERMATH) == 1
    assert left_of(gone, needs) == []


def test_what_comes_behind_the_back_of_a_deletion_goes_in_its_aftermath(needs):
    project_id = create_project("shop", "ada", needs.teams())
    made = create_key(Person(project_id, "ada"), "late", needs.teams())
    delete_project(Person(project_id, ""), needs.teams())
    pk = project_pk(project_id)
    needs.telemetry.update(Update(pk, COUNTERS, add={"accepted": 1}))
    needs.config.put({"pk": pk, "sk": "sink#late"})
    needs.config.put(made.item)  # as when the index did not list it yet
    needs.wiring.reconcile(project_id, [Subscription(needs.queues.name(RAW, project_id), "raw")])
    assert later(needs, AFTERMATH - timedelta(seconds=1)) == 0
    assert later(needs, timedelta(seconds=1)) == 1
    assert (left_of(project_id, needs), wired(project_id, needs)) == ([], [])


def test_a_project_is_deleted_once(needs):
    project_id = create_project("shop", "ada", needs.teams())
    delete_project(Person(project_id, ""), needs.teams())
    with pytest.raises(NotFound):
        delete_project(Person(project_id, ""), needs.teams())
    with pytest.raises(NotFound):
        delete_project(Person("nobody", ""), needs.teams())


def test_a_half_deleted_project_is_deleted_to_the_end(needs):
    project_id = create_project("shop", "ada", needs.teams())
    furnish(project_id, needs)
    needs.wiring.outage = Unavailable("down")
    delete_project(Person(project_id, ""), needs.teams())
    assert len(wired_when_up(project_id, needs)) == 3
    assert later(needs) == 1
    assert wired(project_id, needs) == []
    later(needs, AFTERMATH)
    assert left_of(project_id, needs) == []


def wired_when_up(project_id: str, needs: Needs) -> list[Subscription]:
    needs.wiring.outage = None
    return wired(project_id, needs)


@pytest.mark.parametrize("at", range(1, 13))
@pytest.mark.parametrize("method", ["transact", "query", "get", "delete"])
def test_a_deletion_that_dies_anywhere_is_finished_by_reconcile(needs, method, at):
    project_id = create_project("shop", "ada", needs.teams())
    furnish(project_id, needs)
    try:
        delete_project(Person(project_id, ""), dying(needs, "config", method, at).teams())
    except Killed:
        if at == 1 and method in ("get", "transact"):
            return  # it was not even begun
    later(needs)
    assert wired(project_id, needs) == []
    assert {pk for pk, _ in left_of(project_id, needs)} <= {INTENT}
    later(needs, AFTERMATH)
    assert left_of(project_id, needs) == []
