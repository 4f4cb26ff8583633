import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headrace.errors import Conflict, NotAuthenticated, Unavailable
from headrace.route.domain.pipeline import Pipeline
from headrace.route.stages.configuration import Configuration
from headrace.teams.domain.keys import new_key
from tests.unit.scene import PROJECT, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def reads(scene, monkeypatch):
    """Every read of the table."""
    seen = []
    for name in ("get", "query"):
        real = getattr(scene.config, name)
        monkeypatch.setattr(scene.config, name, lambda *args, real=real, **how: seen.append(args) or real(*args, **how))
    return seen


def test_a_key_belongs_to_its_project(scene):
    key, other = scene.key(), scene.key("p-2")
    assert (scene.configuration.project_of(key), scene.configuration.project_of(other)) == (PROJECT, "p-2")


@pytest.mark.parametrize("key", [None, "", "hr_", "hr_" + "x" * 38, "banana"])
def test_no_key_and_a_malformed_one_do_not_reach_the_table(scene, reads, key):
    with pytest.raises(NotAuthenticated):
        scene.configuration.project_of(key)
    assert reads == []


def test_the_message_does_not_say_what_is_wrong_with_a_key(scene):
    with pytest.raises(NotAuthenticated) as unknown:
        scene.configuration.project_of(new_key())
    with pytest.raises(NotAuthenticated) as malformed:
        scene.configuration.project_of("hr_guess")
    assert str(unknown.value) == str(malformed.value)


def test_a_key_is_read_once_within_its_time(scene, reads):
    key = scene.key()
    for _ in range(5):
        scene.configuration.project_of(key)
        scene.advance(seconds=5)
    assert len(reads) == 1
    scene.advance(seconds=5)
    scene.configuration.project_of(key)
    assert len(reads) == 2


def test_an_unknown_key_is_remembered_too(scene, reads):
    key = new_key()
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            scene.configuration.project_of(key)
    assert len(reads) == 1


def test_a_revoked_key_stops_working_within_the_cache_time(scene):
    key = scene.key()
    scene.configuration.project_of(key)
    scene.revoke(key)
    scene.advance(seconds=30)
    with pytest.raises(NotAuthenticated):
        scene.configuration.project_of(key)


def test_a_table_that_is_down_is_unavailable_and_not_remembered(scene):
    key = scene.key()
    scene.config.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        scene.configuration.project_of(key)
    scene.config.outage = None
    assert scene.configuration.project_of(key) == PROJECT


def test_a_project_without_a_pipeline_has_the_default_one(scene):
    assert scene.configuration.pipeline(PROJECT) == Pipeline()


def test_a_saved_pipeline_is_seen_within_the_cache_time(scene, reads):
    first = scene.pipeline(batch_size=1)
    assert scene.configuration.pipeline(PROJECT) == first
    second = scene.pipeline(batch_size=2)
    assert scene.configuration.pipeline(PROJECT) == first
    scene.advance(seconds=2)
    assert scene.configuration.pipeline(PROJECT) == second
    assert len(reads) == 2


def test_sinks_come_with_the_disabled_ones_and_only_those_of_the_project(scene):
    a, b = scene.sink("a"), scene.sink("b", enabled=False)
    scene.config.put({"pk": "project#other", "sk": "sink#c", "type": "webhook"})
    assert scene.configuration.sinks(PROJECT) == [a, b]


@pytest.mark.parametrize("read", ["pipeline", "sinks"])
def test_a_damaged_item_waits_for_its_repair(scene, read):
    scene.pipeline()
    scene.sink("a")
    for item in scene.config.items:
        scene.config.put({**item, "enabled": "yes"})
    with pytest.raises(Unavailable, match="enabled"):
        getattr(scene.configuration, read)(PROJECT)
    scene.pipeline()
    scene.sink("a")
    assert getattr(scene.configuration, read)(PROJECT)


def test_a_disabled_sink_is_seen_as_such_at_once(scene):
    sink = scene.sink("a")
    scene.configuration.sinks(PROJECT)
    scene.configuration.disable_sink(PROJECT, sink, "it answered 410")
    assert [each.enabled for each in scene.configuration.sinks(PROJECT)] == [False]


def test_disabling_a_deleted_sink_is_a_conflict_and_makes_nothing(scene):
    sink = scene.sink("a")
    scene.config.delete(f"project#{PROJECT}", "sink#a")
    with pytest.raises(Conflict):
        scene.configuration.disable_sink(PROJECT, sink, "why")
    assert scene.config.items == []


class Ticking:
    """A clock that moves on whenever somebody looks at it."""

    def __init__(self):
        self.now = 0

    def now_unix_nano(self):
        self.now += 10**9
        return self.now


@pytest.mark.parametrize("ttl", range(12))
def test_an_entry_that_expires_while_it_is_looked_up_is_read_again(scene, ttl):
    key = scene.key()
    lifetime = timedelta(seconds=ttl)
    configuration = Configuration(scene.config, Ticking(), key_ttl=lifetime, ttl=lifetime)
    assert [configuration.project_of(key) for _ in range(50)] == [PROJECT] * 50


def test_many_threads_ask_at_once(scene):
    keys = [scene.key(f"p-{number}") for number in range(8)]
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait(10)
        return [scene.configuration.project_of(keys[(number + turn) % 8]) for turn in range(64)]

    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(work, range(8))):
            assert found == [f"p-{(number + turn) % 8}" for turn in range(64)]
