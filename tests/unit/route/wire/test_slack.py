import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.route.wire.slack import encode_slack, escape, explain
from tests.fakes.slack import fault

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=15),
    max_leaves=20,
)  # fmt: skip
NAMES = ["title", "summary", "severity", "name", "x", "groups", "remediation_steps", "root_cause", "count"]
FINDING = {
    "title": "Pool exhausted",
    "severity": "critical",
    "summary": "12 connections are not enough",
    "service": "payment",
    "root_cause": "A connection leaks on time-outs",
    "remediation_steps": ["Close it in finally", "Raise the limit"],
    "groups": [
        {"error_type": "PoolTimeout", "count": 40, "severity": "warning", "services": ["payment", "cart"]},
        {"title": "Refused", "count": 2},
    ],
}


def message(payload, shaped=None, request_id=None):
    body = encode_slack(payload, shaped, request_id)
    assert fault(body) is None, orjson.loads(body)
    return orjson.loads(body)


def shown(found):
    """The texts of all blocks in their order."""
    blocks = found.get("blocks", []) + [block for each in found.get("attachments", []) for block in each["blocks"]]
    texts = []
    for block in blocks:
        inside = [block["text"]] if "text" in block else []
        texts += [each["text"] for each in (*inside, *block.get("fields", []), *block.get("elements", []))]
    return texts


@given(json_values)
def test_any_json_value_becomes_a_message_that_slack_takes(payload):
    assert message(payload, request_id="r")["text"].strip()


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_odd_values_under_the_well_known_names_do_no_harm(payload):
    message(payload)


@given(json_values)
def test_any_value_of_a_template_becomes_a_message(shaped):
    if not (isinstance(shaped, dict) and {"text", "blocks", "attachments"} & set(shaped)):
        message({"title": "T"}, shaped)


def test_a_finding_reads_from_what_happened_to_what_to_do():
    found = message(FINDING, request_id="r-1")
    assert found["text"] == "🔴 Pool exhausted: 12 connections are not enough"
    assert shown(found) == [
        "🔴 Pool exhausted",
        "12 connections are not enough",
        "*service*\npayment",
        "*Root cause*\nA connection leaks on time-outs",
        "*What to do*\n1. Close it in finally\n2. Raise the limit",
        "*🟠 PoolTimeout × 40*\nservices: payment, cart",
        "*Refused × 2*\n",
        "request `r-1`",
        "severity *critical*",
    ]


@pytest.mark.parametrize(
    ("severity", "mark", "colour"),
    [
        ("critical", "🔴", "#d1242f"),
        ("Warning", "🟠", "#e36209"),
        ("informational", "🔵", "#0969da"),
        ("resolved", "🟢", "#1a7f37"),
    ],
)
def test_the_severity_has_a_mark_and_a_colour(severity, mark, colour):
    found = message({"title": "T", "summary": "s", "severity": severity})
    assert found["text"].startswith(f"{mark} T")
    assert [each["color"] for each in found["attachments"]] == [colour]


def test_a_severity_that_nobody_knows_has_no_mark():
    found = message({"title": "T", "summary": "s", "severity": "purple"})
    assert (found["text"], found["attachments"][0]["color"]) == ("T: s", "#6e7781")
    assert "attachments" not in message({"title": "T"})


@pytest.mark.parametrize("payload", ["text", 7, None, ["a", "b"], [], True, "", " "])
def test_what_is_no_object_is_shown_under_a_plain_headline(payload):
    found = message(payload)
    assert found["text"].startswith("Agent output")
    assert shown(found)[0] == "Agent output"


def test_what_slack_gives_a_meaning_is_escaped():
    assert escape("<@everyone> & <http://x|y>") == "&lt;@everyone&gt; &amp; &lt;http://x|y&gt;"
    found = message({"title": "<!here>", "summary": "<!channel>", "a<b": "x<y", "l": "<" * 100}, request_id="<r>")
    for text in (*shown(found)[1:], found["text"]):  # a header is plain text, where nothing has a meaning
        assert "<" not in text


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_long_texts_are_cut_with_a_sign(size):
    found = message({"title": "t" * size, "summary": "s" * size, "long": "l" * size})
    assert all(text.endswith("…") for text in shown(found)[:3])
    assert len(found["text"]) == 4000


@given(st.integers(2900, 3100))
def test_a_cut_leaves_no_half_of_an_escaped_character(size):
    summary = shown(message({"summary": "&" * size}))[1]
    assert summary.replace("&amp;", "") in ("", "…")


def test_what_is_too_long_in_all_ends_with_a_word_about_it():
    steps = ["x" * 2000] * 3
    found = message({f"name {number}": "y" * 1500 for number in range(10)} | {"steps": steps}, request_id="r")
    assert shown(found)[-2:] == ["… the rest was cut: it is too long for Slack", "request `r`"]


def test_of_many_groups_ten_are_shown_and_the_rest_is_counted():
    found = shown(message({"title": "T", "groups": [{"title": f"g{number}"} for number in range(25)]}))
    assert found[-1] == "… and 15 more"
    assert sum(text.startswith("*g") for text in found) == 10


# --- templates ------------------------------------------------------------------------------------------------


def test_a_template_gives_the_text():
    assert message({"a": 1}, "shaped <b>") == {"text": "shaped <b>"}


def test_a_template_gives_blocks_or_a_whole_message_to_which_text_is_added_when_it_is_missing():
    blocks = [{"type": "divider"}]
    assert message({"title": "T"}, blocks) == {"text": "T", "blocks": blocks}
    assert message({"title": "T"}, {"blocks": blocks}) == {"text": "T", "blocks": blocks}
    assert message({"title": "T"}, {"text": "own", "blocks": blocks}) == {"text": "own", "blocks": blocks}
    assert message({"title": "T"}, {"text": " "}) == {"text": "T"}
    assert message({"title": "T"}, "") == message({"title": "T"}, " ") == {"text": "T"}


def test_what_a_template_makes_too_long_is_cut():
    long = "x" * 50_000
    section = {"type": "section", "text": {"type": "mrkdwn", "text": long}}
    fields = {"type": "section", "fields": [{"type": "plain_text", "text": "f"}] * 30}
    header = {"type": "header", "text": {"type": "plain_text", "text": long}}
    found = message({}, {"text": long, "blocks": [section, fields, header]})
    assert len(found["text"]) == 40_000
    assert [len(block.get("fields", [])) for block in found["blocks"]] == [0, 10, 0]
    assert len(message({}, [{"type": "divider"}] * 80)["blocks"]) == 50


def test_blocks_of_a_shape_that_slack_will_refuse_are_left_for_it_to_say_so():
    body = encode_slack({}, {"blocks": [7, {"type": "section", "text": "bare", "fields": [1]}]}, None)
    assert fault(body) == "invalid_blocks"


def test_any_other_shape_of_a_template_is_shown_like_a_payload():
    assert shown(message({"a": 1}, {"x": "y"})) == ["Agent output", "*x*\ny"]


def test_an_error_of_slack_is_explained():
    assert explain("answered 404: no_service").endswith(
        "no_service (this webhook was removed or switched off in Slack: make a new one)"
    )
    assert explain("answered 400: odd") == "answered 400: odd"
