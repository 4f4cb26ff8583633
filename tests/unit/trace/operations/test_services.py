"""Service rollups as the API shows them: every span counts once, whatever is delivered again."""

from typing import Any

import pytest

from tests.unit.desk import Desk
from tests.unit.trace.operations.test_runs import agent, call, span


@pytest.fixture
def desk() -> Desk:
    return Desk()


def figures(desk: Desk, **query: Any) -> dict[tuple[str, str, str], tuple[int, int]]:
    found = desk.get("/services", **query).json["items"]
    return {(each["service"], each["side"], each["name"]): (each["calls"], each["errors"]) for each in found}


def test_operations_and_dependencies_are_counted_by_service(desk: Desk) -> None:
    desk.trace(span(1, "GET /flights/4711", kind=2), span(2, "SELECT", parent=1, kind=3, db__system__name="postgresql"))
    desk.trace(span(3, "GET /flights/42", kind=2, trace=2, failed="500"), service="desk")
    desk.trace(span(4, "pay", kind=2, trace=3), service="till")
    assert figures(desk) == {
        ("desk", "operation", "GET /flights/*"): (2, 1),
        ("desk", "dependency", "postgresql"): (1, 0),
        ("till", "operation", "pay"): (1, 0),
    }


def test_a_message_that_is_delivered_again_counts_once(desk: Desk) -> None:
    for _ in range(3):
        desk.trace(agent(1), call(2, 1))
    assert set(figures(desk).values()) == {(1, 0)}


def test_a_message_with_many_operations_counts_once_too(desk: Desk) -> None:
    letters = "abcdefghijklmnop"
    spans = [span(number + 1, a + b) for number, (a, b) in enumerate((a, b) for a in letters for b in letters[:9])]
    for _ in range(2):
        desk.trace(*spans)
    assert len(figures(desk)) == len(spans)
    assert set(figures(desk).values()) == {(1, 0)}


def test_messages_of_one_event_of_which_one_came_before_count_once_each(desk: Desk) -> None:
    first, second = [span(1, "plan")], [span(2, "plan", trace=2)]
    desk.trace(*first)
    for spans in (first, second):
        attributes = [{"key": "service.name", "value": {"stringValue": "desk"}}]
        scoped = [{"scope": {"name": "demo"}, "spans": spans}]
        desk.receive(
            signal="traces", request={"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": scoped}]}
        )
    desk.work_off_spans()
    assert figures(desk) == {("desk", "operation", "plan"): (2, 0)}


def test_quantiles_are_those_of_all_calls_in_the_window(desk: Desk) -> None:
    for number in range(1, 101):
        desk.trace(span(number, "plan", trace=number, lasts_s=number / 1000))
    (found,) = desk.get("/services").json["items"]
    assert found["duration_ms_p50"] == pytest.approx(50, rel=0.02)
    assert found["duration_ms_p95"] == pytest.approx(95, rel=0.02)


@pytest.mark.parametrize(("since", "until", "calls"), [
    ("2023-11-14T22:13:00Z", "2023-11-14T22:14:00Z", 1),
    ("2023-11-14T22:14:00Z", "2023-11-14T22:20:00Z", 1),
    ("2023-11-14T22:13:00Z", "2023-11-14T23:13:00Z", 2),
    ("2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z", 2),
    ("2023-11-14T23:00:00Z", "2023-11-15T00:00:00Z", 0),
])  # fmt: skip
def test_any_window_can_be_asked_for(desk: Desk, since: str, until: str, calls: int) -> None:
    desk.trace(span(1, "plan"), span(2, "plan", at_s=100))
    assert sum(count for count, _ in figures(desk, since=since, until=until).values()) == calls


def test_minutes_go_before_hours(desk: Desk) -> None:
    desk.trace(span(1, "plan"))
    desk.clock.advance(days=4)
    assert figures(desk, since="2023-11-14T22:00:00Z", until="2023-11-14T23:00:00Z") == {
        ("desk", "operation", "plan"): (1, 0)
    }
    desk.clock.advance(days=27)
    assert figures(desk, since="2023-11-14T22:00:00Z", until="2023-11-14T23:00:00Z") == {}
