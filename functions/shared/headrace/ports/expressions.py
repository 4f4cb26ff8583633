"""JSONata, whichever engine evaluates it and wherever that engine runs."""

from collections.abc import Sequence
from typing import Any, Protocol

from headrace.ports.program import Outcome, Program


class Expressions(Protocol):
    """Compiles and evaluates expressions of strangers without letting them hang, fill memory or look around.

    An implementation compiles an expression once and keeps it; it may be used from many threads at once.
    """

    def check(self, expression: str) -> None:
        """Say whether `expression` can be compiled.

        Raises:
            InvalidExpression: with the position and, for a slip from another language, the JSONata spelling.
        """
        ...

    def reads(self, expression: str) -> tuple[tuple[str, ...], ...] | None:
        """The paths that `expression` reads, from the root of a record; None when it may read or do anything.

        With paths it is pure: it gives the same for any two records that have the same under all of them.
        """
        ...

    def run(self, program: Program, records: Sequence[Any]) -> list[Outcome]:
        """One Outcome for each record (any JSON value), in order.

        A record on which an expression fails, or uses more than its share of time or memory, is an Outcome
        with `error`; its neighbours and all other programs are unaffected. One record costs at most 250 ms
        of processor time and 256 MB.

        Raises:
            Unavailable: no evaluator could be started; nothing has been decided about any record.
        """
        ...
