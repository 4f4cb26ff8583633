"""The OpenAPI document, and the page made from it. Both come from the routes, so a new route has to describe itself."""

import json
import re
from html.parser import HTMLParser

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from headrace.api.html import element, inline, prose
from headrace.api.models import Strict
from headrace.api.openapi import build_document, error_statuses
from headrace.api.openapi_errors import ERROR_RESPONSES
from headrace.api.openapi_page import encode_page
from headrace.api.openapi_schemas import NoExample, Schemas
from headrace.api.roles import ROLES
from headrace.api.routes import Answer, Route
from headrace.management import ROUTES

DOCUMENT = build_document(ROUTES, version="1.2.3", prefix="/api/v1")
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
each_operation = pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


def resolved(response: dict) -> dict:
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    return DOCUMENT["components"]["responses"][name] if name else response


# --- the document -----------------------------------------------------------------------------------------------


def test_the_document_is_valid_openapi_3_1():
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_the_document_is_json_and_says_which_version_it_is_of():
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_every_route_is_an_operation_and_every_operation_a_route():
    assert [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods] == sorted(
        ((route.path, route.method) for route in ROUTES),
        key=lambda each: list(DOCUMENT["paths"]).index(each[0]),
    )


def test_operations_have_names_of_their_own():
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)


@each_operation
def test_an_operation_has_a_summary_and_a_description(path, method, operation):
    assert 5 <= len(operation["summary"]) <= 60, f"{path}: give the Route a summary"
    own = operation["description"].rpartition("\n\n")[0]
    assert len(own) >= 10, f"{path}: give the operation a docstring for users"
    assert "Raises:" not in operation["description"]


@each_operation
def test_an_operation_has_models_of_what_it_takes_and_gives(path, method, operation):
    if method in ("post", "put", "patch"):
        assert "requestBody" in operation, f"{path}: give the Route a body model"
    (success,) = [status for status in operation["responses"] if status.startswith("2")]
    answer = operation["responses"][success]
    assert answer["description"]
    assert ("content" in answer) == (success != "204"), f"{path}: give the Route an answer model, or status 204"


@each_operation
def test_bodies_and_answers_have_examples(path, method, operation):
    contents = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in contents:
        for media in resolved(content).get("content", {}).values():
            assert "example" in media, f"{path}: {_missing_example(operation['operationId'])}"


def _missing_example(name: str) -> str:
    (route,) = [route for route in ROUTES if route.name == name]
    for model, mode in ((route.body, "validation"), (route.answer, "serialization")):
        if model is not None:
            try:
                Schemas([(model, mode)]).example(model, mode)
            except NoExample as missing:
                return str(missing)
    return ""


@each_route
def test_examples_of_bodies_are_bodies(route):
    if route.body is not None:
        example = Schemas([(route.body, "validation")]).example(route.body, "validation")
        route.body.model_validate(example)


@each_operation
def test_every_error_of_an_operation_is_one_of_the_shared_problems(path, method, operation):
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            assert response["$ref"].removeprefix("#/components/responses/") in ERROR_RESPONSES
            assert list(resolved(response)["content"]) == ["application/problem+json"]
            assert resolved(response)["content"]["application/problem+json"]["example"]["status"] == int(status)


@each_route
def test_the_errors_of_a_route_follow_from_what_it_declares(route):
    found = set(error_statuses(route))
    assert 503 in found
    assert set(route.errors) <= found
    assert (401 in found) == (route.access != "public" or 401 in route.errors)
    if route.access in ROLES:
        assert 404 in found
        assert (403 in found) == (route.access != "viewer" or 403 in route.errors)
    if route.body is not None:
        assert {400, 413, 415} <= found
    if route.query is not None:
        assert 400 in found
    if route.takes_if_match:
        assert {400, 412} <= found


@each_operation
def test_path_parameters_are_those_of_the_path(path, method, operation):
    named = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
    assert named == re.findall(r"{(\w+)}", path)
    assert all(each["description"] for each in operation["parameters"] if each["in"] != "query")


@each_route
def test_a_token_is_asked_for_where_one_is_needed(route):
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert operation["security"] == ([] if route.access == "public" else [{"accessToken": []}])
    if route.access in ROLES:
        assert f"`{route.access}`" in operation["description"]


def test_groups_say_what_they_are_about():
    assert {tag for _, _, operation in (each.values for each in OPERATIONS) for tag in operation["tags"]} == {
        tag["name"] for tag in DOCUMENT["tags"]
    }
    assert all(len(tag["description"]) > 10 for tag in DOCUMENT["tags"])


def test_waiting_is_part_of_the_answers_that_ask_for_it():
    for name in ("TooManyRequests", "Unavailable"):
        assert ERROR_RESPONSES[name]["headers"]["Retry-After"]["schema"] == {"type": "integer"}


# --- from models ------------------------------------------------------------------------------------------------


class Inner(BaseModel):
    size: int = Field(examples=[7])


class Outer(Strict):
    """A body."""

    words: str = Field(examples=["hello"])
    inner: Inner
    several: list[Inner]
    named: dict[str, int] = Field(default={})
    maybe: str | None
    flag: bool = False
    count: int = Field(ge=3)


def test_an_example_is_made_of_the_examples_of_fields():
    assert Schemas([(Outer, "validation")]).example(Outer, "validation") == {
        "words": "hello",
        "inner": {"size": 7},
        "several": [{"size": 7}],
        "named": {},
        "maybe": None,
        "flag": False,
        "count": 3,
    }


def test_a_field_without_an_example_is_named():
    class Silent(BaseModel):
        inner: Inner
        words: str

    with pytest.raises(NoExample, match=r"Silent\.words has no example: give the field examples"):
        Schemas([(Silent, "validation")]).example(Silent, "validation")


def an_operation(call, needs):
    """Do something <script>alert(1)</script> with `code`.

    Raises:
        Everything: and this is not for users.
    """
    return Answer()


class Nasty(Strict):
    """A body </code><script>alert(2)</script>."""

    words: str = Field(examples=["'; rm -rf ~ '\"</pre><script>alert(3)</script>"])


NASTY = Route("POST", "/things/{thing_id}", "admin", an_operation, '<b>Do</b> it & "more"', body=Nasty, status=204)


def test_what_a_docstring_says_to_programmers_is_not_in_the_document():
    (operation,) = build_document([NASTY], version="1", prefix="/api/v1")["paths"]["/things/{thing_id}"].values()
    assert "Raises" not in operation["description"]
    assert operation["description"].startswith("Do something")


def test_what_stands_below_a_field_is_its_description():
    fields = DOCUMENT["components"]["schemas"]["TokensOut"]["properties"]
    assert fields["expires_in"]["description"] == "Seconds that the access token lives."


# --- the page ---------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Its tags, attributes and text; that every tag is closed by its own."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page.decode())
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data

    def values(self, name) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


PAGE_BYTES = encode_page(DOCUMENT)
PAGE = Page(PAGE_BYTES)


def test_the_page_needs_no_script_and_nothing_from_any_host():
    assert {tag for tag, _ in PAGE.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
    assert all(target.startswith("#") or target == "v1/openapi.json" for target in PAGE.values("href"))
    assert not re.search(
        rb"https?:|//|@import|url\(|expression\(", re.search(rb"<style>(.*)</style>", PAGE_BYTES, re.S)[1]
    )
    assert [name for _, attributes in PAGE.tags for name in attributes if name.startswith("on")] == []


def test_every_anchor_of_the_page_leads_somewhere_and_is_the_only_one_of_its_name():
    anchors = PAGE.values("id")
    assert len(set(anchors)) == len(anchors)
    assert {target[1:] for target in PAGE.values("href") if target.startswith("#")} <= set(anchors)


@each_operation
def test_the_page_tells_everything_of_an_operation(path, method, operation):
    assert operation["operationId"] in PAGE.values("id")
    assert f"#{operation['operationId']}" in PAGE.values("href")
    for words in (operation["summary"], f"/api/v1{path}"):
        assert words in PAGE.text
    curl = re.sub(r"{(\w+)}", lambda found: f"${found[1].upper()}", path)
    assert f'"$HEADRACE_ENDPOINT/api/v1{curl}"' in PAGE.text


def test_everything_on_the_page_is_escaped():
    page = encode_page(build_document([NASTY], version="<i>1</i>", prefix="/api/v1"))
    parsed = Page(page)
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"script", 'b"', "i"})
    for words in ("<script>alert(1)</script>", "</code><script>alert(2)</script>", '<b>Do</b> it & "more"', "<i>1</i>"):
        assert words in parsed.text


def test_a_quote_in_a_body_does_not_end_the_argument_of_curl():
    page = Page(encode_page(build_document([NASTY], version="1", prefix="/api/v1")))
    assert "'\\''; rm -rf ~ '\\''" in page.text


def test_html_out_of_calls_is_escaped_unless_it_is_html():
    assert element("p", "<b>", element("i", "&"), None, class_='a"b', id=None) == (
        '<p class="a&quot;b">&lt;b&gt;<i>&amp;</i></p>'
    )
    assert inline("a `<b>` c") == "a <code>&lt;b&gt;</code> c"
    assert prose("one\ntwo\n\nthree") == "<p>one\ntwo</p><p>three</p>"
