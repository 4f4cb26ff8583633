"""What is fuzzed: for each target a check that takes any bytes, and how inputs that get far are made.

The same checks run in three ways: on inputs that hypothesis makes (`test_targets`), on every file of the corpora
(`test_corpora`), and for as long as one likes on what a coverage-guided fuzzer makes (`make fuzz`). A check raises when
something is not as it has to be; errors that the caller is told of are as it has to be.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.fuzz import (
    check_addresses,
    check_bus,
    check_compression,
    check_otlp,
    check_signatures,
    check_slack,
    check_spans,
)

Check = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """One thing that takes input from strangers."""

    check: Check
    inputs: st.SearchStrategy[bytes]
    """Inputs that get far."""
    structured: bool = False
    """Inputs are so much of a form that the fuzzer drives `inputs` instead of changing bytes."""


TARGETS: dict[str, Target] = {
    "otlp_logs": Target(check_otlp.check_logs, check_otlp.encoded("logs")),
    "otlp_traces": Target(check_otlp.check_traces, check_otlp.encoded("traces")),
    "otlp_metrics": Target(check_otlp.check_metrics, check_otlp.encoded("metrics")),
    "otlp_json": Target(check_otlp.check_json, check_otlp.encoded_json),
    "request": Target(check_otlp.check_request, check_otlp.http_requests),
    "gzip": Target(check_compression.check, check_compression.inputs),
    "envelope": Target(check_bus.check_envelope, check_bus.messages),
    "queue_text": Target(check_bus.check_queue_text, check_bus.texts),
    "spans": Target(check_spans.check, check_spans.inputs, structured=True),
    "slack": Target(check_slack.check, check_slack.inputs, structured=True),
    "urls": Target(check_addresses.check, check_addresses.inputs),
    "signatures": Target(check_signatures.check, check_signatures.inputs, structured=True),
}
