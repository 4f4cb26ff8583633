import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from headrace import bootstrap
from headrace.cli import app as cli
from tests.unit.answering import Site, answering


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for the embedded engines, and `headrace.bootstrap` on it."""
    monkeypatch.setattr(bootstrap, "_overrides", {})
    bootstrap.close()
    bootstrap.override(data_dir=tmp_path / "data")
    yield tmp_path / "data"
    bootstrap.close()


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    """Makes HTTP servers on this machine that answer as a table says."""
    with ExitStack() as servers:
        yield lambda *answers, **more: servers.enter_context(answering(*answers, **more))


@pytest.fixture
def headrace(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Runs the command line in this process: exit code, standard output, standard error."""
    logger = logging.getLogger("headrace")
    before = (logger.handlers, logger.propagate, logger.level)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["headrace", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    yield run
    logger.handlers, logger.propagate, logger.level = before
