"""An OpenAPI document as one page to read: no script, no asset of another host, every operation with an anchor."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.api.html import Html, element, inline, join, prose
from headrace.api.openapi_fields import field_table, model_link

Json = dict[str, Any]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy that the page can live with."""

_BASE = "$HEADRACE_ENDPOINT"
_PARAMETER = re.compile(r"\{(\w+)\}")


def encode_page(document: Json) -> bytes:
    """The page for a document."""
    info, prefix = document["info"], document["servers"][0]["url"]
    head = element(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", info["title"]),
        element("style", Html(Path(__file__).with_suffix(".css").read_text())),
    )
    body = element("body", _banner(info), element("div", _contents(document), _main(document, prefix), class_="page"))
    return f"<!doctype html>{element('html', head, body, lang='en')}".encode()


def _banner(info: Json) -> Html:
    version = element("span", f"v{info['version']}", class_="version")
    title = element("h1", info["title"], version)
    links = element("p", element("a", "openapi.json", href="v1/openapi.json"), " · OpenAPI 3.1", class_="links")
    return element("header", title, prose(info["description"]), links, id="top")


def _contents(document: Json) -> Html:
    groups = [
        element(
            "section",
            element("a", element("strong", tag["name"]), href=f"#{_anchor(tag)}"),
            element("ul", *(_entry(*each) for each in _operations(document, tag["name"]))),
        )
        for tag in document["tags"]
    ]
    models = element("section", element("a", element("strong", "models"), href="#models"))
    return element(
        "nav", element("details", element("summary", "Contents"), *groups, models, open=""), aria_label="Contents"
    )


def _entry(path: str, method: str, operation: Json) -> Html:
    return element(
        "li",
        element("a", _badge(method), " ", operation["summary"], href=f"#{operation['operationId']}", title=path),
    )


def _main(document: Json, prefix: str) -> Html:
    sections = [
        element(
            "section",
            element("h2", tag["name"], id=_anchor(tag)),
            prose(tag["description"]),
            *(_article(*each, document, prefix) for each in _operations(document, tag["name"])),
        )
        for tag in document["tags"]
    ]
    return element("main", *sections, _models(document))


def _operations(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    """Path, method and operation, in the order of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield path, method.upper(), operation


def _article(path: str, method: str, operation: Json, document: Json, prefix: str) -> Html:
    name = operation["operationId"]
    title = element("h3", element("a", operation["summary"], href=f"#{name}"))
    line = element("p", _badge(method), " ", element("code", f"{prefix}{path}", class_="path"), class_="line")
    told = element(
        "div",
        title,
        line,
        prose(operation["description"]),
        _parameters(operation["parameters"]),
        _body_fields(operation, document),
        _answers(operation["responses"], document),
        class_="told",
    )
    shown = element("div", _request(path, method, operation, prefix), _answer_example(operation), class_="shown")
    return element("article", told, shown, id=name)


def _parameters(parameters: list[Json]) -> Html | None:
    if not parameters:
        return None
    return join(element("h4", "Parameters"), field_table([
        (each["name"], each["schema"], each.get("required", False), f"In the {each['in']}. {each['description']}")
        for each in parameters
    ]))  # fmt: skip


def _body_fields(operation: Json, document: Json) -> Html | None:
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return join(element("h4", "Body ", model_link(schema)), _fields_of(schema, document))


def _fields_of(schema: Json, document: Json) -> Html | None:
    model = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
    if "properties" not in model:
        options = model.get("oneOf", model.get("anyOf", []))
        return element("p", "One of ", *(join(model_link(each), " ") for each in options)) if options else None
    required = model.get("required", [])
    return field_table([
        (name, field, name in required, field.get("description", "")) for name, field in model["properties"].items()
    ])  # fmt: skip


def _answers(responses: Json, document: Json) -> Html:
    rows = [
        element(
            "li", element("b", status, class_=f"s{status[0]}"), " ", inline(_resolved(each, document)["description"])
        )
        for status, each in responses.items()
    ]
    return join(element("h4", "Answers"), element("ul", *rows, class_="answers"))


def _resolved(response: Json, document: Json) -> Json:
    reference = response.get("$ref")
    found: Json = document["components"]["responses"][reference.rpartition("/")[2]] if reference else response
    return found


def _request(path: str, method: str, operation: Json, prefix: str) -> Html:
    url = _PARAMETER.sub(lambda found: f"${found[1].upper()}", prefix + path)
    parts = [f'curl{"" if method == "GET" else f" -X {method}"} "{_BASE}{url}"']
    if operation["security"]:
        parts.append('-H "Authorization: Bearer $ACCESS_TOKEN"')
    if "requestBody" in operation:
        body = _pretty(operation["requestBody"]["content"]["application/json"].get("example", {}))
        parts += ['-H "Content-Type: application/json"', "-d '" + body.replace("'", "'\\''") + "'"]
    return _code("Request", " \\\n  ".join(parts))


def _answer_example(operation: Json) -> Html | None:
    status, answer = next(iter(operation["responses"].items()))
    if "content" not in answer:
        return None
    return _code(f"Answer {status}", _pretty(answer["content"]["application/json"].get("example", {})))


def _models(document: Json) -> Html:
    return element(
        "section",
        element("h2", "models", id="models"),
        *(
            element(
                "article",
                element("div", element("h3", element("a", name, href=f"#model-{name}")),
                        prose(schema.get("description", "")), _fields_of(schema, document), class_="told"),
                id=f"model-{name}",
            )
            for name, schema in document["components"]["schemas"].items()
        ),
    )  # fmt: skip


def _badge(method: str) -> Html:
    return element("span", method, class_=f"method {method.lower()}")


def _anchor(tag: Json) -> str:
    return f"tag-{tag['name'].replace(' ', '-')}"


def _code(title: str, text: str) -> Html:
    return element("figure", element("figcaption", title), element("pre", element("code", text), tabindex="0"))


def _pretty(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
