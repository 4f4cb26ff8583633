import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.teams.domain.keys import SHOWN_CHARACTERS, hash_key, new_key, well_formed

ALPHABET = string.digits + string.ascii_letters
POSITIONS = st.integers(3, 40)


def test_a_new_key_is_well_formed_and_in_the_documented_shape():
    key = new_key()
    assert well_formed(key)
    assert key.startswith("hr_")
    assert len(key) == 41
    assert set(key[3:]) <= set(ALPHABET)


def test_keys_are_never_the_same():
    assert len({new_key() for _ in range(500)}) == 500


def test_secrets_use_the_whole_alphabet():
    assert {letter for _ in range(200) for letter in new_key()[3:35]} == set(ALPHABET)


@given(POSITIONS, st.sampled_from(ALPHABET))
def test_a_key_with_one_wrong_character_is_not_well_formed(position, letter):
    key = new_key()
    wrong = key[:position] + letter + key[position + 1 :]
    assert well_formed(wrong) == (wrong == key)


@given(st.integers(3, 39))
def test_a_key_with_two_neighbours_swapped_is_not_well_formed(position):
    key = new_key()
    swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    assert well_formed(swapped) == (swapped == key)


@given(st.text(max_size=60))
def test_made_up_text_is_not_well_formed(text):
    assert not well_formed(text)
    assert not well_formed("hr_" + text)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[1:],
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: " " + key,
        lambda key: key + "\n",
        lambda key: key.replace("hr_", "HR_"),
        lambda key: key.replace("hr_", "hr_hr_"),
        lambda key: key.swapcase(),
        lambda key: "",
    ],
)
def test_a_spoilt_key_is_not_well_formed(spoil):
    assert not well_formed(spoil(new_key()))


def test_only_the_hash_can_be_stored_and_it_does_not_show_the_key():
    key = new_key()
    assert hash_key(key) == hash_key(key) != hash_key(new_key())
    assert len(hash_key(key)) == 64
    assert key[3:] not in hash_key(key)


def test_what_may_be_shown_leaves_the_secret_unguessable():
    assert len("hr_123456") == SHOWN_CHARACTERS
