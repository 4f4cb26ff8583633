"""JSONata's tokens (https://docs.jsonata.org), for the questions that no engine answers: is it tame, is it a slip?

It reads any text whatever, in linear time, and never fails: what it does not know becomes an `unknown` token.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["name", "quoted", "variable", "string", "number", "word", "operator", "regex", "comment", "unknown"]


class Token(NamedTuple):
    """`text` as written, quotes included, at `start` (characters from 0). A `word` is an infix and, or, in."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the next character is."""
        return self.start + len(self.text)

    @property
    def ends_operand(self) -> bool:
        """Whether an infix operator may follow, so that `/` divides and `and` is no field."""
        return self.kind in _OPERAND_KINDS or (self.kind == "operator" and self.text in {")", "]", "}"})


_OPERAND_KINDS = {"name", "quoted", "variable", "string", "number", "regex"}
_WORDS = {"and", "or", "in"}
_SPACE = re.compile(r"[ \t\n\r\v]+")
_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/)
      | (?P<string>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
      | (?P<quoted>`[^`]*`)
      | (?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)
      | (?P<variable>\$(?:\$|[A-Za-z0-9_]*))
      | (?P<name>[^\W\d]\w*)
      | (?P<operator>\.\.|:=|!=|<=|>=|~>|\*\*|\?\?|\?:|[][.{}(),@\#;:?+*/%|=<>^&!~-])
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX_FLAGS = re.compile(r"[a-z]*")


def lex(expression: str) -> Iterator[Token]:
    """All tokens of `expression` but white space. An unterminated string or comment is one `unknown` to the end."""
    before: Token | None = None
    position = 0
    while position < len(expression):
        if space := _SPACE.match(expression, position):
            position = space.end()
            continue
        token = _token_at(expression, position, after_operand=before is not None and before.ends_operand)
        yield token
        position = token.end
        if token.kind != "comment":
            before = token


def _token_at(expression: str, position: int, *, after_operand: bool) -> Token:
    if not after_operand and expression[position] == "/" and not expression.startswith("/*", position):
        return _regex(expression, position)
    found = _TOKEN.match(expression, position)
    if found is None:
        return _unknown(expression, position)
    kind, text = found.lastgroup, found.group()
    if kind == "name" and after_operand and text in _WORDS:
        kind = "word"
    if text == "/" and expression.startswith("/*", position):
        return Token("unknown", expression[position:], position)
    return Token(kind, text, position)  # type: ignore[arg-type]  # the groups are named after the kinds


def _regex(expression: str, start: int) -> Token:
    """A slash inside brackets does not end a pattern, as in the reference implementation."""
    depth, position = 0, start + 1
    while position < len(expression):
        character = expression[position]
        if character == "/" and depth == 0:
            end = _REGEX_FLAGS.match(expression, position + 1).end()  # type: ignore[union-attr]  # matches nothing
            return Token("regex", expression[start:end], start)
        depth += (character in "([{") - (character in ")]}")
        position += 2 if character == "\\" else 1
    return Token("unknown", expression[start:], start)


def _unknown(expression: str, position: int) -> Token:
    rest = expression[position:]
    return Token("unknown", rest if rest[0] in "\"'`" else rest[0], position)
