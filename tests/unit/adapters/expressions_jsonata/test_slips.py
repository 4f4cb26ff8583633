import pytest

from headrace.adapters.expressions_jsonata.lexer import lex
from headrace.adapters.expressions_jsonata.slips import find_slip

SLIPS = [
    ('severityText == "ERROR"', 13, "==", "="),
    ("a === b", 2, "===", "="),
    ("a !== b", 2, "!==", "!="),
    ("a <> b", 2, "<>", "!="),
    ("a && b", 2, "&&", "and"),
    ("a || b", 2, "||", "or"),
    ("a =~ /x/", 2, "=~", "$contains"),
    ("!a", 0, "!", "$not"),
    ("a = 1 and !(b)", 10, "!", "$not"),
    ("not a", 0, "not", "$not"),
    ("a and not b", 6, "not", "$not"),
    ("not(a)", 0, "not(", "$not"),
    ("a not in [1]", 2, "not in", "$not(a in b)"),
    ('body contains "x"', 5, "contains", "$contains"),
    ('body matches "^x"', 5, "matches", "$contains"),
    ('body startsWith "x"', 5, "startsWith", "$substring"),
    ('body endsWith "x"', 5, "endsWith", "$contains"),
    ("a AND b", 2, "AND", "and"),
    ("a Or b", 2, "Or", "or"),
    ("len(body) > 3", 0, "len(", "$length"),
    ('startsWith(body, "x")', 0, "startsWith(", "$contains"),
    ("lower(body)", 0, "lower(", "$lowercase"),
    ("uppercase(body)", 0, "uppercase(", "$uppercase"),
    ('body.contains("x")', 4, ".contains(", "$contains"),
    ("a.b.size()", 3, ".size(", "$count"),
    ("any(tags, # > 1)", 0, "any(", "$count"),
    ("$len(body)", 0, "$len(", "$length"),
    ("$uppercas(body)", 0, "$uppercas(", "$uppercase"),
    ("$frobnicate(body)", 0, "$frobnicate(", "docs.jsonata.org"),
    ("$eval('1')", 0, "$eval", "not offered"),
    ("$map(x, $eval)", 8, "$eval", "not offered"),
    ('"a" + body', 4, "+", "&"),
    ('body + "a"', 5, "+", "&"),
    ('attributes["error.type"]', 10, '["error.type"]', "attributes.`error.type`"),
    ('attributes["error.type"] = "x"', 10, '["error.type"]', "`error.type`"),
    ("a != nil", 5, "nil", "null"),
    ("None = a", 0, "None", "null"),
    ("a = True", 4, "True", "true"),
    ("a?.b", 1, "?.", "."),
    ("a ** 2", 2, "**", "$power"),
    ("a ^ 2", 2, "^", "$power"),
    ("a in 1..3", 5, "1..", "[1..3]"),
    ("let x = 1", 0, "let", "$x :="),
    ("a = 1 // why", 6, "//", "/*"),
]

JSONATA = [
    "a = b",
    "a != b",
    "$not(a)",
    'a in ["x", "y"]',
    "a and b or c in d",
    "and and or",
    "$contains(a, /==|&&|!|\\|\\|/)",
    "$contains(a, /[/==]/)",
    '"a == b && !c"',
    "`a == b`",
    "/* a == b */ a",
    "a.**.b",
    "**",
    "a^(b)",
    "a^(>b, <c)",
    "a[b]['x' = c]",
    "a[0]",
    "a['x' & b]",
    "['x']",
    "a in ['x']",
    '{"x": 1}["x" = "x"]',
    "function($not) { $not }",
    "(λ($x) { $x })(1)",
    "($f := function($a) { $a }; $f(1))",
    "($fn := $sum; $fn([1]))",
    "function($f) { $f(1) }",
    "$map(a, function($v, $i) { $i })",
    "a ~> |b|{'c': 1}, 'd'|",
    "a ~> |b|{'c': 1}| ~> |d|{}|",
    "a ?: b ?? c",
    "a ? b : c",
    "a ? -1 : 1",
    "'a'.b + 'c'.d",
    "a.'b' + 1",
    "nil",
    "a.nil = 1",
    "`nil` = a",
    "contains",
    "a.contains",
    "$.not",
    "[1..3]",
    "a in [1..3]",
    "a@$b#$c.d",
    "a.%.b",
    "$now() & $millis() & $random()",
    "$formatInteger(1, 'w')",
    "a\n/ b\n/ c",
]


@pytest.mark.parametrize(("expression", "position", "written", "hint"), SLIPS)
def test_slip_is_found_and_answered_with_the_jsonata_spelling(
    expression: str, position: int, written: str, hint: str
) -> None:
    slip = find_slip(list(lex(expression)))
    assert slip is not None
    assert (slip.position, slip.written) == (position, written)
    assert hint in slip.hint


@pytest.mark.parametrize("expression", JSONATA)
def test_jsonata_is_no_slip(expression: str) -> None:
    assert find_slip(list(lex(expression))) is None


def test_expressions_of_the_differential_corpus_that_run_are_no_slips() -> None:
    from tests.contract.test_expressions_differential import EXPRESSIONS

    broken = {
        "unknownFunction(1)",
        "$unknown(1)",
        "body +",
        "(body",
        "attributes[",
        '"unterminated',
    }
    slips = {each: find_slip(list(lex(each))) for each in EXPRESSIONS if each not in broken}
    assert {each: slip for each, slip in slips.items() if slip} == {}
