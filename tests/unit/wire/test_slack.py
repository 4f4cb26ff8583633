import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.wire.slack import encode_slack, escape

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=15),
    max_leaves=20,
)  # fmt: skip
LIMITS = {"header": 150, "section": 3000, "field": 2000, "text": 3000}


def message(payload, shaped=None, request_id=None):
    return orjson.loads(encode_slack(payload, shaped, request_id))


def check_limits(found):
    assert 1 <= len(found["blocks"]) <= 50
    assert 1 <= len(found["text"]) <= LIMITS["text"]
    for block in found["blocks"]:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= LIMITS["header"]
        for field in block.get("fields", []):
            assert 1 <= len(field["text"]) <= LIMITS["field"]
        assert len(block.get("fields", [])) <= 10
        if block["type"] == "section" and "text" in block:
            assert 1 <= len(block["text"]["text"]) <= LIMITS["section"]


@given(json_values)
def test_any_json_value_becomes_a_message_within_slacks_limits(payload):
    check_limits(message(payload, request_id="r"))


@given(st.dictionaries(st.sampled_from(["title", "summary", "severity", "name", "x"]), json_values))
def test_odd_values_under_the_well_known_names_do_no_harm(payload):
    check_limits(message(payload))


def test_a_finding_shows_title_severity_summary_fields_and_request_id():
    payload = {
        "title": "Pool exhausted",
        "severity": "critical",
        "summary": "12 connections",
        "service": "payment",
        "causes": ["a", "b"],
    }
    found = message(payload, request_id="r-1")
    header, section, fields, causes, context = found["blocks"]
    assert header["text"]["text"] == "🔴 Pool exhausted"
    assert section["text"]["text"] == "12 connections"
    assert [each["text"] for each in fields["fields"]] == ["*service*\npayment"]
    assert causes["text"]["text"] == "*causes*\n• a\n• b"
    assert context["elements"][0]["text"] == "request `r-1`"
    assert found["text"] == "🔴 Pool exhausted: 12 connections"


@pytest.mark.parametrize("payload", ["text", "", " ", 7, None, ["a", "b"], [""], [], {}, True])
def test_what_is_no_object_is_shown_under_a_plain_headline(payload):
    found = message(payload)
    assert found["text"] == "Agent output"
    check_limits(found)
    assert all(block["text"]["text"].strip() for block in found["blocks"])


def test_what_slack_gives_a_meaning_is_escaped():
    assert escape("<@everyone> & <http://x|y>") == "&lt;@everyone&gt; &amp; &lt;http://x|y&gt;"
    shown = orjson.dumps(message({"summary": "<!channel>", "a<b": "x<y", "l": "<" * 100}, request_id="<r>")["blocks"])
    assert b"<" not in shown


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_long_texts_are_cut_with_a_sign(size):
    found = message({"title": "t" * size, "summary": "s" * size, "long": "l" * size})
    check_limits(found)
    assert found["blocks"][0]["text"]["text"].endswith("…")


def test_more_fields_than_slack_shows_are_left_out():
    check_limits(message({f"name {number}": number for number in range(100)}))


def test_a_template_gives_the_text():
    assert message({"a": 1}, "shaped <b>") == {"text": "shaped <b>"}


def test_a_template_gives_a_whole_message_to_which_text_is_added_when_it_is_missing():
    blocks = [{"type": "divider"}]
    assert message({"title": "T"}, {"blocks": blocks}) == {"text": "T", "blocks": blocks}
    assert message({"title": "T"}, {"text": "own", "blocks": blocks}) == {"text": "own", "blocks": blocks}


def test_any_other_shape_of_a_template_is_shown_like_a_payload():
    assert message({"a": 1}, {"x": "y"})["blocks"][1]["fields"][0]["text"] == "*x*\ny"
