"""Each error of requests and urllib3 has a meaning that somebody has thought about."""

import inspect

import pytest
import requests.exceptions
import urllib3.exceptions

from headrace_sdk import ConfigurationError, HeadraceError, UnavailableError
from headrace_sdk._translation import FOREIGN, MEANING, translated


def errors_of(module):
    classes = [kind for _, kind in inspect.getmembers(module, inspect.isclass)]
    return [kind for kind in classes if issubclass(kind, Exception) and not issubclass(kind, Warning)]


EVERY_ERROR = sorted(
    {*errors_of(requests.exceptions), *errors_of(urllib3.exceptions)},
    key=lambda kind: f"{kind.__module__}.{kind}",
)
# Classes that these modules borrow and neither raises by itself.
BORROWED = [kind for kind in EVERY_ERROR if not kind.__module__.startswith(("requests", "urllib3"))]


@pytest.mark.parametrize("kind", [kind for kind in EVERY_ERROR if kind not in BORROWED])
def test_every_error_of_the_libraries_is_caught_and_mapped_by_name(kind):
    assert kind in MEANING, f"{kind.__module__}.{kind.__name__} is new: what should the caller do about it?"
    assert issubclass(MEANING[kind], HeadraceError)
    assert issubclass(kind, FOREIGN)


def test_an_error_that_is_not_named_means_what_its_parent_means():
    class Newer(requests.exceptions.ConnectTimeout):
        pass

    error = translated(Newer("too slow"), "http://receiver", "batch-7")
    assert type(error) is UnavailableError
    assert str(error) == "sending to http://receiver failed: Newer: too slow"


@pytest.mark.parametrize(
    ("foreign", "expected"), [(OSError("no file"), ConfigurationError), (BrokenPipeError(), UnavailableError)]
)
def test_a_bare_error_of_the_system_is_told_from_one_of_the_network(foreign, expected):
    assert type(translated(foreign, "http://receiver", None)) is expected
