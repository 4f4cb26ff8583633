"""Every input that was ever kept is good for its target now."""

from pathlib import Path

import pytest

from tests.fuzz import corpora
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_target_holds_on_all_of_its_corpora(name: str) -> None:
    entries = list(corpora.entries(name))
    assert entries, f"tests/corpora/fuzz/{name} has no file to begin with"
    for entry, data in entries:
        try:
            TARGETS[name].check(data)
        except Exception as cause:
            raise AssertionError(f"{name} breaks on {entry}") from cause


def test_every_folder_of_the_corpora_belongs_to_a_target() -> None:
    folders = [*(corpora.CORPORA / "fuzz").iterdir(), *(corpora.CRASHES.iterdir() if corpora.CRASHES.exists() else ())]
    assert {folder.name for folder in folders if folder.is_dir()} <= TARGETS.keys()


def test_a_crash_is_kept_once_and_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "CORPORA", tmp_path)
    monkeypatch.setattr(corpora, "CRASHES", tmp_path / "crashes")
    assert corpora.keep("gzip", b"crash") == corpora.keep("gzip", b"crash")
    assert [data for _, data in corpora.entries("gzip")] == [b"crash"]
