"""The command line: `headrace up|serve|migrate|demo|init|send|tail|env|doctor`, each one module beside this one.

Beside them are the nouns of the management API, `headrace project|key|…`: see `manage`.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace import __version__, bootstrap, observability
from headrace.cli import manage
from headrace.cli.printing import expression_advice
from headrace.errors import HeadraceError, InvalidExpression, InvalidInput, Unavailable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Headrace carries a team's telemetry to its AI agents.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

manage.add_to(app)

DataDir = Annotated[
    Path | None, typer.Option(help="Where queues, tables and credentials are kept. [default: .headrace]")
]
BusUrl = Annotated[
    str | None, typer.Option("--bus", help="URL of the bus: sqlite:///PATH, nats://HOST:4222 or sqs://.")
]
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", help="URL of the tables: sqlite:///PATH, postgresql://USER@HOST/NAME or dynamodb://."),
]


def main() -> None:
    """Run a command; an error that Headrace raises on purpose is one line for a person, exit code 1."""
    try:
        app()
    except HeadraceError as error:
        advice = expression_advice(error.position, error.hint) if isinstance(error, InvalidExpression) else ""
        print(f"headrace: {error}{advice}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"headrace {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 4318,
    data_dir: DataDir = None,
    bus: BusUrl = None,
    store: StoreUrl = None,
) -> None:
    """Run everything on this machine, until Ctrl-C."""
    from headrace.cli.up import run_up

    _settle(data_dir, bus, store)
    run_up(host, port)


@app.command()
def serve(
    functions: Annotated[
        str, typer.Option(help="Their folders' names with commas between, as receiver,agent_output. [default: all]")
    ] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 4318,
    data_dir: DataDir = None,
    bus: BusUrl = None,
    store: StoreUrl = None,
) -> None:
    """Run some functions in one process, for containers; any number of replicas."""
    from headrace.cli.serve import run_serve

    _settle(data_dir, bus, store)
    run_serve(functions, host, port)


@app.command()
def migrate(data_dir: DataDir = None, store: StoreUrl = None) -> None:
    """Bring the database to the schema that this version needs."""
    from headrace.cli.migrate import run_migrate

    _settle(data_dir, store=store)
    run_migrate()


@app.command()
def demo() -> None:
    """Show a first result, end to end: logs in, an agent's finding out. Needs no account and leaves nothing."""
    from headrace.cli.demo import run_demo

    run_demo()


@app.command()
def init(
    email: Annotated[str | None, typer.Option(help="E-mail address of the account, when one is made.")] = None,
    project: Annotated[str | None, typer.Option(help="Project; made when there is none of that name.")] = None,
    agent_endpoint: Annotated[str | None, typer.Option(help="URL that gets the batches.")] = None,
    filter: Annotated[  # noqa: A002 - the name of the option
        str | None, typer.Option(help="JSONata; records for which it is true go to the agent.")
    ] = None,
    webhook: Annotated[str | None, typer.Option(help="URL that gets what the agent says.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Get from nothing to a configured project; options that are left out stay as they are."""
    from headrace.cli.init import Wanted, run_init

    _settle(data_dir)
    run_init(Wanted(email, project, agent_endpoint, filter, webhook))


@app.command()
def send(
    file: Annotated[
        Path | None, typer.Option(help="JSON lines, or plain lines, to send as logs; - reads standard input.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many logs to make up without a file.")] = 100,
    rate: Annotated[float, typer.Option(min=0, help="Logs a second; 0 is as fast as possible.")] = 0,
    endpoint: Annotated[str | None, typer.Option(help="Base URL of the receiver.")] = None,
    api_key: Annotated[str | None, typer.Option(help="API key of the project.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Send OTLP logs, from a file or made up."""
    from headrace.cli.send import run_send

    _settle(data_dir)
    run_send(file, count, rate, endpoint, api_key)


@app.command()
def tail(
    endpoint: Annotated[str | None, typer.Option(help="Base URL of the runtime.")] = None,
    api_key: Annotated[str | None, typer.Option(help="API key of the project.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what flows through a running `headrace up`, live, until Ctrl-C."""
    from headrace.cli.tail import run_tail

    _settle(data_dir)
    run_tail(endpoint, api_key, as_json=json)


@app.command()
def env(data_dir: DataDir = None) -> None:
    """Print shell variables for agents and OpenTelemetry SDKs on this machine: eval "$(headrace env)"."""
    from headrace.cli.env import run_env

    _settle(data_dir)
    run_env()


@app.command("rotate-secrets")
def rotate(data_dir: DataDir = None, store: StoreUrl = None) -> None:
    """Seal all stored secrets with the newest of HEADRACE_ENCRYPTION_KEYS."""
    from headrace.cli.rotate_secrets import run_rotate_secrets

    _settle(data_dir, store=store)
    raise typer.Exit(run_rotate_secrets())


@app.command("otlp-check")
def otlp_check(
    url: Annotated[str, typer.Argument(help="Base URL of any OTLP/HTTP endpoint; /v1/logs and so on come after it.")],
    header: Annotated[
        list[str] | None, typer.Option(help="Goes with every request, as 'X-API-Key: …'; may be given repeatedly.")
    ] = None,
    signals: Annotated[
        str, typer.Option(help="logs, traces, metrics, with commas between. [default: those that are served]")
    ] = "",
    json: Annotated[Path | None, typer.Option(help="File for the whole report.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="How long an answer may take, in seconds.")] = 10,
) -> None:
    """Check whether an endpoint does what OTLP/HTTP 1.11 asks for; code 1 when a MUST is not kept.

    It really sends: valid, broken, long and many requests, up to 100 MB for each signal.
    """
    from headrace.otlp_check import BadInput, NoConnection
    from headrace.otlp_check.command import run_otlp_check

    try:
        code = run_otlp_check(url, header or [], signals, json, timeout)
    except BadInput as error:
        raise InvalidInput(str(error)) from error
    except NoConnection as error:
        raise Unavailable(str(error)) from error
    raise typer.Exit(code)


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Say what is wrong with this set-up, and what to do about it."""
    from headrace.cli.doctor import run_doctor

    _settle(data_dir)
    raise typer.Exit(run_doctor())


def _settle(data_dir: Path | None, bus: str | None = None, store: str | None = None) -> None:
    bootstrap.override(data_dir=data_dir, bus=bus, store=store)
    observability.configure(bootstrap.settings().log_level)
