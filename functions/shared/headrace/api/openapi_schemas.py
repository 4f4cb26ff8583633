"""Pydantic models as JSON Schema 2020-12, with what their docstrings say of the fields, and with examples."""

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from inspect import getsource
from itertools import pairwise
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core.core_schema import ModelSchema

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]

_PREFIX = "#/components/schemas/"
_NULL = {"type": "null"}
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_PLAIN = {"boolean": True, "integer": 0, "number": 0}


class NoExample(LookupError):
    """No example can be derived: the message names the field that should be given `examples=[…]`."""


class Schemas:
    """The schemas of some models, each as it is read (`validation`) or answered (`serialization`)."""

    def __init__(self, models: Sequence[tuple[type[BaseModel], Mode]]) -> None:
        wanted = list(dict.fromkeys(models))
        references, whole = models_json_schema(wanted, ref_template=_PREFIX + "{model}", schema_generator=_Documented)
        self.definitions: Json = dict(sorted(whole.get("$defs", {}).items()))
        self._references = cast(dict[tuple[type, JsonSchemaMode], Json], references)

    def reference(self, model: type[BaseModel], mode: Mode) -> Json:
        """A reference to the model's schema."""
        return self._references[model, mode]

    def inline(self, model: type[BaseModel]) -> Json:
        """The schema of a model that is read."""
        return self._resolve(self.reference(model, "validation"))

    def example(self, model: type[BaseModel], mode: Mode) -> Any:
        """A whole example of a body, out of the examples and defaults of its fields. Raises NoExample."""
        return self._example(self.reference(model, mode), model.__name__)

    def _resolve(self, schema: Json) -> Json:
        reference = schema.get("$ref")
        return schema if reference is None else self.definitions[reference.removeprefix(_PREFIX)]

    def _example(self, schema: Json, path: str) -> Any:
        if "$ref" in schema:
            return schema["examples"][0] if "examples" in schema else self._example(self._resolve(schema), path)
        for key in ("examples", "enum"):
            if key in schema:
                return schema[key][0]
        if "const" in schema:
            return schema["const"]
        if schema.get("default") not in _EMPTY:
            return schema["default"]
        try:
            return self._of_type(schema, path)
        except NoExample:
            if "default" in schema:
                return schema["default"]
            raise

    def _of_type(self, schema: Json, path: str) -> Any:
        kind = schema.get("type")
        options = [each for key in ("anyOf", "oneOf") for each in schema.get(key, [])]
        if options:
            return self._first_of(options, path)
        if kind == "object" and "properties" in schema:
            return {name: self._example(each, f"{path}.{name}") for name, each in schema["properties"].items()}
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            name = self._example(schema.get("propertyNames", {}), f"{path} (its names)")
            return {name: self._example(schema["additionalProperties"], f"{path}.*")}
        if kind == "array":
            return [self._example(schema.get("items", {}), f"{path}[]")]
        if kind in _PLAIN:
            return schema.get("minimum", _PLAIN[kind])
        raise NoExample(f"{path} has no example: give the field examples=[…] where its model is")

    def _first_of(self, options: Sequence[Json], path: str) -> Any:
        """Of several shapes the first; nothing, where that may be and the shape has no example."""
        shapes = [each for each in options if each != _NULL]
        try:
            return self._example(shapes[0], path)
        except NoExample:
            if _NULL in options:
                return None
            raise


class _Documented(GenerateJsonSchema):
    """Takes over what stands below a field in the source, and leaves titles that only repeat a name."""

    def model_schema(self, schema: ModelSchema) -> Json:
        found = super().model_schema(schema)
        found.pop("title", None)
        for name, words in _field_words(schema["cls"]).items():
            if name in found.get("properties", {}):
                found["properties"][name].setdefault("description", words)
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return False


_OURS = __name__.partition(".")[0]


def _field_words(model: type[BaseModel]) -> dict[str, str]:
    """The docstrings below the fields of a model and of those that it builds on."""
    words: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.partition(".")[0] == _OURS:
            words |= _words_of_module(base.__module__).get(base.__name__, {})
    return words


@cache
def _words_of_module(module: str) -> dict[str, dict[str, str]]:
    """By class, then by field."""
    classes = [each for each in ast.parse(getsource(sys.modules[module])).body if isinstance(each, ast.ClassDef)]
    return {each.name: dict(_below_fields(each)) for each in classes}


def _below_fields(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, words in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(words, ast.Expr):
            yield field.target.id, " ".join(str(ast.literal_eval(words.value)).split())
