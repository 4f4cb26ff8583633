"""What all management commands share: the options, the account that is signed in, and where the answer goes."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace import bootstrap, observability
from headrace.cli.printing import Output, show
from headrace.errors import InvalidInput

if TYPE_CHECKING:
    from headrace.cli.api_client import ApiClient

Command = Callable[..., None]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
Options = Mapping[str, Any]
"""Name → annotated type; each is None, or empty, unless it is given."""

_SHARED: Options = {
    "output": Annotated[Output, typer.Option(help="What the answer looks like.")],
    "endpoint": Annotated[str | None, typer.Option(help="Base URL of the API. [default: from credentials.json]")],
    "data_dir": Annotated[Path | None, typer.Option(help="Where credentials.json is. [default: .headrace]")],
}
_DEFAULTS = {"output": "table"}
_PROJECT: Options = {
    "project": Annotated[str | None, typer.Option(help="Id of the project. [default: from credentials.json]")]
}

ROTATING: Options = {
    "signing_secret": Annotated[str | None, typer.Option(help="The new one. [default: one is made]")],
    "old_valid_seconds": Annotated[int | None, typer.Option(help="Older ones sign for so long. [default: a day]")],
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with: the API, signed in, the project it is about, and how to show what comes of it."""

    api: "ApiClient"
    project_id: str
    output: Output

    def path(self, *segments: str) -> str:
        """Below `/api/v1`: the project, or what of it the segments name. Raises InvalidInput for what is no id."""
        from headrace.api.routes import ID_PATTERN

        for segment in (self.project_id, *segments):
            # An empty id, or one with dots and slashes, would make this the address of something else.
            if not re.fullmatch(ID_PATTERN, segment):
                raise InvalidInput(f"{segment!r} is no id: ids are letters, digits, - and _")
        return "/".join(("/projects", self.project_id, *segments))

    def show(self, answer: Mapping[str, Any], columns: Sequence[str] = (), *, items: str = "items") -> None:
        """Print an answer as the options say; a list is in its field `items`."""
        show(answer, self.output, columns, items=items)

    def done(self, sentence: str) -> None:
        """Tell a person that it is done; the API answers with nothing then, and so does JSON."""
        if self.output == "table":
            typer.echo(sentence)


def noun(sentence: str) -> typer.Typer:
    """An application for the commands of one noun."""
    return typer.Typer(no_args_is_help=True, help=sentence, rich_markup_mode=None, pretty_exceptions_enable=False)


def command(
    app: typer.Typer, name: str, *, options: Options | None = None, in_project: bool = True
) -> Callable[[Command], Command]:
    """Add a function that takes a Desk to the noun `app`, under `name`.

    Its own parameters become arguments and options; `options` are further ones, which it takes as keywords.
    """
    added = {**(options or {}), **(_PROJECT if in_project else {}), **_SHARED}

    def add(function: Command) -> Command:
        @wraps(function)
        def run(**given: Any) -> None:
            desk = _desk(given.pop("project", None), *map(given.pop, _SHARED))
            function(desk, **given)

        run.__signature__ = _signature(function, added)  # type: ignore[attr-defined]
        app.command(name)(run)
        return function

    return add


def _signature(function: Command, added: Options) -> inspect.Signature:
    """The parameters of `function` without the Desk, and the options; the command line is made from this."""
    own = list(inspect.signature(function).parameters.values())[1:]
    kept = [each.replace(kind=each.KEYWORD_ONLY) for each in own if each.kind is not each.VAR_KEYWORD]
    further = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS.get(name), annotation=annotation)
        for name, annotation in added.items()
    ]
    return inspect.Signature([*kept, *further])


def _desk(project_id: str | None, output: Output, endpoint: str | None, data_dir: Path | None) -> Desk:
    from headrace.cli.api_client import ApiClient
    from headrace.cli.credentials import read_credentials

    bootstrap.override(data_dir=data_dir)
    settings = bootstrap.settings()
    observability.configure(settings.log_level)
    credentials = read_credentials(settings.data_dir)
    if endpoint is not None:
        credentials = credentials.at(endpoint)
    chosen = credentials.project_id if project_id is None else project_id
    return Desk(ApiClient(credentials, settings.data_dir), chosen, output)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options that were given; an empty text takes a value away."""
    return {name: None if value == "" else value for name, value in options.items() if value not in (None, [])}


def confirm(question: str) -> None:
    """Go on only when a person says so. Raises InvalidInput where nobody can be asked."""
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question} Say so with --yes")
    typer.confirm(question, abort=True, err=True)
