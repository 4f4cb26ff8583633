"""Bad input in words for the person who typed it: pydantic finds what is wrong, this says so.

A field type adds words of its own with `checked_by` and `Matching`; everything else is said by `_WORDS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from headrace.errors import InvalidInput

_NUMBER, _WHOLE, _TEXT, _YES_NO = "a number", "a whole number", "a string", "true or false"

_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not a field that is known here",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a JSON array",
    "string_type": f"must be {_TEXT}",
    "bool_type": f"must be {_YES_NO}",
    "bool_parsing": f"must be {_YES_NO}",
    "int_type": f"must be {_WHOLE}",
    "int_parsing": f"must be {_WHOLE}",
    "int_parsing_size": f"must be {_WHOLE} of fewer digits",
    "int_from_float": f"must be {_WHOLE}",
    "float_type": f"must be {_NUMBER}",
    "float_parsing": f"must be {_NUMBER}",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} character{min_length_s}",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "too_short": "must have at least {min_length} item{min_length_s}",
    "too_long": "must have at most {max_length} items, not {actual_length}",
    "literal_error": "must be {expected}",
    "none_required": "must be null",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


def checked_by(fault: Callable[[str], str | None]) -> AfterValidator:
    """A check for a field type: `fault` says what is wrong with a value, None when nothing is."""

    def check(value: str) -> str:
        if (words := fault(value)) is not None:
            raise ValueError(words)
        return value

    return AfterValidator(check)


@dataclass(frozen=True, slots=True)
class Matching:
    """Lets a field type take what matches a regular expression as a whole, and say in `words` what that means."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks it."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """How it is documented."""
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.words)
        return value


def invalid(wrong: ValidationError, *, tagged: bool = False) -> InvalidInput:
    """The error that names the first wrong field, and carries the others.

    With `tagged` the body is one of several kinds, whose tag pydantic puts before each path: it is no field.
    """
    found = [
        (_path(error, tagged=tagged), _words(error)) for error in wrong.errors(include_url=False, include_input=False)
    ]
    field, message = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidInput(f"{field or 'the body'}: {message}{more}", field=field, others=found[1:])


def _path(error: Any, *, tagged: bool) -> str:
    """`transforms.0.expression`. A wrong name in a map comes as that name and `[key]`: the name is enough."""
    parts = [str(part) for part in error["loc"][tagged:] if part != "[key]"]
    if error["type"].startswith("union_tag_"):
        parts.append(error["ctx"]["discriminator"].strip("'"))
    return ".".join(parts)


def _words(error: Any) -> str:
    context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
    context["min_length_s"] = "" if context.get("min_length") == "1" else "s"
    template = _WORDS.get(error["type"])
    return str(error["msg"]) if template is None else template.format_map(context)


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
