"""Fields of a JSON Schema as a table to read: name, type, bounds, meaning."""

from collections.abc import Sequence
from json import dumps
from typing import Any

from headrace.api.html import Html, element, inline, join

Json = dict[str, Any]

Field = tuple[str, Json, bool, str]
"""Name, schema, whether it has to be there, and its meaning."""

_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} entries",
}
_NOT_EMPTY = {("minLength", 1): "not empty", ("minItems", 1): "not empty"}


def field_table(fields: Sequence[Field]) -> Html:
    """A list of definitions: it reads as a table where there is room, and as a list on a phone."""
    return element("dl", *(join(_term(each), _meaning(each)) for each in fields), class_="fields")


def model_link(schema: Json) -> Html | None:
    """A link to the model that a schema refers to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return element("a", name, href=f"#model-{name}", class_="model") if name else None


def _term(field: Field) -> Html:
    name, schema, required, _ = field
    must = element("span", "required", class_="must") if required else None
    return element("dt", element("code", name), " ", element("span", _type(schema), class_="type"), " ", must)


def _meaning(field: Field) -> Html:
    _, schema, _, words = field
    facts = [*_bounds(schema)]
    if "default" in schema and schema["default"] is not None:
        facts.append(join("default ", element("code", dumps(schema["default"], ensure_ascii=False))))
    listed = join(*(element("span", each, class_="fact") for each in facts))
    return element("dd", inline(words), " " if words and facts else None, listed)


def _bounds(schema: Json) -> list[str]:
    found = [
        _NOT_EMPTY.get((key, schema[key])) or words.format(schema[key])
        for key, words in _BOUNDS.items()
        if key in schema
    ]
    for option in schema.get("anyOf", []):
        found += _bounds(option)
    return found


def _type(schema: Json) -> Html:
    if "$ref" in schema:
        return join(model_link(schema))
    if "const" in schema:
        return element("code", dumps(schema["const"]))
    if "enum" in schema:
        return _either([element("code", dumps(value)) for value in schema["enum"]])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _either([_type(each) for each in schema[key]])
    kinds = schema.get("type", "any JSON")
    return _either([_kind(kind, schema) for kind in (kinds if isinstance(kinds, list) else [kinds])])


def _kind(kind: str, schema: Json) -> Html:
    if kind == "array" and "items" in schema:
        return join("array of ", _type(schema["items"]))
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return join("map to ", _type(schema["additionalProperties"]))
    return join(schema.get("format", kind) if kind == "string" else kind)


def _either(options: list[Html]) -> Html:
    return Html(" or ".join(options))
