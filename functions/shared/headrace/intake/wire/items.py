"""Stored items of what came in.

telemetry table                                  pk               sk
  counters, see `stages.tally`                   project#ID       counters
  the last records received, a few               project#ID       sample#SIGNAL
"""

from headrace.ports.items import project_pk
from headrace.ports.table import Item

COUNTERS = "counters"
SAMPLE_PREFIX = "sample#"


def encode_sample(project_id: str, signal: str, records_json: str, expires_at: int) -> Item:
    """The item of some records of a signal, as JSON text; `expires_at` in seconds since 1970."""
    return {
        "pk": project_pk(project_id),
        "sk": SAMPLE_PREFIX + signal,
        "records": records_json,
        "expires_at": expires_at,
    }
