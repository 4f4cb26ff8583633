"""Everything at once: changes that overtake one another, and processes that die anywhere."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import HeadraceError, Unavailable
from headrace.intake.wire.items import COUNTERS
from headrace.ports.items import PROJECT_PREFIX, project_pk
from headrace.ports.table import Update
from headrace.teams.operations.keys import create_key
from headrace.teams.operations.projects import create_project, delete_project
from headrace.upkeep.operations.change import Person
from headrace.upkeep.operations.reconcile import AFTERMATH, LEASE, reconcile
from headrace.upkeep.wire.items import PROJECT
from tests.functions.management import Needs, make_needs
from tests.unit.upkeep.operations.turns import Actor, Killed, Turns
from tests.unit.upkeep.operations.wired import intents, later, left_of, save, wanted, wired


@pytest.fixture
def needs() -> Needs:
    return make_needs()


MIXTURES = {
    "changes": ("start", "pause", "reconcile"),
    "deletions": ("start", "delete", "key", "count", "reconcile"),
    "all": ("create", "start", "pause", "clear", "delete", "key", "count", "reconcile"),
}
PAIRS = list(product(("start", "pause", "delete", "reconcile"), repeat=2))
TO_THE_END = 99


class World:
    """Operations on a few projects at once, in any order, killed anywhere; and what must be so in the end."""

    def __init__(self) -> None:
        self.needs = make_needs()
        self.turns = Turns()
        self.stepped = self.turns.stepped(self.needs)
        self.projects = [create_project("first", "ada", self.needs.teams())]
        self.deleted: set[str] = set()

    def start(self, name: str, project_id: str) -> Actor:
        needs, pk = self.stepped, project_pk(project_id)

        def create() -> None:
            self.projects.append(create_project("another", "ada", needs.teams()))

        def delete() -> None:
            delete_project(Person(project_id, ""), needs.teams())
            self.deleted.add(project_id)

        operations: dict[str, Callable[[], object]] = {
            "create": create,
            "start": lambda: save(project_id, needs, max_concurrency=8),
            "pause": lambda: save(project_id, needs, enabled=False),
            "clear": lambda: save(project_id, needs, agent_endpoint=None),
            "delete": delete,
            "key": lambda: create_key(Person(project_id, "ada"), "key", needs.teams()),
            "count": lambda: needs.telemetry.update(Update(pk, COUNTERS, add={"accepted": 1})),
            "reconcile": lambda: reconcile(needs.upkeep()),
        }
        return self.turns.start(operations[name])

    def go(self, actor: Actor, steps: int) -> None:
        for _ in range(steps):
            if not actor.ended:
                self.turns.go(actor)

    def kill(self, actor: Actor) -> None:
        if not actor.ended:
            self.turns.kill(actor)

    def end_of_phase(self) -> None:
        """Everybody is done or dead, and more time passes than any of them may take."""
        self.turns.finish()
        assert all(
            actor.error is None or isinstance(actor.error, Killed | HeadraceError) for actor in self.turns.actors
        )
        self.needs.clock.advance(LEASE)

    def settle(self) -> None:
        """Nobody dies any more, and time passes."""
        for duration in (LEASE, AFTERMATH, AFTERMATH):
            later(self.needs, duration)

    def check(self) -> None:
        assert intents(self.needs) == []
        stored = {item["pk"] for item in self.needs.config.items if item["sk"] == PROJECT}
        known = {each.queue[-36:] for each in self.needs.wiring.subscriptions()} | set(self.projects)
        known |= {pk.removeprefix(PROJECT_PREFIX) for pk in stored}
        for project_id in known:
            assert wired(project_id, self.needs) == wanted(project_id, self.needs)
            if project_pk(project_id) in stored:
                assert project_id not in self.deleted
                assert len(wired(project_id, self.needs)) == 3
            else:
                assert left_of(project_id, self.needs) == []
        assert {item["pk"] for item in self.needs.telemetry.items} <= stored


@pytest.mark.parametrize("death", ["nobody", "first", "second"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_wherever_one_overtakes_the_other_and_whoever_dies_there_it_ends_as_the_configuration_says(
    first, second, death
):
    for before, meanwhile in product(range(8), [*range(8), TO_THE_END]):
        world = World()
        (project_id,) = world.projects
        left = world.start("start", project_id)
        world.go(left, 2)
        world.kill(left)  # so that there is something to reconcile
        world.end_of_phase()
        one, other = world.start(first, project_id), world.start(second, project_id)
        world.go(one, before)
        world.go(other, meanwhile)
        world.kill({"nobody": left, "first": one, "second": other}[death])
        world.go(one, TO_THE_END)
        world.end_of_phase()
        world.settle()
        world.check()


@pytest.mark.parametrize("mixture", MIXTURES)
@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_interleaving_of_changes_and_deaths_ends_as_the_configuration_says(mixture, data):
    world = World()
    for _ in range(data.draw(st.integers(1, 3), label="phases")):
        names = data.draw(st.lists(st.sampled_from(MIXTURES[mixture]), min_size=1, max_size=3), label="at once")
        for name in names:
            world.start(name, data.draw(st.sampled_from(world.projects), label="project"))
        while waiting := world.turns.waiting:
            actor = data.draw(st.sampled_from(waiting), label="turn")
            world.go(actor, data.draw(st.sampled_from([1, 2, 3, 5, 8, TO_THE_END]), label="steps"))
            if data.draw(st.integers(0, 4), label="fate") == 0:
                world.kill(actor)
        world.end_of_phase()
    world.settle()
    world.check()


def test_a_pipeline_that_was_saved_during_a_deletion_brings_no_queue_back_for_long(needs):
    turns = Turns()
    stepped = turns.stepped(needs)
    project_id = create_project("shop", "ada", needs.teams())
    saving = turns.start(lambda: save(project_id, stepped))
    for _ in range(4):
        turns.go(saving)  # stored, and about to wire
    delete_project(Person(project_id, ""), needs.teams())
    turns.go(saving)  # wires what is not to be any more
    turns.kill(saving)
    assert wired(project_id, needs) != []
    later(needs)
    assert wired(project_id, needs) == []


def test_two_that_reconcile_at_once_work_off_each_intent_once(needs):
    needs.wiring.outage = Unavailable("down")
    for number in range(5):
        create_project(f"p{number}", "ada", needs.teams())
    needs.wiring.outage = None
    needs.clock.advance(LEASE)
    turns = Turns()
    stepped = turns.stepped(needs)
    both = [turns.start(lambda: reconcile(stepped.upkeep())) for _ in range(2)]
    while turns.waiting:
        for actor in turns.waiting:
            turns.go(actor)
    assert sum(actor.result for actor in both) == 5
    assert intents(needs) == []
