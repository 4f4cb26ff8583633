"""JSON that a person gives as a file, or on standard input with `-`."""

import json
import sys
from pathlib import Path
from typing import Any

from headrace.errors import InvalidInput


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in `file`. Raises InvalidInput."""
    document = _parse(_text(file), str(file))
    if not isinstance(document, dict):
        raise InvalidInput(f"{file} must hold one JSON object", field="file")
    return document


def read_records(file: Path) -> list[Any]:
    """The records in `file`: a JSON array, or an object on each line. Raises InvalidInput, with the line."""
    text = _text(file)
    if text.lstrip().startswith("["):
        records: list[Any] = _parse(text, str(file))
        return records
    lines = enumerate(text.splitlines(), start=1)
    return [_parse(line, f"line {number} of {file}") for number, line in lines if line.strip()]


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as cause:
        raise InvalidInput(f"{file} cannot be read: {cause.strerror}", field="file") from cause
    except UnicodeDecodeError as cause:
        raise InvalidInput(f"{file} is no UTF-8 text", field="file") from cause


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidInput(f"{where} is no JSON: {cause}", field="file") from cause
