"""Duties on OTLP's JSON, where it differs from protobuf's own mapping and where it follows it."""

from headrace.local.otlp_check import otlp_json, payloads, sections
from headrace.local.otlp_check.catalogue import Catalogue, Run, accepted, require
from headrace.local.otlp_check.otlp_json import Tree
from headrace.local.otlp_check.probe import Probe
from headrace.local.otlp_check.report import Answer, Level

catalogue = Catalogue()


def _check(name: str, title: str, level: Level = "MUST"):  # type: ignore[no-untyped-def]
    return catalogue.check(f"json-{name}", level, sections.JSON, title, encoding="json")
