"""The command `headrace otlp-check`: reads its options, says what it will send, and shows the report."""

import re
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from headrace.otlp_check.line import BadInput, parse_target
from headrace.otlp_check.probe import Amounts
from headrace.otlp_check.report import Result
from headrace.otlp_check.run import CHECKS, check
from headrace.otlp_check.show import show_report, write_json
from headrace.otlp_check.signals import SIGNALS, Signal

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 section 5.6.2, a token."""


def run_otlp_check(
    url: str, headers: Sequence[str], signals: str, json_file: Path | None, timeout_seconds: float
) -> int:
    """Check, and show the result; the exit code: 0 when every MUST was kept, else 1.

    Raises:
        BadInput: an option that cannot be used.
        NoConnection: nobody listens at `url`, or nobody who can be trusted.
    """
    chosen = _signals(signals)
    pairs = [_header(header) for header in headers]
    if json_file is not None and not json_file.parent.is_dir():
        raise BadInput(f"there is no folder {json_file.parent} for --json")
    amounts = Amounts(timeout_seconds=timeout_seconds)
    _announce(url, chosen or list(SIGNALS), amounts)
    with Console(stderr=True).status("connecting") as status:  # nothing where that is no terminal
        report = check(url, pairs, chosen, amounts=amounts, progress=lambda done: status.update(_done(done)))
    show_report(report)
    if json_file is not None:
        write_json(report, json_file)
    return 0 if report.conforms else 1


def _announce(url: str, signals: Sequence[Signal], amounts: Amounts) -> None:
    paths = ", ".join(f"/v1/{signal}" for signal in signals)
    typer.echo(
        f"Sending about {len(CHECKS)} requests each to {paths} at {parse_target(url).authority}: valid, broken, "
        f"up to {amounts.many_records} records or {amounts.oversize_bytes >> 20} MiB at once, "
        f"and gzip that unpacks to {amounts.unpacked_bytes >> 20} MiB. All records carry service.name=otlp-check.",
        err=True,
    )


def _done(result: Result) -> str:
    return f"{result.signal}: {result.id}"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
        raise BadInput("--header wants 'Name: value'")
    return name, value.strip()


def _signals(text: str) -> list[Signal] | None:
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := set(wanted) - set(SIGNALS):
        raise BadInput(f"--signals knows {', '.join(SIGNALS)}, not {', '.join(sorted(unknown))}")
    return [signal for signal in SIGNALS if signal in wanted] or None
