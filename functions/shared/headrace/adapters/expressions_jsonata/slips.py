"""Slips from expr-lang and its like, answered with the JSONata spelling.

Only what JSONata can never mean is a slip: an expression that is valid and sensible JSONata passes. Some slips
parse, and would be found out on the first record (`len(x)`) or never (`attributes["error.type"]`), which is worse.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from headrace.adapters.expressions_jsonata.lexer import Token
from headrace.adapters.expressions_jsonata.spellings import CALLS, CONSTANTS, FUNCTIONS, INFIX_WORDS, OPERATORS


class Slip(NamedTuple):
    """What is written at `position`, and what JSONata would have there."""

    position: int
    written: str
    hint: str


def find_slip(tokens: list[Token]) -> Slip | None:
    """The first slip of an expression, None if there is none."""
    code = [token for token in tokens if token.kind != "comment"]
    found = (slip for index in range(len(code)) for rule in _RULES if (slip := rule(_Place(code, index))))
    return next(found, None)


class _Place:
    """One token with its neighbours; those beyond either end are empty tokens."""

    def __init__(self, code: list[Token], index: int) -> None:
        self._code = code
        self._index = index

    def at(self, offset: int) -> Token:
        index = self._index + offset
        return self._code[index] if 0 <= index < len(self._code) else Token("unknown", "", -1)

    @property
    def token(self) -> Token:
        return self.at(0)

    @property
    def in_infix_place(self) -> bool:
        return self.at(-1).ends_operand and self.at(-1).text != ""

    def glued(self, count: int) -> str:
        """`count` tokens from here as one word, "" if there is space between them."""
        tokens = [self.at(offset) for offset in range(count)]
        joined = all(left.end == right.start for left, right in pairwise(tokens))
        return "".join(token.text for token in tokens) if joined else ""

    def slip(self, written: str, hint: str, offset: int = 0) -> Slip:
        return Slip(self.at(offset).start, written, hint)

    def everywhere(self) -> Iterator[tuple[Token, Token]]:
        return zip(self._code, [*self._code[1:], Token("unknown", "", -1)], strict=True)


def _operator(place: _Place) -> Slip | None:
    for count in (3, 2):
        written = place.glued(count)
        if all(place.at(offset).kind == "operator" for offset in range(count)) and written in OPERATORS:
            return place.slip(written, OPERATORS[written])
    if place.token.text == "!" and place.token.kind == "operator":
        return place.slip("!", "$not(…) negates: $not(a)")
    return None


def _comment(place: _Place) -> Slip | None:
    glued = place.token.text == "/" and place.at(1).start == place.token.end and place.at(1).text.startswith("/")
    if glued or (place.token.kind == "regex" and place.token.text.startswith("//")):
        return place.slip("//", "/* … */ is a comment")
    return None


def _power(place: _Place) -> Slip | None:
    text = place.token.text
    if place.token.kind != "operator" or not place.in_infix_place or place.at(-1).text == ".":
        return None
    if text == "**" or (text == "^" and place.at(1).text != "("):
        return place.slip(text, "$power(a, b)")
    return None


def _infix_word(place: _Place) -> Slip | None:
    text = place.token.text
    if place.token.kind != "name" or not place.in_infix_place:
        return None
    if text in INFIX_WORDS:
        written = "not in" if text == "not" and place.at(1).text == "in" else text
        return place.slip(written, INFIX_WORDS[text])
    if text.lower() in {"and", "or", "in"}:
        return place.slip(text, f"operators are lower-case: {text.lower()}")
    if place.at(-1).text in {"let", "var", "const"}:
        return place.slip(place.at(-1).text, "( $x := …; … ) binds a variable", -1)
    return None


def _bare_call(place: _Place) -> Slip | None:
    name = place.token.text
    if place.token.kind != "name" or place.at(1).text != "(" or name in {"function", "λ"}:
        return None
    if place.at(-1).text == "." and place.at(-2).ends_operand:
        hint = f"functions come first: ${name}(a, …)" if name in FUNCTIONS else _call_hint(name)
        return place.slip(f".{name}(", hint, -1)
    return place.slip(f"{name}(", _call_hint(name))


def _unknown_function(place: _Place) -> Slip | None:
    text, name = place.token.text, place.token.text[1:]
    if place.token.kind != "variable" or place.at(1).text != "(" or name in FUNCTIONS or name in {"", "$"}:
        return None
    if any(token.text == text and after.text != "(" for token, after in place.everywhere()):
        return None  # bound somewhere, or a parameter
    return place.slip(f"{text}(", _call_hint(name))


def _call_hint(name: str) -> str:
    if name in CALLS:
        return CALLS[name]
    close = [name] if name in FUNCTIONS else get_close_matches(name, FUNCTIONS, n=1, cutoff=0.75)
    return f"${close[0]}(…)" if close else "functions begin with $: see https://docs.jsonata.org"


def _eval(place: _Place) -> Slip | None:
    if place.token.text == "$eval" and place.token.kind == "variable":
        return place.slip("$eval", "write the expression out: $eval is not offered")
    return None


def _negated(place: _Place) -> Slip | None:
    after = place.at(1)
    if place.token.text != "not" or place.token.kind != "name" or place.in_infix_place:
        return None
    if place.at(-1).text != "." and after.kind in {"name", "quoted", "variable", "string", "number"}:
        return place.slip("not", "$not(a)")
    return None


def _joined_text(place: _Place) -> Slip | None:
    if place.token.text != "+" or place.token.kind != "operator" or not place.in_infix_place:
        return None
    left = place.at(-1).kind == "string" and place.at(-2).text != "."
    right = place.at(1).kind == "string" and place.at(2).text != "."
    return place.slip("+", "& joins texts: a & b") if left or right else None


def _indexed(place: _Place) -> Slip | None:
    key = place.at(1)
    if place.token.text != "[" or key.kind != "string" or place.at(2).text != "]" or not place.in_infix_place:
        return None
    return place.slip(f"[{key.text}]", f"backquotes name a field: {place.at(-1).text}.`{key.text[1:-1]}`")


_COMPARE = {"=", "!=", "<", ">", "<=", ">="}


def _constant(place: _Place) -> Slip | None:
    hint = CONSTANTS.get(place.token.text)
    if hint is None or place.token.kind != "name" or place.at(1).text == ".":
        return None
    if place.at(-1).text in _COMPARE or (place.at(1).text in _COMPARE and place.at(-1).text != "."):
        return place.slip(place.token.text, f"{hint} (a field of that name: `{place.token.text}`)")
    return None


def _bare_range(place: _Place) -> Slip | None:
    if place.token.kind == "word" and place.at(1).kind == "number" and place.at(2).text == "..":
        return place.slip(f"{place.at(1).text}..", "a range stands in brackets: a in [1..3]", 1)
    return None


_RULES: tuple[Callable[[_Place], Slip | None], ...] = (
    _operator,
    _comment,
    _power,
    _infix_word,
    _negated,
    _bare_call,
    _eval,
    _unknown_function,
    _joined_text,
    _indexed,
    _constant,
    _bare_range,
)
