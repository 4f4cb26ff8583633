import pytest

from headrace.domain.errors import ConfigError
from headrace.local.serve import choose
from headrace.local.template import find_template, read_template


@pytest.fixture
def functions():
    return read_template(find_template())


def names(chosen):
    return [function.folder.name for function in chosen]


def test_functions_are_chosen_by_the_names_of_their_folders(functions):
    assert names(choose(functions, "sink, receiver,sink,")) == ["sink", "receiver"]


@pytest.mark.parametrize("text", ["", " ", ","])
def test_without_a_name_all_are_chosen(functions, text):
    assert choose(functions, text) == functions


def test_unknown_names_are_named_beside_the_known_ones(functions):
    with pytest.raises(ConfigError, match=r"no function nosuch, other: choose among receiver, agent_output, .*sink"):
        choose(functions, "receiver,other,nosuch")
