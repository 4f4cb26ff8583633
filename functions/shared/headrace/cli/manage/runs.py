"""`headrace runs` and `headrace run`: what agents did."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.manage.command import Desk, Limit, Options, command, given, noun
from headrace.cli.printing import one_line

if TYPE_CHECKING:
    from rich.tree import Tree

app = noun("What agents did.")

_COLUMNS = (
    "trace_id", "status", "error_type", "framework", "agents", "tools", "tokens", "cost_usd", "duration", "started_at",
    "user_id", "why",
)  # fmt: skip
_WHY_CHARACTERS = 60
_BAR_CELLS = 24
_DEEPEST = 12
_MARKS = {"ok": "✓", "error": "✗", "unset": "·"}

_FILTERS: Options = {
    "agent": Annotated[str | None, typer.Option(help="Only runs that this agent took part in.")],
    "framework": Annotated[str | None, typer.Option(help="Only runs of this framework.")],
    "status": Annotated[str | None, typer.Option(help="running, completed, failed or timed_out.")],
    "error_type": Annotated[str | None, typer.Option(help="What went wrong: tool_error, llm_error, timeout …")],
    "user_id": Annotated[str | None, typer.Option("--user", help="Only runs for this user.")],
    "session_id": Annotated[str | None, typer.Option("--session", help="Only runs of this session.")],
    "min_cost_usd": Annotated[float | None, typer.Option("--min-cost", help="Least cost in US dollars.")],
    "min_duration_ms": Annotated[float | None, typer.Option("--min-duration", help="Least duration in ms.")],
}


@command(app, "runs", options=_FILTERS)
def list_runs(
    desk: Desk,
    hours: Annotated[float | None, typer.Option(min=0, help="Only runs of the last hours.")] = None,
    limit: Limit = 20,
    **filters: Any,
) -> None:
    """List runs of agents, newest first."""
    query = {name: str(value) for name, value in given(filters).items()}
    if hours is not None:
        query["since"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    found = desk.api.all_items(desk.path("runs"), limit=limit, **query)
    if desk.output == "table":
        found = {**found, "items": [_line(run) for run in found["items"]]}
    desk.show(found, _COLUMNS)


@command(app, "run")
def show_run(desk: Desk, trace_id: Annotated[str, typer.Argument(help="Id of the run's trace.")]) -> None:
    """Draw one run: its spans as a tree, with timing, tokens and what went wrong."""
    run = desk.api.call("GET", desk.path("runs", trace_id)).body
    if desk.output == "json":
        desk.show(run)
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_tree(run))
    for line in _notes(run):
        console.print(line, markup=False)


def _line(run: Mapping[str, Any]) -> dict[str, str]:
    """A run in the columns of the list."""
    tools = [f"{each['name']}{'' if each['ok'] else ' ✗'}" for each in run["tool_calls"]]
    return {
        **{name: str(run[name] or "") for name in ("trace_id", "status", "error_type", "framework", "user_id")},
        "started_at": run["started_at"],
        "agents": ", ".join(each["name"] for each in run["agents"]),
        "tools": ", ".join(tools),
        "tokens": f"{run['input_tokens']}+{run['output_tokens']}",
        "cost_usd": "" if run["cost_usd"] is None else f"{run['cost_usd']:.6f}",
        "duration": _duration(run["duration_ms"]),
        "why": run["error_message"][:_WHY_CHARACTERS],
    }


def _tree(run: Mapping[str, Any]) -> "Tree":
    """The spans under their parents; those whose parent is not there, or that are their own ancestors, at the top."""
    from rich.text import Text
    from rich.tree import Tree

    spans = {span["span_id"]: span for span in run["spans"]}
    children: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for span in run["spans"]:
        children[span["parent_span_id"] if span["parent_span_id"] in spans else ""].append(span)
    began = min((_time(span) for span in run["spans"]), default=0.0)
    length = max((_time(span) + (span["duration_ms"] or 0) / 1000 for span in run["spans"]), default=began) - began
    head = f"{run['trace_id']}  {run['status']}  {_duration(run['duration_ms'])}  {run['framework']}"
    tree, drawn = Tree(Text(one_line(head), style="bold")), set[str]()

    def draw(roots: list[Mapping[str, Any]]) -> None:
        waiting = [(tree, 0, span) for span in reversed(roots)]
        while waiting:  # not by recursion: traces are as deep as strangers make them
            branch, depth, span = waiting.pop()
            if span["span_id"] in drawn:
                continue
            drawn.add(span["span_id"])
            twig = branch.add(Text(_label(span, began, length)))
            under = twig if depth < _DEEPEST else branch  # a terminal is only so wide
            waiting += [(under, depth + 1, child) for child in reversed(children[span["span_id"]])]

    draw(children[""])
    draw([span for span in run["spans"] if span["span_id"] not in drawn])  # cycles hang from no root
    return tree


def _label(span: Mapping[str, Any], began: float, length: float) -> str:
    at = (_time(span) - began) / length if length else 0.0
    share = (span["duration_ms"] or 0) / 1000 / length if length else 1.0
    first = min(_BAR_CELLS - 1, int(at * _BAR_CELLS))
    cells = min(_BAR_CELLS - first, max(1, round(share * _BAR_CELLS)))
    bar = "─" * first + "█" * cells + "─" * (_BAR_CELLS - first - cells)
    tokens = f"{span['input_tokens'] or 0}+{span['output_tokens'] or 0} tokens" if span["input_tokens"] else ""
    what = " ".join(filter(None, (span["kind"], span["agent"], span["model"], tokens)))
    error = f"  {_error(span['error'])}" if span["error"] else ""
    mark = _MARKS[span["status"]]
    return one_line(f"{mark} {bar} {_duration(span['duration_ms']):>8}  {span['name']}  [{what}]{error}")


def _notes(run: Mapping[str, Any]) -> list[str]:
    """What is to be said of the run as a whole."""
    notes = [_error({"type": run["error_type"], "message": run["error_message"]})]
    notes += [f"{each['from']} → {each['to']}  {each['type']}" for each in run["messages"]]
    notes += [f"{each['mode']} ({each['confidence']:.0%}): {each['evidence']}" for each in run["failures"]]
    notes += [f"odd: {each}" for each in run["oddities"]]
    return [one_line(note) for note in notes if note]


def _error(error: Mapping[str, str]) -> str:
    """What went wrong; without a type where there is none for it."""
    return error["message"] if error["type"] == "none" else f"{error['type']}: {error['message']}"


def _time(span: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(span["started_at"]).timestamp()


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "…"
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"
