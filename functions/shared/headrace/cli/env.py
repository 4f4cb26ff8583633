"""`headrace env`: what agents and OpenTelemetry SDKs need to know, as shell variables."""

import shlex

import typer

from headrace import bootstrap
from headrace.cli.credentials import read_credentials


def run_env() -> None:
    """Print one `export` a line, for the SDK of Headrace and for any OpenTelemetry SDK.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/
    """
    credentials = read_credentials(bootstrap.settings().data_dir)
    variables = {
        "HEADRACE_API_KEY": credentials.api_key,
        "HEADRACE_ENDPOINT": credentials.endpoint,
        "OTEL_EXPORTER_OTLP_ENDPOINT": credentials.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={credentials.api_key}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
