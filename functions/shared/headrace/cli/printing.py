"""Answers of the management API on standard output: tables for people, lines with tabs for programs, or JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import typer

Output = Literal["table", "json"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z")


def show(answer: Mapping[str, Any], output: Output, columns: Sequence[str] = (), *, items: str = "items") -> None:
    """Print an answer: a line for each of its `items`, with these columns or all there are, else one for each field.

    JSON is what the API answered, whatever the columns.
    """
    if output == "json":
        # Escapes beyond ASCII: what strangers wrote into records must not reach a terminal as commands.
        typer.echo(json.dumps(answer, indent=2))
        return
    if items not in answer:
        _print((), list(flat(answer).items()))
        return
    if not answer[items]:
        typer.echo("none", err=True)
        return
    found = [flat(item, whole=columns) for item in answer[items]]
    names = columns or tuple(dict.fromkeys(name for item in found for name in item))
    _print(names, [[item.get(name, "") for name in names] for item in found])
    if answer.get("next_cursor"):
        typer.echo("there are more: ask for them with --limit", err=True)


def flat(document: Mapping[str, Any], prefix: str = "", *, whole: Sequence[str] = ()) -> dict[str, str]:
    """The fields as texts of one line each; what is nested has a name with dots, but for the names in `whole`."""
    found: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, dict) and value and name not in whole:
            found |= flat(value, f"{prefix}{one_line(name)}.")
        else:
            found[f"{prefix}{one_line(name)}"] = _text(value)
    return found


def one_line(text: str) -> str:
    """`text` with line ends, tabs and everything else that a terminal would obey shown as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def expression_advice(position: int | None, hint: str | None) -> str:
    """What follows the message about a wrong expression: where it is wrong, and what to write instead."""
    told = "" if position is None else f" (at character {position})"
    return f"{told}; {hint}" if hint else told


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return one_line(json.dumps(value, ensure_ascii=False))
    if time := _TIME.fullmatch(value):
        return f"{time[1]}Z"  # nobody reads nanoseconds; JSON has them
    return one_line(value)


def _print(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        for row in [names, *rows] if names else rows:
            typer.echo("\t".join(row))
        return
    table = Table(box=box.SIMPLE_HEAD if names else None, show_header=bool(names), header_style="bold")
    for name in names or ("", ""):
        table.add_column(name, overflow="fold")  # an id that is cut short is of no use
    for row in rows:
        table.add_row(*map(Text, row))  # words of strangers are no markup
    console.print(table)
