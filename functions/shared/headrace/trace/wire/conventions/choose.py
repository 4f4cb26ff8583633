"""Which mapper reads a span.

The scope's name and version decide, then the resource's `agent.framework`, then the attributes; where all of them are
silent on the framework, the service's name does. The span remembers who decided.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from headrace.trace.wire.conventions import (
    agenttrace,
    autogen,
    crewai,
    gen_ai,
    langgraph,
    openai_agents,
    openinference,
    openllmetry,
)
from headrace.trace.wire.conventions.convention import Attributes, Convention, Version
from headrace.trace.wire.conventions.generic import GENERIC

CONVENTIONS = (
    *langgraph.CONVENTIONS,
    *autogen.CONVENTIONS,
    *crewai.CONVENTIONS,
    *openai_agents.CONVENTIONS,
    *agenttrace.CONVENTIONS,
    *openinference.CONVENTIONS,
    *openllmetry.CONVENTIONS,
    *gen_ai.CONVENTIONS,
)
"""The special before the general: where two match equally well, the first wins."""

_BY_MARK = tuple((mark, convention) for convention in CONVENTIONS for mark in convention.marks)

_BY_SERVICE = ("langgraph", "autogen", "crewai", "openai-agents")

FRAMEWORK_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "langgraph": "langgraph",
        "langchain": "langchain",
        "autogen": "autogen",
        "crewai": "crewai",
        "openai-agents": "openai-agents",
        "openai_agents": "openai-agents",
        "strands-agents": "strands",
        "pydantic-ai": "pydantic-ai",
        "google_adk": "google-adk",
        "semantic_kernel": "semantic-kernel",
        "agno": "agno",
        "smolagents": "smolagents",
        "llama_index": "llamaindex",
    }
)
"""What frameworks call themselves where a provider of models, or a framework, is asked for."""


def choose(
    scope_name: str, scope_version: str, resource_framework: str, attributes: Attributes
) -> tuple[Convention, str]:
    """The mapper, and the reason in words. `resource_framework` is in lower case."""
    found = _by_context(scope_name, scope_version, resource_framework)
    if found is not None:
        return found
    for mark, convention in _BY_MARK:
        if mark in attributes:
            return convention, _reason("attribute", mark)
    return GENERIC, "nothing"


@lru_cache(maxsize=1024)
def _by_context(scope_name: str, scope_version: str, resource_framework: str) -> tuple[Convention, str] | None:
    """By what all spans of a scope share."""
    by_scope = [
        (len(scope.prefix), scope.since, -order, convention)
        for order, convention in enumerate(CONVENTIONS)
        for scope in convention.scopes
        if scope_name.startswith(scope.prefix) and _version(scope_version) >= scope.since
    ]
    if by_scope:
        return max(by_scope, key=lambda each: each[:3])[-1], f"scope {scope_name} {scope_version}".strip()[:200]
    for convention in CONVENTIONS:
        if resource_framework and resource_framework in convention.resource_frameworks:
            return convention, f"agent.framework {resource_framework}"
    return None


@lru_cache(maxsize=256)
def _reason(what: str, value: str) -> str:
    return f"{what} {value}"


def _version(text: str) -> Version:
    """The numbers of a version; one that is not told is newer than any."""
    numbers = re.match(r"\d+(?:\.\d+)*", text[:32])
    return tuple(map(int, numbers[0].split(".")[:4])) if numbers else (1 << 30,)


@lru_cache(maxsize=1024)
def framework_by_service(service_name: str) -> str:
    """The framework that a service is named after, or ""."""
    name = service_name.lower()
    found = next((framework for framework in _BY_SERVICE if framework in name), "")
    return found or ("crewai" if "crew" in re.split(r"[^a-z]+", name) else "")


def framework_named(value: Any) -> str:
    """The framework that an attribute names, or ""."""
    return FRAMEWORK_NAMES.get(value.lower(), "") if isinstance(value, str) else ""
