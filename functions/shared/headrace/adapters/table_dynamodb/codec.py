"""Items as DynamoDB's attribute values, and back with every number as it was.

DynamoDB's numbers are decimals of 38 digits: they hold any float but do not tell 1.0 from 1, nor -0.0 from 0. JSON has
no sets, so a float that is a whole number is kept as a set of one text, its `repr`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.ports.table import Item

Attribute = dict[str, Any]


def encode_item(item: Mapping[str, Any]) -> dict[str, Attribute]:
    """The attributes of a checked `item`."""
    return {name: encode_value(value) for name, value in item.items()}


def decode_item(attributes: Mapping[str, Attribute]) -> Item:
    """The item that `encode_item` was given; tuples have become lists."""
    return {name: _decoded(value) for name, value in attributes.items()}


def encode_value(value: Any) -> Attribute:
    """One checked value."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, float):
        return {"SS": [repr(value)]} if value.is_integer() else {"N": repr(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, dict):
        return {"M": encode_item(value)}
    if value is None:
        return {"NULL": True}
    return {"L": [encode_value(each) for each in value]}


def _decoded(attribute: Attribute) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return _number(value)
        case "SS":
            return float(value[0])
        case "M":
            return decode_item(value)
        case "L":
            return [_decoded(each) for each in value]
        case "NULL":
            return None
        case _:  # S, BOOL and B come as they are
            return value


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = Decimal(text)  # an engine may write 100 as 1E+2
        return int(number) if number == number.to_integral_value() else float(text)
