"""Reads `template.yaml`: which function listens to what. Nothing is wired twice.

Understands what this project's template uses of AWS SAM: functions with Api and Schedule events, the Globals they
inherit, and `Metadata.Headrace.Queue` for queues that are made per project at run time.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from headrace.errors import ConfigError
from headrace.ports.queues import KINDS

_RATE = re.compile(r"rate\((\d+) (second|minute|hour|day)s?\)")
_DEFAULT_TIMEOUT_SECONDS = 3  # of AWS Lambda
_FORMER_NAMES = {"reconcile": "upkeep"}
"""What deployments of before may still call a function."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its folder, and what calls it."""

    name: str
    folder: Path
    handler: str
    """`module.attribute`, as Lambda writes it."""
    timeout: timedelta
    routes: tuple[tuple[str, str], ...] = ()
    """Methods (upper case) and paths (`/things/{id}`)."""
    queue: str | None = None
    """The kind of per-project queue whose messages it gets."""
    schedules: tuple[timedelta, ...] = field(default=())
    """How often it is called with a scheduled event."""


def find_template() -> Path:
    """The project's template: that of the checkout, or the one that the wheel brought."""
    package = Path(__file__).parents[1]
    for candidate in (package / "_bundle" / "template.yaml", package.parents[2] / "template.yaml"):
        if candidate.is_file():
            return candidate
    raise ConfigError(f"template.yaml is missing: neither in {package} nor three folders above it")


def read_template(path: Path) -> list[Function]:
    """The functions of a template.

    Raises:
        ConfigError: the template cannot be read, or asks for what the embedded runtime does not know.
    """
    try:
        template = yaml.load(path.read_text(), Loader=_CloudFormation)  # noqa: S506 - a safe loader with more tags
        defaults = template.get("Globals", {}).get("Function", {})
        resources = template["Resources"].items()
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError, ValueError) as cause:
        raise ConfigError(f"{path} is not a template: {cause!r}") from cause
    read = [_resource(name, resource, defaults, path.parent) for name, resource in resources]
    return [function for function in read if function is not None]


def choose(functions: list[Function], names: str) -> list[Function]:
    """The functions with these names (of their folders, with commas between), all when there is none.

    Raises:
        ConfigError: there is no such function.
    """
    known = {function.folder.name: function for function in functions}
    given = [name.strip() for name in names.split(",") if name.strip()]
    wanted = [_FORMER_NAMES.get(name, name) for name in given]
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise ConfigError(f"there is no function {', '.join(unknown)}: choose among {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)] or functions


def _resource(name: str, resource: dict[str, Any], defaults: dict[str, Any], root: Path) -> Function | None:
    try:
        return _function(name, resource, defaults, root) if resource["Type"] == "AWS::Serverless::Function" else None
    except KeyError as missing:
        raise ConfigError(f"{name}: {missing} is missing in the template") from missing
    except (AttributeError, TypeError) as cause:
        raise ConfigError(f"{name}: the template cannot be understood: {cause}") from cause


def _function(name: str, resource: dict[str, Any], defaults: dict[str, Any], root: Path) -> Function:
    properties = {**defaults, **resource["Properties"]}
    events = [(each["Type"], each["Properties"]) for each in properties.get("Events", {}).values()]
    unknown = {kind for kind, _ in events} - {"Api", "Schedule"}
    if unknown:
        raise ConfigError(f"{name}: events of type {', '.join(sorted(unknown))} are not known here")
    queue = resource.get("Metadata", {}).get("Headrace", {}).get("Queue")
    known = [kind.name for kind in KINDS]
    if queue not in (None, *known):
        raise ConfigError(f"{name}: queues of kind {queue!r} are not known here, only {', '.join(known)}")
    return Function(
        name=name,
        folder=root / properties["CodeUri"],
        handler=properties["Handler"],
        timeout=timedelta(seconds=properties.get("Timeout", _DEFAULT_TIMEOUT_SECONDS)),
        routes=tuple((each["Method"].upper(), each["Path"]) for kind, each in events if kind == "Api"),
        queue=queue,
        schedules=tuple(_rate(name, each["Schedule"]) for kind, each in events if kind == "Schedule"),
    )


def _rate(name: str, schedule: str) -> timedelta:
    match = _RATE.fullmatch(schedule)
    if match is None or int(match[1]) == 0:
        raise ConfigError(f"{name}: schedule {schedule!r} is not of the form rate(5 minutes)")
    return timedelta(**{f"{match[2]}s": int(match[1])})


class _CloudFormation(yaml.SafeLoader):
    """YAML with CloudFormation's short tags (`!Ref`, `!Sub` …), which mean nothing on one machine."""


def _tagged(loader: _CloudFormation, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]


_CloudFormation.add_multi_constructor("!", _tagged)
