"""Wiring that survives interruption: whatever happens in whatever order, the engine ends as the configuration says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import Conflict, NotFound, Unavailable
from headrace.ports.table import PRESENT, Update
from headrace.ports.wiring import Subscription
from headrace.teams.operations.keys import create_key
from headrace.teams.operations.projects import create_project, delete_project
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.operations.reconcile import AFTERMATH, LEASE, wire_change
from headrace.upkeep.operations.wiring import wire_project
from headrace.upkeep.wire import items
from tests.functions.management import make_ports
from tests.unit.upkeep.operations.turns import Killed, Turns
from tests.unit.upkeep.operations.wired import intents, later, left_of, raw, save, wired


@pytest.fixture
def ports() -> Ports:
    return make_ports()


def dying(ports: Ports, port: str, method: str, at: int = 1) -> Ports:
    """The same ports for a process that is killed before its call number `at` of `method`."""
    real = getattr(getattr(ports, port), method)
    calls = []

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(getattr(ports, port), name)

    def die(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise Killed
        return real(*arguments, **named)

    made = Dying()
    setattr(made, method, die)
    return replace(ports, **{port: made})


# --- what is wanted ------------------------------------------------------------------------------------------------


def test_a_new_project_has_its_queues_and_keeps_its_records(ports):
    project_id = create_project("shop", "ada", ports)
    names = ports.queues
    assert {each.queue: each.active for each in wired(project_id, ports)} == {
        names.raw(project_id): False,
        names.output(project_id): True,
        names.spans(project_id): True,
    }
    assert intents(ports) == []


def test_an_agent_endpoint_starts_consumption_and_clearing_or_pausing_stops_it_without_removing_a_queue(ports):
    project_id = create_project("shop", "ada", ports)
    for fields, active in (
        ({}, True),
        ({"enabled": False}, False),
        ({"enabled": True}, True),
        ({"agent_endpoint": None}, False),
        ({"batch_window": timedelta(seconds=3), "max_concurrency": 9}, True),
    ):
        save(project_id, ports, **fields)
        assert (raw(project_id, ports).active, len(wired(project_id, ports))) == (active, 3)
    assert raw(project_id, ports).batch_window == timedelta(seconds=3)
    assert intents(ports) == []


def test_a_project_that_is_not_there_wants_nothing(ports):
    wire_project("nobody", ports.config, ports.wiring, ports.queues)
    assert ports.wiring.subscriptions() == []


def test_a_damaged_pipeline_waits_for_its_repair(ports):
    project_id = create_project("shop", "ada", ports)
    ports.config.put({"pk": items.project_pk(project_id), "sk": items.PIPELINE, "enabled": "yes"})
    with pytest.raises(Unavailable, match="damaged"):
        wire_project(project_id, ports.config, ports.wiring, ports.queues)
    save(project_id, ports)
    assert raw(project_id, ports).active


def test_a_change_whose_condition_does_not_hold_leaves_neither_change_nor_intent(ports):
    project_id = create_project("shop", "ada", ports)
    before = ports.config.items
    with pytest.raises(Conflict):
        wire_change(project_id, [Update("project#x", "project", set={"a": 1}, condition=PRESENT)], ports)
    assert ports.config.items == before


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_with_the_engine_down_the_change_is_made_and_the_engine_hears_of_it_later(ports):
    ports.wiring.outage = Unavailable("down")
    project_id = create_project("shop", "ada", ports)
    save(project_id, ports)
    assert len(intents(ports)) == 2
    assert later(ports) == 0
    ports.wiring.outage = None
    assert later(ports) == 2
    assert raw(project_id, ports).active
    assert intents(ports) == []


def test_with_the_table_down_nothing_is_promised_and_nothing_is_wired(ports):
    ports.config.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        create_project("shop", "ada", ports)
    ports.config.outage = None
    assert (ports.config.items, ports.wiring.subscriptions()) == ([], [])


def test_whoever_dies_after_the_change_is_finished_by_reconcile(ports):
    with pytest.raises(Killed):
        create_project("shop", "ada", dying(ports, "wiring", "reconcile"))
    (intent,) = intents(ports)
    assert ports.wiring.subscriptions() == []
    assert later(ports) == 1
    assert len(wired(intent["project_id"], ports)) == 3


def test_what_somebody_is_still_working_on_is_left_to_them(ports):
    with pytest.raises(Killed):
        create_project("shop", "ada", dying(ports, "wiring", "reconcile"))
    assert later(ports, LEASE - timedelta(seconds=1)) == 0
    assert later(ports, timedelta(seconds=1)) == 1


def test_what_reconcile_has_begun_is_left_alone_for_as_long_again(ports):
    with pytest.raises(Killed):
        create_project("shop", "ada", dying(ports, "wiring", "reconcile"))
    with pytest.raises(Killed):
        later(dying(ports, "wiring", "reconcile"))
    assert later(ports, timedelta(0)) == 0
    assert later(ports) == 1


def test_one_project_in_trouble_holds_up_no_other(ports, caplog):
    ports.wiring.outage = Unavailable("down")
    first, second = sorted(create_project(name, "ada", ports) for name in ("one", "two"))
    ports.wiring.outage = None
    ports.config.put({"pk": items.project_pk(first), "sk": items.PIPELINE, "enabled": "yes"})
    assert later(ports) == 1
    assert (wired(first, ports), len(wired(second, ports))) == ([], 3)
    assert "reconcile_failed" in caplog.text


def test_more_intents_than_a_page_holds_are_all_worked_off(ports):
    ports.wiring.outage = Unavailable("down")
    made = [create_project(f"p{number}", "ada", ports) for number in range(130)]
    ports.wiring.outage = None
    assert later(ports) == 130
    assert all(len(wired(project_id, ports)) == 3 for project_id in made)


def test_reconciling_with_nothing_to_do_touches_no_engine(ports):
    create_project("shop", "ada", ports)
    ports.wiring.outage = Unavailable("not to be asked")
    assert later(ports) == 0


def test_a_slow_worker_does_not_undo_what_was_saved_after_it_had_looked(ports):
    project_id = create_project("shop", "ada", ports)
    turns = Turns()
    slow = turns.start(lambda: save(project_id, turns.stepped(ports)))
    turns.go(slow)  # stored
    turns.go(slow)  # has looked whether the project is there
    turns.go(slow)  # has read what is wanted
    save(project_id, ports, enabled=False)
    turns.finish()
    assert slow.succeeded
    assert not raw(project_id, ports).active


def test_a_worker_that_outlived_its_lease_leaves_the_intent_to_whoever_has_it_now(ports):
    project_id = create_project("shop", "ada", ports)
    turns = Turns()
    slow = turns.start(lambda: save(project_id, turns.stepped(ports)))
    turns.go(slow)  # stored
    with pytest.raises(Killed):
        later(dying(ports, "wiring", "reconcile"))
    turns.finish()
    assert (slow.succeeded, len(intents(ports))) == (True, 1)
    assert later(ports) == 1
    assert intents(ports) == []


# --- deletion ------------------------------------------------------------------------------------------------------


def furnish(project_id: str, ports: Ports) -> None:
    """Some of everything that can be stored of a project."""
    pk = items.project_pk(project_id)
    save(project_id, ports)
    for number in range(3):
        create_key(project_id, f"key {number}", ports)
    for number in range(60):
        ports.config.put({"pk": pk, "sk": f"sink#{number}", "type": "webhook"})
        ports.telemetry.put({"pk": pk, "sk": f"run#{number}"})
    ports.telemetry.update(Update(pk, items.COUNTERS, add={"accepted": 1}))


def test_deleting_removes_queues_keys_and_every_item_and_nothing_of_others(ports):
    gone, kept = create_project("shop", "ada", ports), create_project("blog", "ada", ports)
    furnish(kept, ports)
    before = left_of(kept, ports)
    furnish(gone, ports)
    delete_project(gone, ports)
    assert wired(gone, ports) == []
    assert {pk for pk, _ in left_of(gone, ports)} == {items.INTENT}
    assert (left_of(kept, ports), len(wired(kept, ports))) == (before, 3)
    assert later(ports, AFTERMATH) == 1
    assert left_of(gone, ports) == []


def test_what_comes_behind_the_back_of_a_deletion_goes_in_its_aftermath(ports):
    project_id = create_project("shop", "ada", ports)
    made = create_key(project_id, "late", ports)
    delete_project(project_id, ports)
    pk = items.project_pk(project_id)
    ports.telemetry.update(Update(pk, items.COUNTERS, add={"accepted": 1}))
    ports.config.put({"pk": pk, "sk": "sink#late"})
    ports.config.put(made.item)  # as when the index did not list it yet
    ports.wiring.reconcile(project_id, [Subscription(ports.queues.raw(project_id), "raw")])
    assert later(ports, AFTERMATH - timedelta(seconds=1)) == 0
    assert later(ports, timedelta(seconds=1)) == 1
    assert (left_of(project_id, ports), wired(project_id, ports)) == ([], [])


def test_a_project_is_deleted_once(ports):
    project_id = create_project("shop", "ada", ports)
    delete_project(project_id, ports)
    with pytest.raises(NotFound):
        delete_project(project_id, ports)
    with pytest.raises(NotFound):
        delete_project("nobody", ports)


def test_a_half_deleted_project_is_deleted_to_the_end(ports):
    project_id = create_project("shop", "ada", ports)
    furnish(project_id, ports)
    ports.wiring.outage = Unavailable("down")
    delete_project(project_id, ports)
    assert len(wired_when_up(project_id, ports)) == 3
    assert later(ports) == 1
    assert wired(project_id, ports) == []
    later(ports, AFTERMATH)
    assert left_of(project_id, ports) == []


def wired_when_up(project_id: str, ports: Ports) -> list[Subscription]:
    ports.wiring.outage = None
    return wired(project_id, ports)


@pytest.mark.parametrize("at", range(1, 13))
@pytest.mark.parametrize("method", ["transact", "query", "get", "delete"])
def test_a_deletion_that_dies_anywhere_is_finished_by_reconcile(ports, method, at):
    project_id = create_project("shop", "ada", ports)
    furnish(project_id, ports)
    try:
        delete_project(project_id, dying(ports, "config", method, at))
    except Killed:
        if (method, at) == ("transact", 1):
            return  # it was not even begun
    later(ports)
    assert wired(project_id, ports) == []
    assert {pk for pk, _ in left_of(project_id, ports)} <= {items.INTENT}
    later(ports, AFTERMATH)
    assert left_of(project_id, ports) == []
