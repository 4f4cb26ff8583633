import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headrace.errors import NotAuthenticated, Unavailable
from headrace.teams.domain.keys import new_key
from headrace.teams.stages.authenticate import ApiKeys
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
    assert (scene.api_keys.project_of(key), scene.api_keys.project_of(other)) == (PROJECT, "p-2")


@pytest.mark.parametrize("key", [None, "", "hr_", "hr_" + "x" * 38, "banana"])
def test_no_key_and_a_malformed_one_do_not_reach_the_table(scene, reads, key):
    with pytest.raises(NotAuthenticated):
        scene.api_keys.project_of(key)
    assert reads == []


def test_the_message_does_not_say_what_is_wrong_with_a_key(scene):
    with pytest.raises(NotAuthenticated) as unknown:
        scene.api_keys.project_of(new_key())
    with pytest.raises(NotAuthenticated) as malformed:
        scene.api_keys.project_of("hr_guess")
    assert str(unknown.value) == str(malformed.value)


def test_a_key_is_read_once_within_its_time(scene, reads):
    key = scene.key()
    for _ in range(5):
        scene.api_keys.project_of(key)
        scene.advance(seconds=5)
    assert len(reads) == 1
    scene.advance(seconds=5)
    scene.api_keys.project_of(key)
    assert len(reads) == 2


def test_an_unknown_key_is_remembered_too(scene, reads):
    key = new_key()
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            scene.api_keys.project_of(key)
    assert len(reads) == 1


def test_a_revoked_key_stops_working_within_the_cache_time(scene):
    key = scene.key()
    scene.api_keys.project_of(key)
    scene.revoke(key)
    scene.advance(seconds=30)
    with pytest.raises(NotAuthenticated):
        scene.api_keys.project_of(key)


def test_a_table_that_is_down_is_unavailable_and_not_remembered(scene):
    key = scene.key()
    scene.config.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        scene.api_keys.project_of(key)
    scene.config.outage = None
    assert scene.api_keys.project_of(key) == PROJECT


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
    api_keys = ApiKeys(scene.config, Ticking(), ttl=timedelta(seconds=ttl))
    assert [api_keys.project_of(key) for _ in range(50)] == [PROJECT] * 50


def test_many_threads_ask_at_once(scene):
    keys = [scene.key(f"p-{number}") for number in range(8)]
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait(10)
        return [scene.api_keys.project_of(keys[(number + turn) % 8]) for turn in range(64)]

    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(work, range(8))):
            assert found == [f"p-{(number + turn) % 8}" for turn in range(64)]
