"""The least that a runtime can do: OTLP logs → SQLite, synced → filter. What `end_to_end` is held against.

Through Chalice and uvicorn in one process, with no key, no configuration, no limit, no count and nobody to deliver to.
It ran at 86,000 records/s where Headrace was to reach 60,000; on any machine, at any moment, that is the ratio.
"""

import asyncio
import base64
import gc
import sqlite3
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import orjson
import uvicorn
from chalice.app import Chalice, Response
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from headrace.runtime.serve import base_url, listen

app = Chalice("sketch")
_publishing: SimpleQueue[tuple[str, Future[None]]] = SimpleQueue()
_filtering: SimpleQueue[str] = SimpleQueue()


@app.route("/v1/logs", methods=["POST"], content_types=["*/*"])
def logs() -> Response:
    """200 once the records are on disk."""
    stored: Future[None] = Future()
    request = ExportLogsServiceRequest.FromString(base64.b64decode(app.current_request.raw_body))
    _publishing.put((orjson.dumps(_flat(request)).decode(), stored))
    stored.result()
    return Response("", status_code=200)


def _flat(request: Any) -> list[dict[str, Any]]:
    records = []
    for resource_logs in request.resource_logs:
        resource = _attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = {"name": scope_logs.scope.name}
            records += [_record(log, resource, scope) for log in scope_logs.log_records]
    return records


def _record(log: Any, resource: dict[str, Any], scope: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceAttributes": resource,
        "scope": scope,
        "severityNumber": log.severity_number,
        "severityText": log.severity_text,
        "body": log.body.string_value,
        "attributes": _attributes(log.attributes),
        "traceId": log.trace_id.hex(),
        "spanId": log.span_id.hex(),
        "timestamp": log.time_unix_nano,
    }


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}


def _store(file: Path) -> None:
    """Commit together what came while the last commit was under way."""
    database = sqlite3.connect(file, isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE messages (body TEXT)")
    while True:
        group = [_publishing.get()]
        try:
            while True:
                group.append(_publishing.get_nowait())
        except Empty:
            pass
        database.execute("BEGIN")
        database.executemany("INSERT INTO messages VALUES (?)", [(body,) for body, _ in group])
        database.execute("COMMIT")
        for body, stored in group:
            _filtering.put(body)
            stored.set_result(None)


def _filter() -> None:
    kept = 0
    while True:
        kept += sum(record["severityNumber"] >= 17 for record in orjson.loads(_filtering.get()))


class _Gateway:
    """ASGI into the event of a REST API."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(16)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        event = {
            "requestContext": {"httpMethod": scope["method"], "resourcePath": scope["path"], "identity": {}},
            "headers": {"content-type": "*/*"},
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": False,
        }
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, app, event, None)
        head = {"type": "http.response.start", "status": answer["statusCode"], "headers": [(b"content-length", b"0")]}
        await send(head)
        await send({"type": "http.response.body", "body": b""})


def main(file: Path) -> None:
    """Serve until the process is ended; print the base URL when ready."""
    gc.set_threshold(100_000)
    for work in (lambda: _store(file), _filter):
        Thread(target=work, daemon=True).start()
    listener = listen("127.0.0.1", 0)
    listener.listen()
    print(base_url(listener), flush=True)
    uvicorn.Server(uvicorn.Config(_Gateway(), lifespan="off", log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
