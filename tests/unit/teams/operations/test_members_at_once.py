"""Owners who act at the same time: there is one left, on any engine."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from headrace.adapters.table_sql import SqlTable
from headrace.errors import Conflict, HeadraceError
from headrace.teams.operations.members import add_member, change_role, page_of_members, remove_member
from headrace.teams.operations.projects import create_project, load_project
from headrace.upkeep.operations.change import Person
from tests.fakes.clock import FakeClock
from tests.functions.management import Needs, make_needs


@pytest.fixture(params=["sql", "fake"])
def needs(request, tmp_path) -> Iterator[Needs]:
    clock = FakeClock()
    if request.param == "fake":
        yield make_needs(clock)
        return
    with closing(SqlTable(f"sqlite:///{tmp_path}/store.db", "config", clock)) as config:
        yield make_needs(clock, config=config)


@pytest.fixture
def project_id(needs) -> str:
    """A project that six people own."""
    made = create_project("shop", "owner-0", needs.teams())
    for number in range(1, 6):
        add_member(Person(made, "owner-0"), f"owner-{number}", "owner", needs.teams(), by="owner")
    return made


def at_once(count: int, work) -> list:
    """What `work` made of each number, in threads that start together."""
    barrier = threading.Barrier(count)

    def start(number: int):
        barrier.wait(30)
        try:
            return work(number)
        except HeadraceError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def owners(project_id: str, needs: Needs) -> list[str]:
    page = page_of_members(project_id, needs.config, limit=100)
    return [item["sk"] for item in page.items if item["role"] == "owner"]


def test_of_owners_who_all_leave_at_once_one_stays(project_id, needs):
    ends = at_once(
        6, lambda number: remove_member(Person(project_id, "owner-0"), f"owner-{number}", needs.teams(), by="owner")
    )
    assert sorted(type(end) for end in ends if end is not None) == [Conflict]
    assert len(owners(project_id, needs)) == 1


def test_of_owners_who_demote_each_other_at_once_one_stays(project_id, needs):
    def demote(number: int) -> None:
        change_role(Person(project_id, "owner-0"), f"owner-{(number + 1) % 6}", "viewer", needs.teams(), by="owner")

    ends = at_once(6, demote)
    assert [type(end) for end in ends if isinstance(end, HeadraceError)] == [Conflict]
    assert len(owners(project_id, needs)) == 1
    assert load_project(project_id, needs.config)["owners"] == 1


def test_one_person_added_by_many_at_once_is_a_member_once(project_id, needs):
    ends = at_once(6, lambda _: add_member(Person(project_id, "owner-0"), "new", "viewer", needs.teams(), by="owner"))
    assert [type(end) for end in ends].count(Conflict) == 5
    assert load_project(project_id, needs.config)["members"] == 7
