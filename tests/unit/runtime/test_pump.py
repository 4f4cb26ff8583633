"""The pump: which messages it hands out, when, to whom, and how many at once. Failures: `test_pump_failures`."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from threading import Semaphore

import pytest

from headrace.ports.bus import QueueStats
from headrace.ports.wiring import Subscription
from headrace.runtime import pump as pump_module
from headrace.runtime.pump import Pump
from tests.fakes.clock import FakeClock
from tests.fakes.http import PATIENCE_SECONDS
from tests.unit.runtime.pumping import RAW, SECOND, Handler, WatchedBus, messages, pumping, wired

GRACE = timedelta(seconds=PATIENCE_SECONDS)
PLAIN = Subscription(RAW, "raw")


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus(FakeClock())


def named(handler: Handler, count: int) -> list[str]:
    """The bodies of the first `count` events, all in one list."""
    return sorted(body for event in handler.wait_for(count) for body in event)


def test_a_message_becomes_an_sqs_event_and_is_acknowledged(bus):
    (message,) = messages(1)
    (message_id,) = bus.publish(RAW, [replace(message, attributes={"project_id": "p"})])
    handler = Handler()
    with pumping(bus, wired(PLAIN), raw=handler):
        handler.wait_for(1)
        bus.await_empty()
    (record,) = handler.events[0]["Records"]
    assert (record["messageId"], record["body"], record["eventSource"]) == (message_id, "m0", "aws:sqs")
    assert record["messageAttributes"]["project_id"]["stringValue"] == "p"
    assert bus.stats(RAW) == QueueStats(0, 0, 0)


def test_messages_that_come_while_it_runs_are_handled_too(bus):
    handler = Handler()
    with pumping(bus, wired(PLAIN), raw=handler):
        for number in range(3):
            bus.publish(RAW, messages(1, f"turn {number} "))
            handler.wait_for(number + 1)
        bus.await_empty()


def test_each_kind_of_queue_is_handled_by_its_function(bus):
    raw, output = Handler(), Handler()
    bus.publish(RAW, messages(1, "record"))
    bus.publish("out", messages(1, "said"))
    with pumping(bus, wired(PLAIN, Subscription("out", "output")), raw=raw, output=output):
        assert (raw.wait_for(1), output.wait_for(1)) == ([["record0"]], [["said0"]])


def test_a_queue_without_a_subscription_or_without_a_function_keeps_its_messages(bus):
    for queue in ("unknown", "spans", "paused"):
        bus.publish(queue, messages(1))
    wiring = wired(PLAIN, Subscription("spans", "spans"), Subscription("paused", "raw", active=False))
    with pumping(bus, wiring, raw=Handler()):
        bus.look()
        assert [bus.stats(queue).depth for queue in ("unknown", "spans", "paused")] == [1, 1, 1]


def test_a_subscription_takes_effect_while_the_pump_runs_when_it_is_switched_on_and_off(bus, monkeypatch):
    monkeypatch.setattr(pump_module, "_WIRING_EVERY_SECONDS", 0)
    wiring, handler = wired(replace(PLAIN, active=False)), Handler()
    bus.publish(RAW, messages(1))
    with pumping(bus, wiring, raw=handler):
        bus.look()
        assert handler.events == []
        wiring.reconcile("1", [PLAIN])
        handler.wait_for(1)
        bus.await_empty()
        wiring.reconcile("1", [replace(PLAIN, active=False)])
        bus.look()
        bus.publish(RAW, messages(1))
        bus.look()
        assert len(handler.events) == 1


def test_the_wiring_is_not_read_at_each_pass(bus, monkeypatch):
    # Longer than the machine is up: the first look must not wait for it.
    monkeypatch.setattr(pump_module, "_WIRING_EVERY_SECONDS", time.monotonic() + 3600)
    wiring, reads = wired(PLAIN), []
    subscriptions = wiring.subscriptions
    monkeypatch.setattr(wiring, "subscriptions", lambda: reads.append(1) or subscriptions())
    with pumping(bus, wiring, raw=Handler()):
        for _ in range(5):
            bus.look()
    assert len(reads) == 1


def test_a_delayed_message_is_handed_out_when_it_is_due(bus):
    handler = Handler()
    bus.publish(RAW, messages(1), delay=5 * SECOND)
    with pumping(bus, wired(PLAIN), raw=handler):
        bus.clock.advance(4 * SECOND)
        bus.look()
        assert handler.events == []
        bus.clock.advance(SECOND)
        handler.wait_for(1)


# --- the batch window -----------------------------------------------------------------------------------------


def test_fewer_messages_wait_for_company_until_the_window_of_the_first_is_over(bus):
    handler = Handler()
    with pumping(bus, wired(replace(PLAIN, batch_window=5 * SECOND)), raw=handler):
        bus.publish(RAW, messages(1, "first"))
        bus.clock.advance(4 * SECOND)
        bus.publish(RAW, messages(1, "second"))
        bus.look()
        assert handler.events == []
        bus.clock.advance(SECOND)
        assert handler.wait_for(1) == [["first0", "second0"]]


def test_ten_messages_are_an_event_at_once_however_long_the_window(bus):
    handler = Handler()
    with pumping(bus, wired(replace(PLAIN, batch_window=300 * SECOND)), raw=handler):
        bus.publish(RAW, messages(9))
        bus.look()
        assert handler.events == []
        bus.publish(RAW, messages(1, "tenth"))
        assert [len(event) for event in handler.wait_for(1)] == [10]


def test_no_event_holds_more_than_ten_messages_and_the_rest_waits_for_its_own_window(bus):
    handler = Handler()
    bus.publish(RAW, messages(23))
    with pumping(bus, wired(replace(PLAIN, batch_window=5 * SECOND)), raw=handler):
        assert [len(event) for event in handler.wait_for(2)] == [10, 10]
        bus.look()
        assert len(handler.events) == 2
        bus.clock.advance(5 * SECOND)
        assert named(handler, 3) == sorted(message.body for message in messages(23))


# --- how much at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3])
def test_one_queue_never_has_more_handlers_at_once_than_its_concurrency(bus, limit):
    handler = Handler()
    handler.hold()
    bus.publish(RAW, messages(60))
    with pumping(bus, wired(replace(PLAIN, max_concurrency=limit)), raw=handler):
        handler.wait_for(limit)
        bus.look()
        assert handler.running == limit
        handler.released.set()
        assert named(handler, 6) == sorted(message.body for message in messages(60))
    assert handler.most_running == limit


def test_all_queues_together_never_have_more_handlers_than_workers(bus):
    handler = Handler()
    handler.hold()
    queues = [f"q{number}" for number in range(6)]
    for queue in queues:
        bus.publish(queue, messages(1))
    with pumping(bus, wired(*(Subscription(queue, "raw") for queue in queues)), workers=2, raw=handler):
        handler.wait_for(2)
        bus.look()
        assert handler.running == 2
        handler.released.set()
        handler.wait_for(6)
    assert handler.most_running == 2
    assert sorted(handler.queues) == queues


def test_a_slow_queue_does_not_hold_up_the_others(bus):
    slow, quick = Handler(), Handler()
    slow.hold()
    bus.publish("slow", messages(50))
    bus.publish("quick", messages(1))
    wiring = wired(Subscription("slow", "raw"), Subscription("quick", "output"))
    with pumping(bus, wiring, workers=3, raw=slow, output=quick):
        slow.wait_for(2)
        quick.wait_for(1)
        bus.await_empty("quick")


class Stepped(Handler):
    """Ends one event at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = Semaphore(0)

    def __call__(self, event):
        answer = super().__call__(event)
        assert self.steps.acquire(timeout=PATIENCE_SECONDS)
        return answer


def test_a_busy_queue_leaves_the_only_worker_to_the_others_in_turn(bus, monkeypatch):
    monkeypatch.setattr(pump_module, "_TURNS", 1)
    handler = Stepped()
    for queue in ("a", "b", "c"):  # in this order the engine names them, and each has work for many turns
        bus.publish(queue, messages(80))
    with pumping(bus, wired(*(Subscription(queue, "raw") for queue in "abc")), workers=1, raw=handler):
        for number in range(12):
            handler.wait_for(number + 1)
            bus.look()  # the pump has gone through all queues while its only worker was busy
            handler.steps.release()
        handler.steps.release(100)
    assert [set(handler.queues[at : at + 3]) for at in range(0, 12, 3)] == [set("abc")] * 4


# --- stopping -------------------------------------------------------------------------------------------------


def test_a_pump_without_work_stops_at_once_and_says_so(bus):
    pump = Pump(bus, wired(PLAIN), bus.clock, {}, workers=1)
    pump.start()
    assert pump.stop(timedelta(0)) is True


def test_stopping_waits_for_what_is_being_worked_on_and_takes_nothing_new(bus):
    handler, stopped = Handler(), []
    handler.hold()
    bus.publish(RAW, messages(15))
    with pumping(bus, wired(replace(PLAIN, max_concurrency=1)), raw=handler) as pump:
        handler.wait_for(1)
        stopper = threading.Thread(target=lambda: stopped.append(pump.stop(GRACE)))
        stopper.start()
        assert pump._stopping.wait(PATIENCE_SECONDS)
        handler.released.set()
        stopper.join(PATIENCE_SECONDS)
    assert (stopped, len(handler.events)) == ([True], 1)
    assert bus.stats(RAW) == QueueStats(5, 0, 0)


def test_stopping_says_when_something_outlives_the_grace_time_and_leaves_it_to_its_lease(bus):
    handler = Handler()
    handler.hold()
    bus.publish(RAW, messages(1))
    with pumping(bus, wired(PLAIN), raw=handler) as pump:
        handler.wait_for(1)
        assert pump.stop(timedelta(milliseconds=1)) is False
        assert bus.stats(RAW) == QueueStats(0, 1, 0)
