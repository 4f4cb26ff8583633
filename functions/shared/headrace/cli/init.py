"""`headrace init`: from nothing to a project with an agent, a filter and a webhook."""

from dataclasses import dataclass, replace

from rich.console import Console

from headrace import bootstrap
from headrace.api.models import parse
from headrace.cli.credentials import FILE, Credentials, write_credentials
from headrace.cli.first_start import account_of, ensure_credentials
from headrace.errors import NotFound
from headrace.route.domain.sinks import Sink
from headrace.route.operations.pipelines import check_expression, load_pipeline, save_pipeline
from headrace.route.operations.sinks import add_sink, list_sinks
from headrace.route.wire.pipeline_models import PipelineIn
from headrace.route.wire.sink_models import SinkIn
from headrace.teams.operations.keys import create_key
from headrace.teams.operations.projects import create_project, find_project, load_project
from headrace.upkeep.operations.change import Person

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
_console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say; None leaves things as they are."""

    email: str | None = None
    project: str | None = None
    agent_endpoint: str | None = None
    filter: str | None = None
    webhook: str | None = None


def run_init(wanted: Wanted) -> None:
    """Configure the data directory, whether or not a runtime is up on it, and say what is now so."""
    credentials = configure(wanted)
    project_id = credentials.project_id
    pipeline, sinks = load_pipeline(project_id, bootstrap.table("config")), _sinks(project_id)
    _console.print(f"project   {project_id}")
    _console.print(f"agent     {pipeline.agent_endpoint or 'none yet: set one with --agent-endpoint URL'}")
    _console.print(f"filter    {pipeline.program.filter or 'none: every record goes to the agent'}")
    _console.print(f"sinks     {', '.join(map(_place, sinks)) or 'none yet: add one with --webhook URL'}")
    _console.print(f"API key   in {bootstrap.settings().data_dir / FILE}")


def configure(wanted: Wanted, endpoint: str = DEFAULT_ENDPOINT) -> Credentials:
    """Bring the data directory to what is wanted; safe to repeat."""
    data_dir = bootstrap.make_data_dir()
    _check(wanted)
    credentials, new = ensure_credentials(data_dir, endpoint, email=wanted.email, project=wanted.project)
    if wanted.project and not new:
        credentials = _in_project(credentials, wanted.project)
        write_credentials(data_dir, credentials)
    _check_project(credentials.project_id)
    if wanted.agent_endpoint is not None or wanted.filter is not None:
        _save_pipeline(_author(credentials), wanted)
    if wanted.webhook is not None:
        _ensure_webhook(_author(credentials), wanted.webhook)
    return credentials


def _check(wanted: Wanted) -> None:
    """Refuse what cannot be saved while nothing has been made yet."""
    parse(PipelineIn, _changes(wanted))
    if wanted.filter:
        check_expression("filter", wanted.filter, bootstrap.expressions())
    if wanted.webhook is not None:
        parse(SinkIn, _webhook(wanted.webhook))


def _check_project(project_id: str) -> None:
    try:
        load_project(project_id, bootstrap.table("config"))
    except NotFound as gone:
        raise NotFound(f"the project {project_id} was deleted; --project NAME takes or makes another") from gone


def _in_project(credentials: Credentials, name: str) -> Credentials:
    """The same account's credentials for another project of its, made if need be."""
    needs, owner = bootstrap.teams(), account_of(credentials)
    try:
        project_id = find_project(name, owner, needs.config)
    except NotFound:
        project_id = create_project(name, owner, needs)
    if project_id == credentials.project_id:
        return credentials
    key = create_key(Person(project_id, owner), "init", needs).key
    return replace(credentials, project_id=project_id, api_key=key)


def _sinks(project_id: str) -> list[Sink]:
    return list_sinks(project_id, bootstrap.table("config"))


def _place(sink: Sink) -> str:
    """Where it sends to; addresses of other kinds are secret."""
    return sink.url if sink.type == "webhook" else sink.name or sink.type.capitalize()


def _author(credentials: Credentials) -> Person:
    return Person(credentials.project_id, account_of(credentials))


def _save_pipeline(author: Person, wanted: Wanted) -> None:
    needs = bootstrap.routing()
    stored = PipelineIn.of(load_pipeline(author.project_id, needs.config)).model_dump()
    save_pipeline(author, parse(PipelineIn, {**stored, **_changes(wanted)}), needs)


def _changes(wanted: Wanted) -> dict[str, str | None]:
    """The fields of the pipeline that the options name; an empty option clears its field."""
    given = {"agent_endpoint": wanted.agent_endpoint, "filter": wanted.filter}
    return {name: value or None for name, value in given.items() if value is not None}


def _ensure_webhook(author: Person, url: str) -> None:
    if all(sink.url != url for sink in _sinks(author.project_id)):
        add_sink(author, parse(SinkIn, _webhook(url)), bootstrap.routing())


def _webhook(url: str) -> dict[str, str]:
    return {"type": "webhook", "url": url}
