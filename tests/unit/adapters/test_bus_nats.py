"""NatsBus and NatsWiring beyond the contract: several processes, a server that dies, and what is on it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Thread
from time import monotonic
from typing import Any

import pytest

from headrace.adapters.bus_nats import NatsBus, NatsWiring
from headrace.adapters.bus_nats.connection import servers_of
from headrace.adapters.clock_system import SystemClock
from headrace.errors import ConfigError, TooLarge, Unavailable
from headrace.ports.bus import Message, QueueStats
from headrace.ports.wiring import Subscription
from tests.engines.fixtures import nats_of_session, nats_server
from tests.engines.nats import NatsServer
from tests.engines.server import free_port
from tests.fakes.clock import FakeClock
from tests.flow.waiting import wait_until

__all__ = ["nats_of_session", "nats_server"]

pytestmark = pytest.mark.connected

RAW, OUTPUT, SPANS = (f"gf-ai-{kind}-11111111-2222" for kind in ("raw", "output", "spans"))
LEASE = timedelta(seconds=20)
ACK_WAIT = timedelta(seconds=1)

Opener = Callable[..., NatsBus]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def opened(nats_server: NatsServer, clock: FakeClock) -> Iterator[Opener]:
    """Buses as different processes have them."""
    with ExitStack() as stack:

        def open_bus(url: str = nats_server.url, **how: Any) -> NatsBus:
            bus = NatsBus(url, how.pop("clock", clock), receive_limit=3, **how)
            stack.callback(bus.close)
            return bus

        yield open_bus


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


def take(bus: NatsBus, queue: str = RAW, limit: int = 10) -> list[Any]:
    return bus.receive(queue, limit=limit, lease=LEASE)


# --- what is on the server -----------------------------------------------------------------------------------


def test_streams_and_subjects_have_the_names_that_the_outside_world_knows(
    opened: Opener, nats_server: NatsServer
) -> None:
    bus = opened()
    for queue in (RAW, OUTPUT, SPANS):
        bus.publish(queue, [Message("x")])
    bus.dead_letter(RAW, [Message("x")], "why")
    subjects = {
        RAW: ["gf-ai-raw.11111111-2222.in"],
        OUTPUT: ["gf-ai-output.11111111-2222.out"],
        SPANS: ["gf-ai-spans.11111111-2222.in"],
        f"{RAW}-dlq": ["gf-ai-raw.11111111-2222.dlq.*"],
    }
    configs = {name: nats_server.ask(f"STREAM.INFO.{name}")["config"] for name in subjects}
    assert {name: config["subjects"] for name, config in configs.items()} == subjects
    assert {config["storage"] for config in configs.values()} == {"file"}
    assert configs[RAW]["retention"] == "workqueue"
    consumer = nats_server.ask(f"CONSUMER.INFO.{RAW}.workers")["config"]
    assert (consumer["ack_policy"], consumer["ack_wait"]) == ("explicit", 20 * 10**9)


def test_a_message_over_the_servers_limit_is_too_large_and_the_bus_goes_on(opened: Opener) -> None:
    bus = opened()
    with pytest.raises(TooLarge) as caught:
        bus.publish(RAW, [Message("x" * 1024 * 1024)])
    assert caught.value.limit_bytes == 1024 * 1024 < caught.value.size_bytes
    bus.publish(RAW, [Message("small")])
    assert [message.body for message in take(bus)] == ["small"]


def test_the_largest_record_survives_waiting_dying_and_a_new_start(opened: Opener, clock: FakeClock) -> None:
    bus, body = opened(), "é" * 358_400
    bus.publish(RAW, [Message(body)], delay=timedelta(seconds=1))
    clock.advance(seconds=1)
    (message,) = take(bus)
    bus.dead_letter(RAW, [Message(message.body)], "why")
    bus.acknowledge([message])
    assert bus.dead_letters(RAW).items[0].body == body
    assert bus.redrive(RAW) == 1
    assert [message.body for message in take(bus)] == [body]


def test_what_somebody_else_publishes_is_delivered_and_can_be_given_up(opened: Opener, clock: FakeClock) -> None:
    bus = opened()
    bus.publish(RAW, [Message("ours")])
    connection = bus._connection
    connection.run(connection.store("gf-ai-raw.11111111-2222.in", b"\xff{}", {}))
    for _ in range(3):
        assert sorted(message.body for message in take(bus)) == ["ours", "\ufffd{}"]
        clock.advance(LEASE)
    assert take(bus) == []
    assert len(bus.dead_letters(RAW).items) == 2


def test_more_copies_than_servers_say_so(opened: Opener) -> None:
    with pytest.raises(Unavailable, match="replicas"):
        opened(replicas=3).publish("fresh", [Message("x")])


@pytest.mark.parametrize("url", ["nats://", "nats:// , ", "tls://"])
def test_a_url_without_a_host_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="4222"):
        NatsBus(url, FakeClock(), receive_limit=3)


def test_a_url_may_name_several_servers() -> None:
    assert servers_of("nats://a:4222, b:4222,tls://c") == ["nats://a:4222", "nats://b:4222", "tls://c"]


# --- several processes ---------------------------------------------------------------------------------------


def test_deliveries_are_counted_across_processes(opened: Opener, clock: FakeClock) -> None:
    first, second = opened(), opened()
    first.publish(RAW, [Message("a")])
    first.release(take(first))
    clock.advance(seconds=60)
    (message,) = take(second)
    assert message.receive_count == 2
    second.release([message])
    clock.advance(seconds=60)
    (message,) = take(first)
    first.release([message])
    clock.advance(minutes=5)
    assert take(second) == []
    assert second.dead_letters(RAW).items[0].receive_count == 3


def test_a_delayed_message_is_delivered_by_any_process_and_only_once(opened: Opener, clock: FakeClock) -> None:
    first, others = opened(), [opened() for _ in range(3)]
    first.publish(RAW, [Message(str(number)) for number in range(20)], delay=timedelta(minutes=10))
    first.close()
    clock.advance(minutes=10)
    taken: list[Any] = []
    threads = [Thread(target=lambda bus=bus: taken.extend(take(bus, limit=100))) for bus in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    taken += [message for bus in others for message in take(bus, limit=100)]
    assert sorted(int(message.body) for message in taken) == list(range(20))


def test_a_process_that_was_away_for_hours_finds_what_came_due(opened: Opener, clock: FakeClock) -> None:
    bus = opened()
    take(bus)
    bus.publish(RAW, [Message("a")], delay=timedelta(minutes=15))
    clock.advance(hours=7)
    assert [message.body for message in take(opened())] == ["a"]


def test_news_from_another_process_end_the_wait_and_show_what_is_due(opened: Opener) -> None:
    here, there = opened(), opened()
    assert here.due() == {}
    waiter = Thread(target=here.wait, args=(timedelta(hours=1),), daemon=True)
    waiter.start()
    there.publish(RAW, [Message("a")])
    waiter.join(10)
    assert not waiter.is_alive()
    assert here.due()[RAW].count == 1


def test_what_a_closed_process_held_is_due_for_others_at_once(opened: Opener) -> None:
    here, there = opened(), opened()
    here.publish(RAW, [Message("a")])
    take(here)
    assert (take(there), there.stats(RAW).in_flight) == ([], 1)
    here.close()
    (message,) = wait_until(lambda: take(there), "the server gives it to another")
    assert message.receive_count == 2


HOLDER = """
import sys
from datetime import timedelta
from headrace.adapters.bus_nats import NatsBus
from headrace.adapters.clock_system import SystemClock
bus = NatsBus(sys.argv[1], SystemClock(), receive_limit=3, ack_wait=timedelta(seconds=1))
messages = bus.receive(sys.argv[2], limit=10, lease=timedelta(seconds=20))
print(len(messages), flush=True)
sys.stdin.readline()
bus.acknowledge(messages)
print("acknowledged", flush=True)
"""


@pytest.fixture
def holder(nats_server: NatsServer) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts a process that takes all there is and acknowledges when it gets a line."""
    with ExitStack() as stack:

        def start() -> "subprocess.Popen[str]":
            popen = subprocess.Popen(
                [sys.executable, "-c", HOLDER, nats_server.url, RAW],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(popen)
            stack.callback(popen.kill)
            return popen

        yield start


def test_what_a_killed_process_held_comes_back(opened: Opener, holder: Callable[[], Any]) -> None:
    bus = opened(clock=SystemClock(), ack_wait=ACK_WAIT)
    bus.publish(RAW, [Message("a")])
    process = holder()
    assert process.stdout.readline() == "1\n"
    process.kill()
    (message,) = wait_until(lambda: take(bus), "it comes back")
    assert (message.body, message.receive_count) == ("a", 2)
    wait_until(lambda: bus.due() == {}, "nothing else is due")


def test_redelivery_while_the_first_try_goes_on_ends_with_one_acknowledgement(
    opened: Opener, holder: Callable[[], Any]
) -> None:
    bus = opened(clock=SystemClock(), ack_wait=ACK_WAIT)
    bus.publish(RAW, [Message("a")])
    process = holder()
    assert process.stdout.readline() == "1\n"
    process.send_signal(SIGSTOP)
    (message,) = wait_until(lambda: take(bus), "the server takes it for dead")
    process.send_signal(SIGCONT)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "acknowledged\n"
    bus.release([message])
    bus.acknowledge(take(bus))
    wait_until(lambda: bus.stats(RAW).in_flight == 0, "nothing is in flight")
    assert bus.dead_letters(RAW).items == []


# --- a server that dies --------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_unavailable_soon_and_later_used(tmp_path: Path, opened: Opener) -> None:
    server = NatsServer(tmp_path / "nats")
    bus, started = opened(server.url), monotonic()
    for _ in range(20):
        with pytest.raises(Unavailable):
            bus.publish(RAW, [Message("a")])
    assert monotonic() - started < 20
    server.start()
    wait_until(lambda: not _fails(bus.ping), "the server is found")
    bus.publish(RAW, [Message("a")])
    assert len(take(bus)) == 1
    server.stop()


def test_what_was_acknowledged_survives_a_killed_server_and_the_bus_recovers(
    mortal: NatsServer, opened: Opener
) -> None:
    bus = opened(mortal.url)
    ids = bus.publish(RAW, [Message(str(number)) for number in range(50)])
    mortal.kill()
    with pytest.raises(Unavailable):
        bus.publish(RAW, [Message("lost")])
    mortal.start()
    wait_until(lambda: not _fails(bus.ping), "the server is found again")
    assert set(ids) <= {message.id for message in take(bus, limit=100)}


def test_work_that_was_done_while_the_server_was_away_is_not_done_again(mortal: NatsServer, opened: Opener) -> None:
    bus = opened(mortal.url, ack_wait=timedelta(seconds=3))
    bus.publish(RAW, [Message("a")])
    messages = take(bus)
    mortal.kill()
    with pytest.raises(Unavailable):
        bus.acknowledge(messages)
    mortal.start()
    wait_until(lambda: not _fails(bus.ping) and bus.stats(RAW) == QueueStats(0, 0, 0), "the server is told")
    assert take(bus) == []


def _fails(call: Callable[[], object]) -> bool:
    try:
        call()
    except Unavailable:
        return True
    return False


def test_work_that_was_done_is_not_done_again_by_the_same_process_however_long_the_server_was_away(
    mortal: NatsServer, opened: Opener
) -> None:
    bus = opened(mortal.url, ack_wait=ACK_WAIT)
    bus.publish(RAW, [Message("a")])
    messages = take(bus)
    mortal.kill()
    with pytest.raises(Unavailable):
        bus.acknowledge(messages)
    wait_until(lambda: bus._consumer.find(messages[0]).lost, "the server must take it for lost")
    mortal.start()
    wait_until(lambda: not _fails(bus.ping), "the server is found")
    seen: list[Any] = []
    wait_until(lambda: seen.extend(take(bus)) or bus.stats(RAW) == QueueStats(0, 0, 0), "the server is told")
    assert seen == []


def test_a_closed_bus_opens_again_when_it_is_used_again(opened: Opener) -> None:
    bus = opened()
    for number in range(3):
        bus.publish(RAW, [Message(str(number))])
        (message,) = take(bus)
        bus.acknowledge([message])
        bus.close()
        assert message.body == str(number)


def test_closing_a_bus_whose_server_is_gone_ends(mortal: NatsServer, opened: Opener) -> None:
    bus = opened(mortal.url)
    bus.publish(RAW, [Message("a")])
    take(bus)
    mortal.kill()
    bus.close()


# --- wiring --------------------------------------------------------------------------------------------------


def wired(url: str, stack: ExitStack) -> NatsWiring:
    wiring = NatsWiring(url)
    stack.callback(wiring.close)
    return wiring


def test_all_processes_see_what_one_of_them_has_wired(nats_server: NatsServer) -> None:
    wanted = [Subscription(RAW, "raw", timedelta(seconds=2), 7), Subscription(OUTPUT, "output")]
    with ExitStack() as stack:
        here, there = wired(nats_server.url, stack), wired(nats_server.url, stack)
        assert there.subscriptions() == []
        here.reconcile("11111111-2222", wanted)
        assert there.subscriptions() == wanted
        here.reconcile("11111111-2222", [])
        assert there.subscriptions() == []


def test_a_removed_project_leaves_no_streams_and_no_waiting_messages(opened: Opener, nats_server: NatsServer) -> None:
    bus, other = opened(), RAW.replace("1111", "9999")
    with ExitStack() as stack:
        wiring = wired(nats_server.url, stack)
        wiring.reconcile("11111111-2222", [Subscription(RAW, "raw")])
        for queue in (RAW, other):
            bus.publish(queue, [Message("a")], delay=timedelta(seconds=5))
            bus.publish(queue, [Message("b")])
            bus.dead_letter(queue, [Message("c")], "why")
        wiring.reconcile("11111111-2222", [])
        assert bus.stats(RAW) == QueueStats(0, 0, 0)
        bus.publish(RAW, [Message("by a function that still remembers the key")])
        wiring.reconcile("11111111-2222", [])
    assert not [name for name in nats_server.stream_names() if "1111" in name]
    assert bus.stats(other) == QueueStats(2, 0, 1)


def test_wiring_without_a_server_is_unavailable() -> None:
    wiring = NatsWiring(f"nats://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable):
        wiring.subscriptions()
    wiring.close()


# --- the server drops what it takes for a duplicate ----------------------------------------------------------


def test_a_redriven_message_that_fails_again_at_once_is_not_taken_for_a_duplicate(
    opened: Opener, clock: FakeClock
) -> None:
    bus = opened()
    bus.publish(RAW, [Message("x")])
    for _ in range(2):
        for _ in range(3):
            bus.release(take(bus))
            clock.advance(seconds=5)
        assert take(bus) == []
        assert [letter.body for letter in bus.dead_letters(RAW).items] == ["x"]
        assert bus.redrive(RAW) == 1


# --- what waits ----------------------------------------------------------------------------------------------


def test_what_was_stored_only_after_its_minute_was_looked_at_still_comes(opened: Opener, clock: FakeClock) -> None:
    clock.advance(seconds=60 - clock.now_unix_nano() // 10**9 % 60)
    behind = FakeClock(clock.now_unix_nano() - 3 * 10**9)
    bus = opened()
    assert bus.due() == {}
    opened(clock=behind).publish(RAW, [Message("x")], delay=timedelta(seconds=1))
    clock.advance(minutes=1)
    assert RAW in bus.due()
