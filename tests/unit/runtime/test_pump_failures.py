"""The pump: what becomes of messages when handlers, the engine or the pump itself fail."""

from datetime import timedelta

import pytest

from headrace import observability
from headrace.errors import Unavailable
from headrace.ports.wiring import Subscription
from headrace.runtime import pump as pump_module
from headrace.runtime.pump import LEASE, settle
from tests.fakes.clock import FakeClock
from tests.unit.runtime.pumping import RAW, Handler, WatchedBus, failing, messages, pumping, wired

INSTANT = timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    monkeypatch.setattr(pump_module, "_WIRING_EVERY_SECONDS", -1)
    monkeypatch.setattr(pump_module, "_AFTER_FAULT", INSTANT)


@pytest.fixture
def bus():
    return WatchedBus(FakeClock())


@pytest.fixture
def reported():
    """Events of level warning and error."""
    events = []
    unlisten = observability.listen(lambda event: events.append(event["event"]))
    yield events
    unlisten()


def received(bus, count):
    bus.publish(RAW, messages(count))
    return bus.receive(RAW, limit=10, lease=LEASE)


def left(bus):
    return [message.body for message in bus.messages(RAW)]


# --- one event -----------------------------------------------------------------------------------------------


def test_only_the_failed_messages_of_an_event_stay(bus):
    settle(bus, received(bus, 4), failing("m1", "m3"))
    assert left(bus) == ["m1", "m3"]
    assert [each.receive_count for each in bus.receive(RAW, limit=10, lease=LEASE)] == [2, 2]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, "done"])
def test_an_answer_without_failures_acknowledges_the_whole_event(bus, answer):
    settle(bus, received(bus, 3), lambda event: answer)
    assert left(bus) == []


@pytest.mark.parametrize(
    "failure", [{"itemIdentifier": "unknown"}, {"itemIdentifier": ""}, {"id": "m0"}, {}, "m0", None]
)
def test_an_answer_that_names_no_message_of_the_event_fails_all_of_them_as_on_aws(bus, failure):
    settle(bus, received(bus, 3), lambda event: {"batchItemFailures": [failure]})
    assert left(bus) == ["m0", "m1", "m2"]
    assert bus.stats(RAW).in_flight == 0


def test_a_handler_that_raises_fails_its_whole_event_and_is_reported(bus, reported):
    settle(bus, received(bus, 3), lambda event: 1 / 0)
    assert left(bus) == ["m0", "m1", "m2"]
    assert bus.stats(RAW).in_flight == 0
    assert reported == ["handler_failed"]


# --- the running pump ----------------------------------------------------------------------------------------


def test_failed_messages_are_handed_out_again_until_they_succeed(bus):
    handler = Handler(failing("m1"), failing("m1"))
    bus.publish(RAW, messages(3))
    with pumping(bus, wired(Subscription(RAW, "raw", max_concurrency=1)), raw=handler):
        bus.await_empty()
    assert handler.wait_for(3) == [["m0", "m1", "m2"], ["m1"], ["m1"]]


def test_a_handler_that_raises_stops_neither_its_queue_nor_the_others(bus, reported):
    def broken(event):
        raise RuntimeError("broken")

    handler = Handler(broken, broken)
    bus.publish(RAW, messages(1))
    bus.publish("gf-ai-raw-2", messages(1))
    with pumping(bus, wired(Subscription(RAW, "raw"), Subscription("gf-ai-raw-2", "raw")), raw=handler):
        bus.await_empty(RAW)
        bus.await_empty("gf-ai-raw-2")
    assert reported == ["handler_failed"] * 2


def test_an_engine_that_is_down_for_a_while_delays_and_loses_nothing(bus, reported):
    handler = Handler()
    bus.publish(RAW, messages(3))
    bus.outage = Unavailable("down", retry_after=INSTANT)
    with pumping(bus, wired(Subscription(RAW, "raw")), raw=handler):
        bus.look()
        assert handler.events == []
        bus.outage = None
        bus.await_empty()
    assert "pump_waits" in reported


class FullBus(WatchedBus):
    """Can be read and not written to, like a file on a full disk: nothing can be taken from it."""

    def __init__(self, clock):
        super().__init__(clock)
        self.attempts = 0

    def receive(self, queue, *, limit, lease):
        self.attempts += 1
        raise Unavailable("full", retry_after=timedelta(hours=1))


def test_an_engine_that_gives_nothing_out_is_not_asked_again_before_its_time(reported):
    bus = FullBus(FakeClock())
    bus.publish(RAW, messages(3))
    with pumping(bus, wired(Subscription(RAW, "raw", max_concurrency=1)), raw=Handler()):
        for _ in range(5):
            bus.look()
    assert (bus.attempts, reported) == (1, ["pump_waits"])
    assert left(bus) == ["m0", "m1", "m2"]


def test_a_wiring_that_is_down_for_a_while_delays_and_loses_nothing(bus, reported):
    handler, wiring = Handler(), wired(Subscription(RAW, "raw"))
    wiring.outage = Unavailable("down", retry_after=INSTANT)
    bus.publish(RAW, messages(3))
    with pumping(bus, wiring, raw=handler):
        bus.look()
        assert handler.events == []
        wiring.outage = None
        bus.await_empty()
    assert "pump_waits" in reported


def test_an_engine_that_goes_down_under_a_handler_hands_its_messages_out_again_after_the_lease(bus, reported):
    def unplug(event):
        bus.outage = Unavailable("down", retry_after=INSTANT)

    handler = Handler(unplug)
    bus.publish(RAW, messages(3))
    with pumping(bus, wired(Subscription(RAW, "raw")), raw=handler):
        handler.wait_for(1)
        bus.look()
        bus.outage = None
        bus.look()
        assert len(handler.events) == 1
        bus.clock.advance(LEASE)
        bus.await_empty()
    assert handler.wait_for(2) == [["m0", "m1", "m2"]] * 2


def test_a_fault_of_its_own_is_reported_and_the_pump_goes_on(bus, reported):
    handler = Handler()
    bus.fault = LookupError("nobody expected this")
    bus.publish(RAW, messages(1))
    with pumping(bus, wired(Subscription(RAW, "raw")), raw=handler):
        bus.await_empty()
    assert reported == ["pump_failed"]


def test_the_lease_of_a_message_is_renewed_for_as_long_as_its_handler_runs(bus, monkeypatch):
    monkeypatch.setattr(pump_module, "_RENEW_EVERY", INSTANT)
    handler = Handler()
    handler.hold()
    bus.publish(RAW, messages(3))
    with pumping(bus, wired(Subscription(RAW, "raw")), raw=handler):
        handler.wait_for(1)
        for _ in range(5):
            bus.clock.advance(LEASE - timedelta(seconds=1))
            bus.renew()
            assert bus.due() == {}
        bus.look()
        assert len(handler.events) == 1
        handler.released.set()
        bus.await_empty()
    assert len(handler.events) == 1


@pytest.mark.parametrize("fault", [Unavailable("down", retry_after=INSTANT), LookupError("unexpected")])
def test_a_renewal_that_fails_is_reported_and_tried_again(bus, monkeypatch, reported, fault):
    monkeypatch.setattr(pump_module, "_RENEW_EVERY", INSTANT)
    handler = Handler()
    handler.hold()
    bus.publish(RAW, messages(1))
    with pumping(bus, wired(Subscription(RAW, "raw")), raw=handler):
        handler.wait_for(1)
        bus.outage = fault
        bus.renew()
        bus.outage = None
        bus.clock.advance(LEASE - timedelta(seconds=1))
        bus.renew()
        bus.clock.advance(LEASE - timedelta(seconds=1))
        assert bus.due() == {}
    assert "lease_not_renewed" in reported


def test_what_is_done_is_no_longer_renewed(bus, monkeypatch):
    monkeypatch.setattr(pump_module, "_RENEW_EVERY", INSTANT)
    done, slow = Handler(), Handler()
    slow.hold()
    bus.publish(RAW, messages(1))
    bus.publish("gf-ai-output-1", messages(1, "slow"))
    extended = set()
    extend = bus.extend
    monkeypatch.setattr(bus, "extend", lambda some, lease: (extended.update(m.body for m in some), extend(some, lease)))
    with pumping(bus, wired(Subscription(RAW, "raw"), Subscription("gf-ai-output-1", "output")), raw=done, output=slow):
        bus.await_empty()
        slow.wait_for(1)

        def renewed():
            extended.clear()
            bus.renew()
            return set(extended)

        assert any(renewed() == {"slow0"} for _ in range(100))
