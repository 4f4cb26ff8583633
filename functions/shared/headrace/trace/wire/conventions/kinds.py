"""The kind of a span by the rules of its mapper: the first that fits decides."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from headrace.trace.domain.spans import Kind
from headrace.trace.wire.conventions.convention import Attributes, ByKey, ByName, ByValue, Convention, KindRule


def read_kind(convention: Convention, name: str, attributes: Attributes) -> tuple[Kind, str]:
    """The kind of a span, and what told it."""
    for rule in convention.kinds:
        found = _MATCH[type(rule)](rule, name, attributes)
        if found is not None:
            return found
    return "other", "no rule for its kind"


def _by_value(rule: ByValue, _: str, attributes: Attributes) -> tuple[Kind, str] | None:
    value = attributes.get(rule.key)
    if not isinstance(value, str):
        return None
    kind = rule.kinds.get(value)
    return None if kind is None else (kind, _equals(rule.key, value))


def _by_key(rule: ByKey, _: str, attributes: Attributes) -> tuple[Kind, str] | None:
    return (rule.kind, rule.key) if attributes.get(rule.key) is not None else None


def _by_name(rule: ByName, name: str, attributes: Attributes) -> tuple[Kind, str] | None:
    if rule.needs and rule.needs not in attributes:
        return None
    if name.startswith(rule.prefixes) or (rule.suffixes and name.endswith(rule.suffixes)):
        return rule.kind, "its name"
    return None


_MATCH: Mapping[type[KindRule], Callable[..., tuple[Kind, str] | None]] = {
    ByValue: _by_value,
    ByKey: _by_key,
    ByName: _by_name,
}


@lru_cache(maxsize=1024)
def _equals(key: str, value: str) -> str:
    return f"{key}={value}"
