"""`headrace demo`: the whole way once, with real parts, on a temporary directory and free needs.

    OpenTelemetry SDK ─► receiver ─► raw queue ─► filter ─► agent ─► output queue ─► webhook

The runtime is `headrace up` in a process of its own; the agent and the webhook are small servers in this one.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from rich.console import Console

from headrace import bootstrap
from headrace.cli.credentials import Credentials
from headrace.cli.demo_agent import Server, find, send_finding
from headrace.cli.init import Wanted, configure
from headrace.cli.tail import describe, events
from headrace.errors import Unavailable
from headrace.events import Sink

_FILTER = "severityNumber >= 17"
_PATIENCE_SECONDS = 30
_READY = "Headrace is ready at "
_LOGS = (
    ("payment-service", SeverityNumber.INFO, "Payment accepted", 12),
    ("payment-service", SeverityNumber.ERROR, "Connection refused: database pool exhausted", 4),
    ("checkout", SeverityNumber.WARN, "Slow answer from payment-service: 2.4 s", 3),
    ("checkout", SeverityNumber.ERROR, "Timeout waiting for DB connection after 30s", 1),
)

_console = Console(highlight=False, soft_wrap=True)


def run_demo() -> None:
    """Run it and tell what happens.

    Raises:
        Unavailable: a part did not come up, or the finding did not arrive in time.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-demo-")))
        _step(1, "Starting the runtime, a small agent and a webhook, on free ports and a temporary directory")
        endpoint = stack.enter_context(_runtime(data_dir))
        findings: SimpleQueue[Any] = SimpleQueue()
        webhook = Server(lambda body, _: findings.put(json.loads(body)))
        stack.callback(webhook.close)
        credentials = _configure(data_dir, endpoint, webhook.url, stack)
        shown = Event()
        Thread(target=_show_events, args=(credentials, shown), daemon=True).start()
        _step(3, f"Sending {sum(log[3] for log in _LOGS)} logs with the OpenTelemetry SDK, 5 of them errors")
        _send(credentials)
        if not shown.wait(_PATIENCE_SECONDS):
            raise Unavailable(f"the finding did not reach the webhook within {_PATIENCE_SECONDS} s")
        _step(4, "The webhook got the agent's finding:")
        _console.print_json(data=findings.get())
    _say_what_next(time.monotonic() - started)


def _say_what_next(seconds: float) -> None:
    program = "headrace" if shutil.which("headrace") else sys.argv[0]
    _console.print(f"\nDone in {seconds:.1f} s. Now with an agent and a webhook of your own:\n")
    for words in ("up", f"init --agent-endpoint URL --filter '{_FILTER}' --webhook URL", "send", "tail"):
        _console.print(f"  {program} {words}", markup=False)


@contextmanager
def _runtime(data_dir: Path) -> Iterator[str]:
    """`headrace up` in a process of its own; its base URL."""
    command = [sys.executable, "-m", "headrace.cli", "up", "--port", "0", "--data-dir", str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        try:
            for line in process.stdout or ():
                if line.startswith(_READY):
                    yield line.removeprefix(_READY).strip()
                    break
            else:
                raise Unavailable(f"the runtime ended with code {process.wait()} before it was ready")
        finally:
            process.terminate()


def _configure(data_dir: Path, endpoint: str, webhook: str, stack: ExitStack) -> Credentials:
    """Start the agent and set the project up, as `headrace init` does."""
    bootstrap.override(data_dir=data_dir)
    stack.callback(bootstrap.close)
    known: list[Credentials] = []

    def take_batch(body: bytes, headers: dict[str, str]) -> None:
        records = json.loads(body)
        _console.print(f"      the agent got {len(records)} records, the first is")
        _console.print_json(data=records[0])
        send_finding(endpoint, known[0].api_key, headers["x-request-id"], find(records))

    agent = Server(take_batch)
    stack.callback(agent.close)
    _step(2, f"Setting the project up: filter {_FILTER}, agent {agent.url}/process, webhook {webhook}")
    known.append(configure(Wanted(agent_endpoint=f"{agent.url}/process", filter=_FILTER, webhook=webhook)))
    return known[0]


def _show_events(credentials: Credentials, end: Event) -> None:
    """Print events until the runtime stops; the one from the sink sets `end`."""
    try:
        for event in events(credentials.endpoint, credentials.api_key):
            _console.print("     ", describe(event), sep="")
            if event["event"] == Sink.NAME:
                end.set()
    except Unavailable:
        return  # the runtime stopped, and so does the demo


def _send(credentials: Credentials) -> None:
    """Real clients: one provider for each service, batched, protobuf, gzip."""
    for service in dict.fromkeys(log[0] for log in _LOGS):
        exporter = OTLPLogExporter(
            endpoint=f"{credentials.endpoint}/v1/logs", headers={"X-API-Key": credentials.api_key}
        )
        provider = LoggerProvider(Resource.create({"service.name": service}), shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        logger = provider.get_logger("headrace-demo")
        for _, severity, body, count in (log for log in _LOGS if log[0] == service):
            for index in range(count):
                logger.emit(_record(severity, body, {"index": index}))
        provider.shutdown()


def _record(severity: SeverityNumber, body: str, attributes: dict[str, Any]) -> LogRecord:
    return LogRecord(
        timestamp=time.time_ns(),
        severity_number=severity,
        severity_text=severity.name,
        body=body,
        attributes=attributes,
    )


def _step(number: int, words: str) -> None:
    _console.print(f"[bold]{number}.[/] ", end="")
    _console.print(words, markup=False)
