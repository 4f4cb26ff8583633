"""Writes of the Table port in DynamoDB's language. What has expired counts as absent, in the same atomic step.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from collections.abc import Iterator
from typing import Any

from headrace.adapters.table_dynamodb.codec import encode_item, encode_value
from headrace.ports.table import Condition, Put, Update
from headrace.ports.table_rules import Write

_MAX_INTEGER = 10**38 - 1


class Words:
    """Placeholders for names and values, since both may be anything. One for each expression that belongs together."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: list[Any] = []

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute."""
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: Any) -> str:
        """A placeholder for a value."""
        self._values.append(value)
        return f":v{len(self._values) - 1}"

    def arguments(self) -> dict[str, Any]:
        """What the placeholders mean, as arguments of a call; DynamoDB refuses empty maps."""
        arguments: dict[str, Any] = {}
        if self._names:
            arguments["ExpressionAttributeNames"] = {word: name for name, word in self._names.items()}
        if self._values:
            arguments["ExpressionAttributeValues"] = {
                f":v{place}": encode_value(value) for place, value in enumerate(self._values)
            }
        return arguments


def alive(words: Words, now_s: int) -> str:
    """Holds for what has not expired; also for what is not there."""
    expiry = words.name("expires_at")
    return f"(attribute_not_exists({expiry}) OR {expiry} > {words.value(now_s)})"


def write_call(write: Write, now_s: int) -> tuple[str, dict[str, Any]]:
    """The kind of call for `write` ("Put", "Update" or "Delete"), and its arguments but for the table's name."""
    words = Words()
    if isinstance(write, Put):
        arguments: dict[str, Any] = {"Item": encode_item(write.item)}
    else:
        arguments = {"Key": encode_item({"pk": write.pk, "sk": write.sk})}
    condition = _condition(write, words, now_s)
    if isinstance(write, Update):
        arguments |= _update_expression(write, words)
    if condition:
        arguments |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return type(write).__name__, arguments | words.arguments()


def _condition(write: Write, words: Words, now_s: int) -> str:
    """What must hold of the stored item; "" for anything.

    An update changes what is there, so it may only see what is alive; a new start for what has expired is a put.
    """
    clauses = list(_clauses(write.condition, words))
    if isinstance(write, Update):
        clauses += [_room_for(name, amount, words) for name, amount in write.add.items()]
        return " AND ".join([*clauses, alive(words, now_s)])
    if not clauses:
        return ""
    wanted = " AND ".join(clauses)
    if _holds_for_none(write.condition):
        return f"{wanted} OR {words.name('expires_at')} <= {words.value(now_s)}"
    return f"{wanted} AND {alive(words, now_s)}"


def _clauses(condition: Condition, words: Words) -> Iterator[str]:
    if condition.exists is not None:
        yield f"attribute_{'' if condition.exists else 'not_'}exists({words.name('pk')})"
    for attribute, value in condition.equals.items():
        name = words.name(attribute)
        same = f"{name} = {words.value(value)}"
        yield f"(attribute_not_exists({name}) OR {same})" if value is None else same


def _holds_for_none(condition: Condition) -> bool:
    return condition.exists is not True and all(value is None for value in condition.equals.values())


def _room_for(attribute: str, amount: int, words: Words) -> str:
    """Holds when adding `amount` gives an integer that an item may hold, and so not for what is no number."""
    name = words.name(attribute)
    low, high = max(-_MAX_INTEGER, -_MAX_INTEGER - amount), min(_MAX_INTEGER, _MAX_INTEGER - amount)
    return f"(attribute_not_exists({name}) OR {name} BETWEEN {words.value(low)} AND {words.value(high)})"


def _update_expression(change: Update, words: Words) -> dict[str, str]:
    parts = {
        "SET": [f"{words.name(name)} = {words.value(value)}" for name, value in change.set.items()],
        "ADD": [f"{words.name(name)} {words.value(amount)}" for name, amount in change.add.items()],
        "REMOVE": [words.name(name) for name in change.remove],
    }
    text = " ".join(f"{verb} {', '.join(each)}" for verb, each in parts.items() if each)
    return {"UpdateExpression": text} if text else {}  # without one the item is made, if need be
