"""A report on standard output: a table for people, one line with tabs for each result in pipes."""

import json
from collections.abc import Iterator
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headrace.otlp_check.report import Answer, Level, Outcome, Report, Result

_MARKS: dict[Outcome, tuple[str, str]] = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", "dim")}
_LEVELS: tuple[Level, ...] = ("MUST", "SHOULD")
_SHOWN_CHARACTERS = 120


def show_report(report: Report) -> None:
    """Print it."""
    console = Console(highlight=False)
    if console.is_terminal:
        _show_table(report, console)
    else:
        for result in report.results:
            typer.echo(
                "\t".join((result.signal, result.level, result.outcome, result.id, result.section.url, _told(result)))
            )
    for line in _scores(report):
        typer.echo(line)


def write_json(report: Report, file: Path) -> None:
    """The whole report as JSON."""
    file.write_text(json.dumps(report.to_json(), indent=2) + "\n")


def _show_table(report: Report, console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for heading in ("duty", "level", "specification", *report.signals):
        table.add_column(heading)
    rows: dict[str, list[Result]] = {}
    for result in report.results:
        rows.setdefault(result.id, []).append(result)
    for results in rows.values():
        marks = [Text(*_MARKS[each.outcome]) for each in results]
        first = results[0]
        name = Text(first.section.name, style=f"link {first.section.url}")
        table.add_row(Text(first.title), first.level, name, *marks)
    console.print(table)
    for result in report.failed():
        console.print(Text(f"{_MARKS[result.outcome][0]} {result.signal} {result.level} {result.id}", style="bold red"))
        console.print(Text(f"  {result.title}: {_told(result)}\n  {result.section.url}"))
    for reason, count in _skips(report).items():
        console.print(Text(f"– {count} not looked at: {_one_line(reason)}", style="dim"))


def _skips(report: Report) -> dict[str, int]:
    reasons = [result.reason for result in report.results if result.outcome == "skipped"]
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}


def _told(result: Result) -> str:
    """Why, and what was seen, in one line."""
    return _one_line(" ".join(part for part in (result.reason, _seen(result.seen)) if part))


def _one_line(text: str) -> str:
    """With everything that a terminal would obey shown as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _seen(answer: Answer | None) -> str:
    if answer is None:
        return ""
    body = answer.body[:_SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    return f"[{answer.status} {answer.headers.get('content-type', 'without Content-Type')}: {body!r}]"


def _scores(report: Report) -> Iterator[str]:
    for signal in report.signals:
        scores = [(level, report.score(signal, level)) for level in _LEVELS]
        told = [
            f"{level} {score.passed} of {score.passed + score.failed}"
            + (f" ({score.percent} %)" if score.percent is not None else "")
            for level, score in scores
        ]
        skipped = sum(score.skipped for _, score in scores)
        yield f"{signal}: {', '.join(told)}, {skipped} not looked at"
    yield f"sent {report.requests_sent} requests, {report.bytes_sent / 1e6:.1f} MB"
