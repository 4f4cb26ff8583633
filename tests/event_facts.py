"""The facts that an event must and may hold, read from its class: mypy checks the code, this what was told."""

from inspect import get_annotations

from headrace import events
from headrace.events import ENVELOPE, Event, Told

EVENTS: dict[str, type[Event]] = {
    kind.NAME: kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}
"""By the names under which they are told."""


def misfits(told: Told) -> list[str]:
    """What is wrong with an event. One that is not ours, as a test's own program may tell it, is let be."""
    kind = EVENTS.get(told["event"])
    if kind is None:
        return []
    facts, declared = told.keys() - set(ENVELOPE), get_annotations(kind).keys()
    wrong = [f"{told['event']} has a fact {name}, which {kind.__name__} lacks" for name in facts - declared]
    lacking = [name for name in declared - facts if name not in vars(kind)]
    return wrong + [f"{told['event']} lacks its fact {name}" for name in lacking]
