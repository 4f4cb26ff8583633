"""Dead letters by the management API: listed, redriven and discarded, and the delivery equation through all of it."""

from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import Unavailable
from headrace.ports.bus import Message
from headrace.ports.outbound import OutboundResponse
from tests.unit.desk import AGENT, HOOK, LEASE, Desk
from tests.unit.upkeep.operations.test_status import sums


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.put("/pipeline", {"agent_endpoint": AGENT, "batch_size": 2})
    return made


def die(desk, *bodies) -> list[str]:
    """Let records die by an agent that refuses them; the ids of their dead letters."""
    desk.outbound.will(400)
    desk.receive(*bodies)
    desk.process()
    desk.outbound.will(200)
    return listed(desk)


def give_up(desk, *bodies) -> None:
    """Let the engine itself give a message up."""
    desk.receive(*bodies)
    for _ in range(desk.bus.receive_limit + 1):
        desk.bus.release(desk.bus.receive(desk.raw, limit=10, lease=LEASE))


def listed(desk, queue="raw", **query) -> list[str]:
    return [letter["id"] for letter in desk.get("/dead-letters", queue=queue, **query).json["items"]]


def redriven(desk, queue="raw", **body) -> int:
    reply = desk.post("/dead-letters/redrive", {"queue": queue, **body}, role="editor")
    assert reply.status == 200, reply.body
    return int(reply.json["redriven"])


def discarded(desk, queue="raw", **query) -> int:
    reply = desk.delete("/dead-letters", role="editor", queue=queue, **query)
    assert reply.status == 200, reply.body
    return int(reply.json["discarded"])


# --- listing --------------------------------------------------------------------------------------------------


def test_a_dead_letter_shows_its_records_and_the_reason(desk):
    (letter_id,) = die(desk, "a", "b")
    (letter,) = desk.get("/dead-letters", queue="raw", role="viewer").json["items"]
    assert (letter["id"], letter["queue"], letter["at"]) == (letter_id, "raw", "2023-11-14T22:13:20Z")
    assert letter["reason"] == "the agent answered 400, after 1 attempt"
    assert (letter["receive_count"], letter["attributes"]["records"]) == (0, "2")
    assert [record["body"] for record in letter["records"]] == ["a", "b"]


def test_of_a_large_dead_letter_the_beginning_is_shown(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT, "batch_size": 100})
    die(desk, *map(str, range(50)))
    (letter,) = desk.get("/dead-letters", queue="raw").json["items"]
    assert [record["body"] for record in letter["records"]] == [str(number) for number in range(10)]


def test_records_that_are_large_themselves_are_cut(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT, "batch_size": 1})
    die(desk, "x" * 100_000)
    reply = desk.get("/dead-letters", queue="raw")
    ((record,),) = [letter["records"] for letter in reply.json["items"]]
    assert record.startswith('{"resourceAttributes":')
    assert len(reply.body) < 64 * 1024


def test_a_page_of_large_dead_letters_is_no_larger_than_an_answer_may_be(desk):
    body = orjson.dumps([{"body": "x" * 5000}] * 10).decode()
    desk.bus.dead_letter(desk.raw, [Message(body, {"records": "10"})] * 200, "why")
    assert len(desk.get("/dead-letters", queue="raw", limit=200).body) < 5_000_000


def test_an_output_that_no_sink_took_is_shown_as_it_came(desk):
    desk.post("/sinks", {**HOOK, "name": "pager"})
    desk.outbound.will(404)
    desk.say([{"title": "t"}])
    desk.deliver()
    (letter,) = desk.get("/dead-letters", queue="output").json["items"]
    assert letter["records"] == [[{"title": "t"}]]
    assert letter["reason"] == "sink pager answered 404, attempt 1"


def test_what_cannot_be_read_is_shown_without_records(desk):
    desk.bus.dead_letter(desk.raw, [Message("{"), Message("[", {"content_encoding": "zip"})], "unreadable")
    assert [letter["records"] for letter in desk.get("/dead-letters", queue="raw").json["items"]] == [[], []]


def test_dead_letters_are_listed_page_by_page_and_queue_by_queue(desk):
    ids = die(desk, *"abcdef")
    first = desk.get("/dead-letters", queue="raw", limit=2).json
    assert [letter["id"] for letter in first["items"]] == ids[:2]
    rest = desk.get("/dead-letters", queue="raw", limit=2, cursor=first["next_cursor"]).json
    assert ([letter["id"] for letter in rest["items"]], rest["next_cursor"]) == (ids[2:], None)
    assert (listed(desk, "output"), listed(desk, "spans")) == ([], [])


@pytest.mark.parametrize(
    ("query", "field"),
    [({}, "queue"), ({"queue": "dead"}, "queue"), ({"queue": "raw", "limit": 0}, "limit"),
     ({"queue": "raw", "cursor": "x"}, "cursor"), ({"queue": "raw", "colour": "red"}, "colour")],
)  # fmt: skip
def test_a_list_that_cannot_be_is_refused_by_the_name_of_the_parameter(desk, query, field):
    reply = desk.get("/dead-letters", **query)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)


# --- redriving ------------------------------------------------------------------------------------------------


def test_redriven_records_leave_the_dead_and_are_delivered(desk):
    die(desk, "a", "b", "c")
    assert sums(desk) == {"dead_lettered": 3}
    assert redriven(desk) == 2
    assert sums(desk) == {"in_flight": 3}
    desk.process_all()
    assert sums(desk) == {"delivered": 3}
    assert listed(desk) == []


def test_redriven_records_that_die_again_are_counted_once(desk):
    die(desk, "a", "b", "c")
    for _ in range(3):
        desk.outbound.will(400)
        redriven(desk)
        desk.process_all()
    assert sums(desk) == {"dead_lettered": 3}


def test_by_id_only_those_named_are_redriven(desk):
    first, second, third = die(desk, *"abcde")
    assert redriven(desk, ids=[first, third, "unknown"]) == 2
    assert listed(desk) == [second]
    assert sums(desk) == {"in_flight": 3, "dead_lettered": 2}
    assert redriven(desk, ids=[]) == 0


def test_what_the_engine_gave_up_is_redriven_and_counted_right(desk):
    give_up(desk, "a", "b", "c")
    die(desk, "d")
    assert sums(desk) == {"dead_lettered": 4}
    assert redriven(desk) == 2
    assert sums(desk) == {"in_flight": 4}
    desk.process_all()
    assert sums(desk) == {"delivered": 4}


def test_more_than_one_page_of_dead_letters_is_redriven(desk):
    die(desk, *map(str, range(500)))
    assert desk.status["queues"][desk.raw]["dead_letters"] == 250
    assert redriven(desk) == 250
    assert sums(desk) == {"in_flight": 500}


def test_two_who_redrive_at_once_move_and_count_each_letter_once(desk):
    die(desk, *map(str, range(300)))
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: redriven(desk), range(4))) == 150
    assert sums(desk) == {"in_flight": 300}


def test_an_output_is_redriven_to_the_sink_that_did_not_take_it(desk):
    for name in ("bad", "good"):
        desk.post("/sinks", {**HOOK, "url": f"https://{name}.example/", "name": name})
    desk.outbound.will(lambda request: _status(404 if "bad" in request.url else 200))
    desk.say({"title": "t"})
    desk.deliver()
    desk.outbound.will(200)
    assert redriven(desk, "output") == 1
    desk.deliver()
    assert [request.url for request in desk.outbound.requests].count("https://good.example/") == 1
    assert desk.status["sink_deliveries"] == 2


# --- discarding -----------------------------------------------------------------------------------------------


def test_discarded_records_stay_counted_as_dead_lettered(desk):
    die(desk, "a", "b", "c")
    give_up(desk, "d", "e")
    assert sums(desk) == {"dead_lettered": 5}
    assert discarded(desk) == 3
    assert sums(desk) == {"dead_lettered": 5}
    assert (listed(desk), discarded(desk)) == ([], 0)


def test_by_id_only_those_named_are_discarded(desk):
    first, second, third = die(desk, *"abcde")
    assert discarded(desk, ids=f"{first},{third}") == 2
    assert listed(desk) == [second]
    assert sums(desk) == {"dead_lettered": 5}
    assert redriven(desk) == 1
    assert sums(desk) == {"dead_lettered": 3, "in_flight": 2}


# --- who may, and what is on record ---------------------------------------------------------------------------


def test_a_viewer_looks_and_leaves_everything_where_it_is(desk):
    die(desk, "a")
    assert desk.post("/dead-letters/redrive", {"queue": "raw"}, role="viewer").status == 403
    assert desk.delete("/dead-letters", queue="raw", role="viewer").status == 403
    assert desk.get("/dead-letters", queue="raw", role="viewer").status == 200
    assert sums(desk) == {"dead_lettered": 1}


def test_redriving_and_discarding_are_on_record(desk):
    (letter_id,) = die(desk, "a")
    desk.clock.advance(seconds=1)
    redriven(desk, ids=[letter_id])
    desk.clock.advance(seconds=1)
    discarded(desk, "output")
    assert desk.audit[1:] == [("dead_letters.redrive", "raw"), ("dead_letters.discard", "output")]


@pytest.mark.parametrize("body", [{}, {"queue": "dead"}, {"queue": "raw", "ids": "all"}, {"queue": "raw", "ids": [""]}])
def test_a_redrive_of_nothing_in_particular_is_bad_input(desk, body):
    assert desk.post("/dead-letters/redrive", body).status == 400


def test_other_projects_letters_are_out_of_reach(desk):
    other = Desk()
    other.put("/pipeline", {"agent_endpoint": AGENT})
    (theirs,) = die(other, "a")
    assert (redriven(desk, ids=[theirs]), discarded(desk, ids=theirs)) == (0, 0)
    assert desk.call("GET", "/dead-letters", queue="raw").json["items"] == []


def test_counts_that_cannot_be_saved_do_not_hide_what_was_moved(desk):
    die(desk, "a")
    desk.telemetry.outage = Unavailable("down")
    assert redriven(desk) == 1
    desk.telemetry.outage = None
    assert listed(desk) == []


STEPS = st.lists(
    st.sampled_from(["receive", "refuse", "fail", "accept", "give up", "redrive", "discard", "redrive one"]),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_whatever_happens_in_whatever_order_the_equation_holds(steps):
    desk = Desk()
    desk.put("/pipeline", {"agent_endpoint": AGENT, "batch_size": 2, "filter": "body = 'a'", "on_error": "dead_letter"})
    answers = {"refuse": 400, "fail": 503, "accept": 200}
    for step in steps:
        if step == "receive":
            desk.receive("a", "a", "a", "noise")
        elif step in answers:
            desk.outbound.will(answers[step])
            desk.process()
            desk.clock.advance(minutes=5)
        elif step == "give up":
            give_up(desk)
        elif step == "discard":
            discarded(desk)
        else:
            redriven(desk, **({"ids": listed(desk, limit=1)} if step == "redrive one" else {}))
        sums(desk)
    desk.outbound.will(200)
    redriven(desk)
    desk.process_all()
    assert "in_flight" not in sums(desk)


def _status(status):
    return OutboundResponse(status, {}, b"")
