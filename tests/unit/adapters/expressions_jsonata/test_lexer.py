import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.adapters.expressions_jsonata.lexer import lex


def kinds(expression: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in lex(expression)]


@pytest.mark.parametrize(
    ("expression", "tokens"),
    [
        ("a / b / c", [("name", "a"), ("operator", "/"), ("name", "b"), ("operator", "/"), ("name", "c")]),
        ("$f(/a b/i)", [("variable", "$f"), ("operator", "("), ("regex", "/a b/i"), ("operator", ")")]),
        ("/[/]x/", [("regex", "/[/]x/")]),
        (r"/\//", [("regex", r"/\//")]),
        ("/(/", [("unknown", "/(/")]),
        ("in in in", [("name", "in"), ("word", "in"), ("name", "in")]),
        ("'it\\'s'", [("string", "'it\\'s'")]),
        ("'open", [("unknown", "'open")]),
        ("/* a */b", [("comment", "/* a */"), ("name", "b")]),
        ("/* a", [("unknown", "/* a")]),
        ("a /* b", [("name", "a"), ("unknown", "/* b")]),
        ("1.5e-3.x", [("number", "1.5e-3"), ("operator", "."), ("name", "x")]),
        ("[1..3]", [("operator", "["), ("number", "1"), ("operator", ".."), ("number", "3"), ("operator", "]")]),
        ("$$.$.$x", [("variable", "$$"), ("operator", "."), ("variable", "$"), ("operator", "."), ("variable", "$x")]),
        ("`a b`", [("quoted", "`a b`")]),
        ("élan", [("name", "élan")]),
        ("a\x00", [("name", "a"), ("unknown", "\x00")]),
    ],
)
def test_text_becomes_the_tokens_jsonata_sees(expression: str, tokens: list[tuple[str, str]]) -> None:
    assert kinds(expression) == tokens


@given(st.text(alphabet=st.characters() | st.sampled_from("\"'`/\\*([{$.?:&|=!")))
def test_any_text_is_read_to_its_end_without_overlap(text: str) -> None:
    end = 0
    for token in lex(text):
        assert token.text
        assert token.start >= end
        assert text[end : token.start].strip(" \t\n\r\v") == ""
        assert text[token.start : token.end] == token.text
        end = token.end
    assert text[end:].strip(" \t\n\r\v") == ""
