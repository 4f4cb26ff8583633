"""Which expressions may run inside this process: those whose time and memory are linear in what they read.

A token-level allow-list. Whatever order an engine gives to tokens that pass it, they can build nothing but
literals, dotted paths, comparisons, arithmetic, `&`, `and`, `or`, `? :`, `in`, and calls of functions that read
their input a bounded number of times and write at most a multiple of it. Nothing that binds, repeats, filters,
recurses or compiles a pattern passes; no parenthesis follows a dot, so every path starts at the record.

What is linear is still unbounded when a record is large or is named often (`body & body & …`, or transforms that
double each other's output). So an allowed expression also says how many bytes it reads from a given record, and the
caller runs it here only below a limit. jsonatapy converts lazily: what a path does not reach costs nothing.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import orjson

from headrace.adapters.expressions_jsonata.lexer import Token, lex
from headrace.adapters.expressions_jsonata.limits import EXPRESSION_BYTES

TOUCHED_BYTES = 1024 * 1024
"""What one expression may read here: about 20 ms at the 12 ns a byte that `$string($)` takes, and 40 MB."""

_TOKENS = 400  # a chain of 200 operators nests 200 deep in the engine, which stands 1000
_NESTING = 32

# Each with the least and the most arguments. Left out with care: $string(x, true), whose indentation is quadratic
# in the depth; anything with no argument, which reads the whole record unseen; $join, $replace, $pad, $split,
# $formatNumber and the like, whose output is not linear; $match and patterns; all that takes a function.
_FUNCTIONS = {
    **dict.fromkeys(("$exists", "$not", "$boolean", "$type", "$string", "$number", "$length"), (1, 1)),
    **dict.fromkeys(("$lowercase", "$uppercase", "$trim"), (1, 1)),
    **dict.fromkeys(("$contains", "$substringBefore", "$substringAfter"), (2, 2)),
    "$substring": (2, 3),
    **dict.fromkeys(("$count", "$sum", "$max", "$min", "$average"), (1, 1)),
    **dict.fromkeys(("$abs", "$floor", "$ceil", "$round"), (1, 1)),
}
_INFIX = {"=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&", "??", "?:"}
_LITERAL_NAMES = {"true", "false", "null"}
_SCALARS = {bool, int, float, type(None)}

Path = tuple[str, ...]
UNRESOLVED: Any = object()


class Tame(NamedTuple):
    """What an allowed expression reads: `paths`, one for each mention. `path` when it is a path and nothing else."""

    paths: tuple[Path, ...]
    path: Path | None
    touched_bytes: Callable[[Any], int]
    """How much of a value the expression reads, as JSON. A path that meets an array reads all of that array.

    Raises:
        TypeError: it meets something that is not JSON.
    """


def _meter(paths: Sequence[Path]) -> Callable[[Any], int]:
    """`Tame.touched_bytes`. Most filters mention one property of the record: theirs costs half as much."""

    def touched_by_all(value: Any) -> int:
        total = 0
        for path in paths:
            reached = value
            for name in path:
                if type(reached) is not dict:
                    break
                reached = reached.get(name)
            total += _json_bytes(reached)
        return total

    if len(paths) != 1 or len(paths[0]) != 1:
        return touched_by_all
    ((property_name,),) = paths

    def touched_by_one(value: Any) -> int:
        reached = value.get(property_name) if type(value) is dict else value
        return 0 if type(reached) in _SCALARS else _json_bytes(reached)

    return touched_by_one


def _json_bytes(value: Any) -> int:
    kind = type(value)
    if kind is str:
        return len(value)
    return 0 if kind in _SCALARS else len(orjson.dumps(value))


@lru_cache(maxsize=1024)
def analyse(expression: str) -> Tame | None:
    """What `expression` reads if it is allowed, None if it is not. It need not compile."""
    if len(expression) > EXPRESSION_BYTES:
        return None
    tokens = list(islice(lex(expression), _TOKENS + 1))
    reader = _Reader()
    if not tokens or len(tokens) > _TOKENS or not all(map(reader.accepts, tokens)) or not reader.complete:
        return None
    paths = tuple(map(tuple, reader.paths))
    is_path = len(paths) == 1 and all(token.kind in _STEPS or token.text in {".", "$"} for token in tokens)
    return Tame(paths, paths[0] if is_path and paths[0] else None, _meter(paths))


def resolve(path: Path, value: Any) -> Any:
    """What a plain path gives: the very value, so that 64-bit integers stay exact where an engine has doubles only.

    UNRESOLVED when an array is on the way, over which an engine has to map.
    """
    for name in path:
        if type(value) is not dict:
            return UNRESOLVED if isinstance(value, list) else None
        value = value.get(name)
    return value


_STEPS = {"name", "quoted", "string"}


class _Reader:
    """Walks the tokens of one expression, expecting an operand, an operator, or a step after a dot."""

    def __init__(self) -> None:
        self.paths: list[list[str]] = []
        self._open: list[_Bracket] = [_Bracket(0, 0)]
        self._expects = self._operand
        self._path: list[str] | None = None  # the one that a dot would make longer
        self._before: Token | None = None
        self._called: tuple[int, int] | None = None

    @property
    def complete(self) -> bool:
        """Whether the expression may end here."""
        return self._expects == self._operator and len(self._open) == 1 and not self._open[0].conditions

    def accepts(self, token: Token) -> bool:
        """Take the next token; False when it is not allowed there."""
        accepted = self._expects(token)
        self._before = token
        return accepted

    def _operand(self, token: Token) -> bool:
        if token.kind == "operator":
            return token.text == "-" or (token.text == "(" and self._enter(_Bracket(0, 0)))
        if token.kind == "variable" and token.text != "$":
            self._called = _FUNCTIONS.get(token.text)
            self._expects = self._call
            return self._called is not None
        self._path = None
        if token.kind in {"name", "quoted"} and token.text not in _LITERAL_NAMES:
            self._begin([_name(token)])
        elif token.kind == "variable":
            self._begin([])
        self._expects = self._operator
        return token.kind in {"name", "quoted", "string", "number", "variable"}

    def _call(self, token: Token) -> bool:
        return self._called is not None and token.text == "(" and self._enter(_Bracket(*self._called))

    def _operator(self, token: Token) -> bool:
        if token.text == ".":
            return self._dot()
        if token.text == ")":
            return self._leave()
        if token.text == "?":
            self._open[-1].conditions += 1
        elif token.text == ":":
            self._open[-1].conditions -= 1
        elif token.text == ",":
            self._open[-1].arguments += 1
        elif token.kind != "word" and (token.kind != "operator" or token.text not in _INFIX):
            return False
        self._expects = self._operand_or_array if token.text == "in" else self._operand
        return self._open[-1].fits

    def _operand_or_array(self, token: Token) -> bool:
        if token.text != "[":
            return self._operand(token)
        self._expects = self._item
        return True

    def _item(self, token: Token) -> bool:
        if token.text == "-" and self._before is not None and self._before.text != "-":
            return True
        self._expects = self._after_item
        return token.kind in {"string", "number"} or token.text in _LITERAL_NAMES

    def _after_item(self, token: Token) -> bool:
        self._expects = self._item if token.text == "," else self._operator
        self._path = None
        return token.kind == "operator" and token.text in {",", "]"}

    def _dot(self) -> bool:
        before = self._before
        if before is not None and before.kind == "string" and self._path is None:
            self._begin([_name(before)])  # "a".b is a path whose first step is quoted
        self._expects = self._step
        return self._path is not None and before is not None and "\\" not in before.text

    def _step(self, token: Token) -> bool:
        if self._path is not None:
            self._path.append(_name(token))
        self._expects = self._operator
        return token.kind in _STEPS and "\\" not in token.text

    def _begin(self, path: list[str]) -> None:
        self._path = path
        self.paths.append(path)

    def _enter(self, bracket: "_Bracket") -> bool:
        self._open.append(bracket)
        self._expects = self._operand
        return len(self._open) <= _NESTING

    def _leave(self) -> bool:
        left = self._open.pop()
        self._path = []  # steps into what was computed: nothing more of the record is read
        return bool(self._open) and not left.conditions and left.arguments >= left.least


class _Bracket:
    """An open parenthesis: how many arguments it takes (none at all for one that only groups) and has so far."""

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = max(most, 1)
        self.arguments = 1
        self.conditions = 0  # each `?` still waits for its `:`

    @property
    def fits(self) -> bool:
        return self.arguments <= self.most and self.conditions >= 0


def _name(token: Token) -> str:
    return token.text if token.kind == "name" else token.text[1:-1]
