import pytest

from headrace.observability import listen
from headrace.ports.bus import Message
from headrace.upkeep.operations.watch_dead_letters import watch_dead_letters
from tests.unit.desk import AGENT, Desk


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.put("/pipeline", {"agent_endpoint": AGENT})
    return made


@pytest.fixture
def events():
    heard = []
    unlisten = listen(heard.append)
    yield heard
    unlisten()


def test_dead_letters_of_all_queues_are_told_of_in_one_event(desk, events):
    raw, output = (f"gf-ai-{kind}-{desk.project_id}" for kind in ("raw", "output"))
    desk.needs.bus.dead_letter(raw, [Message("[]"), Message("[]")], "no")
    desk.needs.bus.dead_letter(output, [Message("{}")], "no")
    assert watch_dead_letters(desk.needs.upkeep()) == 3
    (event,) = [each for each in events if each["event"] == "dead_letters_waiting"]
    assert (event["level"], event["count"], event["queues"]) == ("warning", 3, {raw: 2, output: 1})


def test_where_nothing_died_nothing_is_said(desk, events):
    assert watch_dead_letters(desk.needs.upkeep()) == 0
    assert [each for each in events if each["event"] == "dead_letters_waiting"] == []
