"""Duties on OTLP's JSON: where it differs from protobuf's own mapping, and where it follows it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.otlp_check import otlp_json, payloads, sections
from headrace.otlp_check.catalogue import Catalogue, accepted, require
from headrace.otlp_check.otlp_json import Tree
from headrace.otlp_check.payloads import Export
from headrace.otlp_check.probe import Probe
from headrace.otlp_check.report import Answer

catalogue = Catalogue()

_NUMBERS: list[dict[str, Any]] = [
    {"doubleValue": value} for value in ("NaN", "Infinity", "-Infinity", "1.5", "-2", 3, 1e300)
]
_BYTES = [{"bytesValue": value} for value in ("AP//+w==", "AP//+w", "AP__-w==", "AP__-w", "")]
"""The same four bytes in both alphabets, with and without padding, and no bytes."""


def _minimal(export: Export) -> Tree:
    return otlp_json.to_tree(payloads.minimal(export))


def _every_field(export: Export) -> Tree:
    return otlp_json.to_tree(payloads.every_field(export))


def _with_original_names(export: Export) -> Tree:
    # To ignore a name is to ignore its value too, whatever that is.
    return {**_minimal(export), export.root: 17, "partial_success": "none"}


_TAKEN: tuple[tuple[str, str, Callable[[Export], Tree]], ...] = (
    (
        "ids-lower-case",
        "Ids are hex, in lower case",
        lambda export: otlp_json.with_ids(_every_field(export), otlp_json.in_letters),
    ),
    (
        "ids-upper-case",
        "Ids are hex, in upper case",
        lambda export: otlp_json.with_ids(_every_field(export), lambda id_: otlp_json.in_letters(id_).upper()),
    ),
    ("integers-as-strings", "Integers may be strings", lambda export: otlp_json.with_strings(_every_field(export))),
    (
        "integers-as-numbers",
        "64-bit integers may be numbers",
        lambda export: otlp_json.with_numbers(_every_field(export)),
    ),
    (
        "integer-enums",
        "Enums are numbers",
        lambda export: otlp_json.with_other_enums(_minimal(export)),
    ),
    (
        "unknown-fields",
        "Unknown fields are ignored at every level (json)",
        lambda export: otlp_json.with_unknown_fields(_every_field(export)),
    ),
    ("original-names", "Original field names are unknown names, and so ignored", _with_original_names),
    ("null-values", "null is a field that is not set", lambda export: otlp_json.with_nulls(_every_field(export))),
    (
        "double-words",
        "Doubles may be numbers, strings, NaN and Infinity",
        lambda export: otlp_json.with_attribute_values(_minimal(export), _NUMBERS),
    ),
    (
        "bytes-base64",
        "Bytes are base64 in both alphabets, padded or not",
        lambda export: otlp_json.with_attribute_values(_minimal(export), _BYTES),
    ),
    (
        "key-order",
        "The order of keys does not matter",
        lambda export: otlp_json.in_reverse(_every_field(export)),
    ),
)


def _taken(make: Callable[[Export], Tree], probe: Probe) -> Answer:
    return accepted(probe, "json", probe.send("json", otlp_json.encode(make(probe.export))))


for _name, _title, _make in _TAKEN:
    catalogue.check(f"json-{_name}", "MUST", sections.JSON, _title, encoding="json")(partial(_taken, _make))


@catalogue.check("json-ids-base64", "SHOULD", sections.JSON, "Ids in base64 are not taken for ids", encoding="json")
def _ids_base64(probe: Probe) -> Answer:
    """A whole refusal and a partial one are both right; silence means that ids are lost or read wrongly."""
    answer = probe.send("json", otlp_json.encode(otlp_json.with_ids(_minimal(probe.export), otlp_json.in_base64)))
    if answer.status == 400:
        return answer
    require(answer.status == 200, f"answered {answer.status}, neither 400 nor 200", answer)
    partial_success = probe.partial_success("json", answer)
    refused = partial_success is not None and partial_success.rejected > 0
    require(refused, "ids in base64 were taken without a word", answer)
    return answer
