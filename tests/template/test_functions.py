"""What `template.yaml` says is there, and is no more than a door."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from headrace.runtime.functions import Deadline, load
from headrace.runtime.gateway import encode_event
from headrace.runtime.template import Function, find_template, read_template
from tests.functions.events import Context, http_event

ROOT = Path(__file__).parents[2]
FUNCTIONS = read_template(ROOT / "template.yaml")
LAYER = ROOT / "functions" / "shared" / "requirements.txt"
DOOR_LINES = 60

each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


def path_of(function: Function) -> Path:
    return function.folder / f"{function.handler.partition('.')[0]}.py"


def imports_of(function: Function) -> Iterator[str]:
    """The first name of every module that a handler imports, anywhere in it."""
    for node in ast.walk(ast.parse(path_of(function).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a door has no neighbours to import relatively"
            yield (node.module or "").partition(".")[0]


def packages_of(requirements: list[str]) -> set[str]:
    """Names of distributions, as PEP 503 spells them."""
    return {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-").replace(".", "-") for line in requirements}


def requirements_of_the_layer() -> list[str]:
    return [line for line in LAYER.read_text().splitlines() if line and not line.startswith("#")]


def first_block_of_dependencies() -> list[str]:
    """The dependencies up to the empty line; TOML itself does not keep it."""
    text = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)(\n\n|\n\])", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return [str(each) for each in tomllib.loads(f"d = [{block[1]}]")["d"]]


def test_the_project_runs_the_template_at_its_root():
    assert find_template() == ROOT / "template.yaml"
    assert {"ReceiverFunction", "AgentOutputFunction", "PipelineFunction", "SinkFunction"} <= {
        function.name for function in FUNCTIONS
    }


@each_function
def test_a_function_has_the_folder_that_its_name_says(function):
    words = re.findall("[A-Z][a-z]+", function.name.removesuffix("Function"))
    assert function.folder == ROOT / "functions" / "_".join(words).lower()
    assert path_of(function).is_file()


def test_every_folder_with_a_handler_is_in_the_template():
    assert {path.parent for path in ROOT.glob("functions/*/handler.py")} == {function.folder for function in FUNCTIONS}


@each_function
def test_a_handler_is_only_a_door(function):
    assert len(path_of(function).read_text().splitlines()) <= DOOR_LINES


@each_function
def test_a_handler_begins_with_a_sentence_that_says_what_it_is_for(function):
    docstring = ast.get_docstring(ast.parse(path_of(function).read_text()))
    assert docstring
    assert docstring.startswith("The door")


@each_function
def test_a_handler_imports_headrace_the_layer_and_no_other_function(function):
    layer = packages_of(requirements_of_the_layer())
    distributions = packages_distributions()
    foreign = {
        name
        for name in imports_of(function)
        if name != "headrace"
        and name not in sys.stdlib_module_names
        and not packages_of(distributions.get(name, [])) & layer
    }
    assert foreign == set()


@each_function
def test_a_handler_can_be_loaded_and_called(function):
    assert callable(load(function, Deadline()).handler)


@each_function
def test_a_function_is_called_by_something(function):
    assert function.routes or function.queue or function.schedules


@each_function
def test_a_function_answers_its_routes_itself(function, embedded):
    loaded = load(function, Deadline())
    for method, path in function.routes:
        if "{" not in path:
            answer = loaded.handler(http_event(method, path), Context())
            assert answer["statusCode"] == (200 if path == "/health" else 401), (method, path)


@each_function
def test_a_function_answers_the_events_of_the_local_gateway_as_it_does_those_of_aws(function, embedded):
    loaded = load(function, Deadline())
    for method, path in function.routes:
        if "{" not in path:
            scope = {"method": method, "path": path, "headers": [(b"host", b"x")], "query_string": b""}
            local, cloud = encode_event(scope, b"", path, {}), http_event(method, path)
            assert loaded.handler(local, Context()) == loaded.handler(cloud, Context())


@each_function
def test_a_function_of_a_queue_takes_an_empty_event(function, embedded):
    if function.queue:
        assert load(function, Deadline())({"Records": []}) == {"batchItemFailures": []}


@each_function
def test_a_function_has_more_time_than_the_requests_it_makes(function):
    longest = {"raw": 240, "output": 60}.get(function.queue or "", 0)
    assert function.timeout.total_seconds() > longest


def test_no_two_functions_share_a_route_or_a_queue():
    routes = [route for function in FUNCTIONS for route in function.routes]
    queues = [function.queue for function in FUNCTIONS if function.queue]
    assert len(set(routes)) == len(routes)
    assert len(set(queues)) == len(queues)


def test_the_layer_is_the_first_block_of_the_dependencies():
    assert sorted(requirements_of_the_layer()) == sorted(first_block_of_dependencies())
    assert len(requirements_of_the_layer()) > 5


def test_every_function_is_in_the_wheel():
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {f"functions/{function.folder.name}" for function in FUNCTIONS} | {"template.yaml"}
    assert set(included["force-include"]) == wanted
