"""Operations that run at once, one step at a time: a test says whose turn it is, and who dies instead of going on.

A step is a call of a port. Each operation has a thread of its own, which waits before every such call:

    turns = Turns()
    needs = turns.stepped(make_needs())
    first, second = turns.start(lambda: save(needs)), turns.start(lambda: delete(needs))
    turns.go(second); turns.kill(first)
    turns.finish()
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from threading import Semaphore, Thread, local
from typing import Any

from tests.functions.management import Needs

PATIENCE_SECONDS = 30
_STEPPED = ("config", "telemetry", "wiring")


class Killed(BaseException):
    """What happens to a process that is stopped from outside: nobody catches it."""


@dataclass(eq=False)
class Actor:
    work: Callable[[], Any]
    result: Any = None
    error: BaseException | None = None
    ended: bool = False
    killed: bool = False
    turn: Semaphore = field(default_factory=lambda: Semaphore(0))
    back: Semaphore = field(default_factory=lambda: Semaphore(0))

    @property
    def succeeded(self) -> bool:
        return self.ended and self.error is None


class Turns:
    def __init__(self) -> None:
        self._current = local()
        self.actors: list[Actor] = []
        """All that were ever started."""

    def stepped(self, needs: Needs) -> Needs:
        """The same needs, which wait for their turn when an operation of ours uses them."""
        named = {each.name: getattr(needs, each.name) for each in fields(needs)}
        return replace(needs, **{name: _Stepped(named[name], self) for name in _STEPPED})

    def start(self, work: Callable[[], Any]) -> Actor:
        """Let an operation run up to its first step."""
        actor = Actor(work)
        self.actors.append(actor)
        Thread(target=self._live, args=(actor,), daemon=True).start()
        self._await(actor)
        return actor

    @property
    def waiting(self) -> list[Actor]:
        return [actor for actor in self.actors if not actor.ended]

    def go(self, actor: Actor) -> None:
        """One step."""
        actor.turn.release()
        self._await(actor)

    def kill(self, actor: Actor) -> None:
        """No step ever again."""
        actor.killed = True
        self.go(actor)

    def finish(self) -> None:
        """Everybody to the end."""
        while self.waiting:
            self.go(self.waiting[0])

    def step(self) -> None:
        """Called before each call of a port."""
        actor: Actor | None = getattr(self._current, "actor", None)
        if actor is None:
            return
        actor.back.release()
        if not actor.turn.acquire(timeout=PATIENCE_SECONDS) or actor.killed:
            raise Killed

    def _live(self, actor: Actor) -> None:
        self._current.actor = actor
        try:
            actor.result = actor.work()
        except BaseException as error:  # noqa: BLE001 - it is the test's to judge
            actor.error = error
        actor.ended = True
        actor.back.release()

    def _await(self, actor: Actor) -> None:
        assert actor.back.acquire(timeout=PATIENCE_SECONDS), "an operation does not come to its next step"


class _Stepped:
    def __init__(self, port: Any, turns: Turns) -> None:
        self._port, self._turns = port, turns

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._turns.step()
            return method(*arguments, **named)

        return call
