"""Tells about dead letters now and then: nobody may be there when the engine makes them."""

from headrace import events
from headrace.observability import warn
from headrace.upkeep.operations.needs import UpkeepNeeds


def watch_dead_letters(needs: UpkeepNeeds) -> int:
    """Report the queues that hold dead letters, as one event `dead_letters_waiting`; return how many there are.

    Raises:
        Unavailable: the engine is down.
    """
    counts = {each.queue: needs.bus.stats(each.queue).dead_letters for each in needs.wiring.subscriptions()}
    waiting = {queue: count for queue, count in counts.items() if count}
    if waiting:
        warn(events.DeadLettersWaiting(count=sum(waiting.values()), queues=waiting))
    return sum(waiting.values())
