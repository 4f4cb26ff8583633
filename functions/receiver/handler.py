"""The door for telemetry: OTLP/HTTP in, messages on the raw and spans queues out."""

import orjson

from headrace import __version__, bootstrap
from headrace.entry.http import Door, Request, Response
from headrace.entry.otlp_errors import otlp_error
from headrace.intake.stages.check_health import check_health
from headrace.intake.stages.receive import receive
from headrace.intake.wire.otlp import CONTENT_TYPES, decode_content_type, encode_response
from headrace.ports.records import Signal

handler = Door("receiver", otlp_error, bootstrap.limits)


@handler.route("POST", "/v1/logs")
def logs(request: Request) -> Response:
    """Take log records."""
    return _receive("logs", request)


@handler.route("POST", "/v1/traces")
def traces(request: Request) -> Response:
    """Take spans."""
    return _receive("traces", request)


@handler.route("POST", "/v1/metrics")
def metrics(request: Request) -> Response:
    """Take metric points."""
    return _receive("metrics", request)


@handler.route("GET", "/health")
def health(request: Request) -> Response:  # noqa: ARG001 - every view takes its request
    """Say whether the engines answer."""
    found = check_health(bootstrap.bus(), bootstrap.table("config"))
    status = "healthy" if found.healthy else "unhealthy"
    body = {"status": status, "store": found.store, "bus": found.bus, "version": __version__}
    return Response(200 if found.healthy else 503, orjson.dumps(body))


def _receive(signal: Signal, request: Request) -> Response:
    project_id = bootstrap.api_keys().project_of(request.api_key)
    encoding = decode_content_type(request.headers.get("content-type"))
    received = receive(signal, encoding, request.body, project_id, bootstrap.receiving())
    answer = encode_response(signal, encoding, received.refused, received.reason)
    return Response(200, answer, CONTENT_TYPES[encoding])
