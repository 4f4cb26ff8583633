"""Any text survives a queue that refuses some characters, and what it would take anyway is not changed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ports.queue_text import decode_text, encode_mark, encode_text

TAKEN = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\ue000\uffff\ufffe\x00\x01\x1f"\\'))


@given(texts)
def test_any_text_becomes_one_that_sqs_takes_and_comes_back(text):
    assert TAKEN.fullmatch(encode_text(text))
    assert decode_text(encode_text(text)) == text


@given(texts)
def test_engines_that_take_any_text_give_it_back_unchanged(text):
    assert decode_text(encode_mark(text)) == text


@pytest.mark.parametrize("text", ['[{"body": "naïve ✓ 🜁\\u0000"}]', "H4sIAAAA+/=", "line\nline\t", "\x7f"])
def test_ordinary_text_is_not_changed(text):
    assert encode_text(text) == encode_mark(text) == text


@pytest.mark.parametrize("text", ["\ue000half a \\", '\ue000"', "\ue000\\q"])
def test_a_mark_that_somebody_else_made_is_left_alone(text):
    assert decode_text(text) == text
