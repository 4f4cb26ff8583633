"""The sample of the last records: small, seldom renewed, short-lived, and never in the way."""

import orjson
import pytest

from headrace.errors import Unavailable
from headrace.intake.stages.sample import BYTES, RECORDS, WRITES, Sampler
from headrace.intake.wire.items import SAMPLE_PREFIX
from headrace.ports.items import project_pk
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

NANO = 1_000_000_000


class CountingTable(FakeTable):
    puts = 0

    def put(self, *arguments) -> None:
        self.puts += 1
        super().put(*arguments)


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.telemetry = CountingTable(self.clock)
        self.sampler = Sampler()

    def offer(self, *records, project="p", signal="logs") -> None:
        self.sampler.offer(project, signal, lambda: records[-10:], self.telemetry, self.clock.now_unix_nano())

    def kept(self, project="p", signal="logs"):
        item = self.telemetry.get(project_pk(project), SAMPLE_PREFIX + signal)
        return None if item is None else orjson.loads(item["records"])


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_last_ten_records_are_kept_in_their_order(scene):
    scene.offer(*({"n": number} for number in range(25)))
    assert scene.kept() == [{"n": number} for number in range(25 - RECORDS, 25)]


def test_records_that_hold_written_json_are_kept_as_what_it_says(scene):
    scene.offer({"attributes": orjson.Fragment(b'{"a":[1,2]}')})
    assert scene.kept() == [{"attributes": {"a": [1, 2]}}]


@pytest.mark.parametrize("size", [1, 100, 3000, 5000, BYTES - 20, BYTES, 10 * BYTES])
def test_a_sample_is_small_whatever_the_records(scene, size):
    scene.offer(*({"body": "é" * (size // 2)} for _ in range(10)), {"last": True})
    assert len(orjson.dumps(scene.kept())) <= BYTES
    assert scene.kept()[-1] == {"last": True}


def test_who_sends_single_records_finds_the_last_ten_of_them(scene):
    for number in range(7):
        scene.offer({"n": number})
    assert scene.kept() == [{"n": number} for number in range(7)]
    scene.clock.advance(minutes=1)
    for number in range(7, 15):
        scene.offer({"n": number})
    assert scene.kept() == [{"n": number} for number in range(15 - RECORDS, 15)]


def test_who_sends_much_has_it_renewed_by_the_first_requests_of_each_half_minute(scene):
    for minute in range(2):
        for number in range(100):
            scene.offer({"n": number, "minute": minute})
        assert scene.kept()[-1] == {"n": WRITES - 1, "minute": minute}
        scene.clock.advance(seconds=30)
    assert scene.telemetry.puts == 2 * WRITES


def test_projects_and_signals_have_samples_of_their_own(scene):
    scene.offer({"n": 1})
    scene.offer({"n": 2}, signal="traces")
    scene.offer({"n": 3}, project="q")
    assert (scene.kept(), scene.kept(signal="traces"), scene.kept("q")) == ([{"n": 1}], [{"n": 2}], [{"n": 3}])


def test_it_is_gone_after_a_day(scene):
    scene.offer({"n": 1})
    scene.clock.advance(hours=23)
    assert scene.kept() == [{"n": 1}]
    scene.clock.advance(hours=1)
    assert scene.kept() is None


def test_what_comes_while_the_table_is_down_is_kept_with_what_comes_later(scene):
    scene.telemetry.outage = Unavailable("down")
    scene.offer({"n": 1})
    scene.telemetry.outage = None
    assert scene.kept() is None
    scene.offer({"n": 2})
    assert scene.kept() == [{"n": 1}, {"n": 2}]


def test_what_is_remembered_of_projects_is_bounded(scene):
    scene.telemetry.outage = Unavailable("down")
    for number in range(25_000):
        scene.offer(project=str(number))
    assert (len(scene.sampler._windows), len(scene.sampler._texts)) == (10_000, 500)
