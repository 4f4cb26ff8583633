"""The README of `otlp-error-summary` is followed step by step, and its tables are held against the code."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from error_summary.assessing import assess_by_rules
from error_summary.grouping import group_events
from error_summary.output import encode_output
from error_summary.records import read_event
from error_summary.settings import Settings
from tests.agents.agent_process import FOLDER, ROOT
from tests.docs.test_readme import Shell, free_port

README = (FOLDER / "README.md").read_text()
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"`([\w-]+\.\w+)`[^`]*?```(?:python|json)\n(.*?)```", re.DOTALL)
BLOCKS = [text for language, text in _BLOCK.findall(README) if language == "sh"]


class Walk(Shell):
    """A reader's terminals, on free needs, in a folder where `agents` is that of the repository."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ports |= {port: str(free_port()) for port in ("8001", "9100")}
        (folder / "agents").symlink_to(ROOT / "agents")
        for name, text in _FILE.findall(README):
            (folder / name).write_text(text)

    def fitted(self, text: str) -> str:
        """With a wait after each server, since a reader types slower than a script."""
        waiting = r"\g<0>\nuntil (exec 3<>/dev/tcp/127.0.0.1/\1) 2>/dev/null; do sleep 0.1; done"
        return re.sub(r"(?m)^.* --port (\d+) &$", waiting, super().fitted(text))


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the stand-in, which a reader starts in the clone itself
    made = Walk(tmp_path)
    yield made
    made.end()


def test_a_reader_sees_the_errors_explained_by_rules_and_then_by_the_stand_in(walk: Walk) -> None:
    _, up, offline, online, stand_in, batches, *_ = BLOCKS
    assert "sk-..." in online  # the one block that needs an account
    walk.start(up).wait_for("Headrace is ready at")
    watching = walk.start(f"{offline}\nwait")
    watching.wait_for("arrived: offline critical ConnectionPoolExhausted in payment-service")
    walk.start(f'eval "$(.venv/bin/headrace env)"\n{stand_in}\nwait').wait_for("sent 3 logs")
    watching.wait_for("arrived: online critical PoolOverflow in payment-service")
    walk.start(f"{batches}echo done").wait_for("done")


def test_every_setting_is_in_the_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`[^|]* \| `?(.*?)`? \| ", README, re.MULTILINE))
    del rows["HEADRACE_ENDPOINT"]  # read by the SDK
    assert rows == {name.upper(): _shown(name, field.default) for name, field in Settings.model_fields.items()}


def _shown(name: str, default: object) -> str:
    if name == "headrace_api_key":
        return "required"
    return "" if default is None else str(default)


def test_the_example_has_the_fields_of_an_output() -> None:
    example: dict[str, Any] = json.loads(re.search(r"```json\n(\{\n.*?)```", README, re.DOTALL)[1])
    output = encode_output(assess_by_rules(group_events([read_event({"body": "x"})]), "no key"))
    assert list(example) == [name if name != "offline_reason" else "model" for name in output]
    assert list(example["groups"][0]) == list(output["groups"][0])


def test_the_commands_name_files_that_are_there() -> None:
    words = [word for block in BLOCKS for word in shlex.split(block.replace("$(", "").replace(")", ""), comments=True)]
    named = {word for word in words if word.startswith("agents/")}
    assert named
    assert [word for word in named if not (ROOT / word).exists()] == []
