"""Flat span → what rollups count: an operation of a service, or a call to something that it depends on."""

from headrace.ports.records import Record
from headrace.trace.domain.rollups import Observation
from headrace.trace.domain.spans import Span

_OUTGOING = ("CLIENT", "PRODUCER")

_PEERS = (
    "peer.service",
    "db.system.name",
    "db.system",
    "messaging.destination.name",
    "messaging.system",
    "rpc.service",
    "gen_ai.provider.name",
    "gen_ai.system",
    "server.address",
    "net.peer.name",
    "http.host",
)
"""What names the other side, the most telling first.

https://opentelemetry.io/docs/specs/semconv/registry/attributes/
"""


def decode_observation(record: Record, span: Span) -> Observation:
    """What the flat span `record`, normalized as `span`, adds to the rollups."""
    outgoing = record.get("kind") in _OUTGOING
    return Observation(
        service=span.service_name,
        side="dependency" if outgoing else "operation",
        name=_peer(record) or span.name if outgoing else span.name,
        started_unix_nano=span.started_unix_nano,
        duration_nano=span.duration_nano,
        failed=span.status == "error",
    )


def _peer(record: Record) -> str:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict):
        return ""
    return next((value for name in _PEERS if isinstance(value := attributes.get(name), str) and value), "")
