from datetime import timedelta

import pytest

from headrace import errors


def test_errors_carry_their_facts():
    assert errors.InvalidInput("wrong", field="a.b").field == "a.b"
    found = errors.InvalidExpression("wrong", field="filter", position=3, hint="use `and`")
    assert (found.field, found.position, found.hint) == ("filter", 3, "use `and`")
    assert errors.Unavailable("down", retry_after=timedelta(seconds=9)).retry_after == timedelta(seconds=9)


@pytest.mark.parametrize(("size", "words"), [(11, "the body is 11 bytes"), (None, "the body is over 10 bytes")])
def test_a_size_error_names_both_sizes(size, words):
    error = errors.TooLarge("the body", limit_bytes=10, size_bytes=size)
    assert str(error) == f"{words}, the limit is 10 bytes"
    assert (error.limit_bytes, error.size_bytes) == (10, size)


def test_every_error_is_drawn_in_the_tree_on_top_of_the_module():
    kinds = [
        name for name, kind in vars(errors).items() if isinstance(kind, type) and kind.__module__ == errors.__name__
    ]
    assert len(kinds) >= 11
    assert [name for name in kinds if f" {name} " not in f" {errors.__doc__.replace(chr(10), ' ')} "] == []
