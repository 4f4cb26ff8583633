"""`headrace tail`: the event feed of a running runtime, for people or as JSON lines."""

import json
from collections.abc import Iterator

import requests
from rich.console import Console
from rich.text import Text

from headrace import bootstrap
from headrace.cli.credentials import read_credentials
from headrace.errors import NotAuthenticated, Unavailable
from headrace.events import ENVELOPE, Batch, Event, Filtered, Output, Received, Sink, Told, decode
from headrace.runtime.feed import Feed

_STYLES = {
    Received.NAME: "cyan",
    Filtered.NAME: "dim",
    Batch.NAME: "green",
    Output.NAME: "magenta",
    Sink.NAME: "bold green",
}


def run_tail(endpoint: str | None, api_key: str | None, *, as_json: bool) -> None:
    """Print events until Ctrl-C, or until the runtime stops."""
    if endpoint is None or api_key is None:
        credentials = read_credentials(bootstrap.settings().data_dir)
        endpoint, api_key = endpoint or credentials.endpoint, api_key or credentials.api_key
    console = Console(highlight=False, soft_wrap=True)
    try:
        if not as_json:
            console.print(f"listening to {endpoint}, Ctrl-C ends", style="dim")
        for event in events(endpoint, api_key):
            console.print(Text(json.dumps(event)) if as_json else describe(event))
    except KeyboardInterrupt:
        return


def events(endpoint: str, api_key: str) -> Iterator[Told]:
    """The events of the key's project, as they happen.

    Raises:
        NotAuthenticated: the key is not known there.
        Unavailable: no runtime answers there.
    """
    url = f"{endpoint.rstrip('/')}{Feed.PATH}"
    try:
        with requests.get(url, headers={"X-API-Key": api_key}, stream=True, timeout=(5, None)) as answer:
            if answer.status_code == 401:
                raise NotAuthenticated(f"{endpoint} does not know this API key")
            if answer.status_code != 200:
                raise Unavailable(f"{url} answered {answer.status_code}")
            for line in answer.iter_lines(chunk_size=1):
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
    except requests.RequestException as cause:
        raise Unavailable(f"{url} gave no answer; is `headrace up` running?") from cause


def describe(told: Told) -> Text:
    """One event as one line for a person."""
    style = "red" if told.get("level") else _STYLES.get(told["event"], "")
    line = Text(f"{told['at'][11:23]}  ", style="dim")
    line.append(f"{told['event']:<12}", style=style)
    line.append(_words(decode(told)) or _facts(told))
    return line


def _words(event: Event | None) -> str | None:
    """None for an event that has no words of its own."""
    match event:
        case Received():
            refused = f", {event.refused} refused" if event.refused else ""
            return f"{event.records} {event.signal} stored{refused}"
        case Filtered():
            dropped = f", {event.errored} dropped: the expression failed" if event.errored else ""
            return f"{event.filtered} records filtered out{dropped}"
        case Batch():
            outcome = "delivered to the agent" if event.verdict == "done" else f"the agent {event.reason}"
            return f"{event.records} records {event.request_id[:8]}  {outcome}  {event.ms} ms"
        case Output():
            return f"the agent sent {event.bytes} bytes"
        case Sink():
            outcome = "delivered" if event.verdict == "done" else event.reason
            return f"{event.sink}  {outcome}  {event.ms} ms"
        case _:
            return None


def _facts(told: Told) -> str:
    return "  ".join(f"{name}={fact}" for name, fact in told.items() if name not in (*ENVELOPE, "project_id"))
