"""An agent or webhook at an address inside is told to its owner at once, and is not tried again."""

from collections.abc import Iterator

import pytest

from headrace.route.domain.delivery import AGENT_LADDER, SINK_LADDER
from tests.unit.adapters.outbound_urllib3.offline import PUBLIC, Offline
from tests.unit.scene import OUTPUT, RAW, Scene

WHY = "a private address, and neither HEADRACE_OUTBOUND_ALLOW_PRIVATE nor HEADRACE_OUTBOUND_ALLOW allows it"


@pytest.fixture
def inside() -> Iterator[Offline]:
    """Name servers that say that everybody is at 10.0.0.5."""
    with Offline(["10.0.0.5"]) as made:
        yield made


@pytest.fixture
def scene(inside: Offline) -> Scene:
    made = Scene()
    made.outbound = inside.outbound  # type: ignore[assignment]
    return made


def test_an_output_for_a_sink_inside_is_a_dead_letter_that_says_why(scene, inside):
    scene.sink("s-1", name="on-call")
    scene.say({"title": "x"})
    assert scene.deliver() == []
    (reason,) = scene.dead(OUTPUT)
    assert reason.startswith(f"sink on-call leads inside: s-1.example is at 10.0.0.5, {WHY}")
    scene.advance(seconds=sum(step.total_seconds() for step in SINK_LADDER))
    scene.deliver()
    assert inside.asked == ["s-1.example"]


def test_a_batch_for_an_agent_inside_is_a_dead_letter_that_says_why(scene, inside):
    scene.pipeline(batch_size=10)
    scene.arrive([{"n": 1}])
    assert scene.process() == []
    (reason,) = scene.dead(RAW)
    assert reason.startswith(f"the agent leads inside: agent.example is at 10.0.0.5, {WHY}")
    assert WHY in scene.counters["agent_last_error"]
    scene.advance(seconds=sum(step.total_seconds() for step in AGENT_LADDER))
    scene.process()
    assert inside.asked == ["agent.example"]


def test_a_sink_inside_does_not_keep_another_from_its_output(scene):
    made = Offline(elsewhere={"s-1.example": "10.0.0.5"})
    scene.outbound = made.outbound
    scene.sink("s-1")
    scene.sink("s-2")
    scene.say({"title": "x"})
    scene.deliver()
    assert made.tried == [PUBLIC]
    assert len(scene.dead(OUTPUT)) == 1
