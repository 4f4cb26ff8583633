from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace import bootstrap


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`headrace.bootstrap` on an empty directory."""
    monkeypatch.setattr(bootstrap, "_overrides", {})
    bootstrap.close()
    bootstrap.override(data_dir=tmp_path)
    yield
    bootstrap.close()
