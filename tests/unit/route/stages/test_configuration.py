import pytest

from headrace.errors import Conflict, Unavailable
from headrace.route.domain.pipeline import Pipeline
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
