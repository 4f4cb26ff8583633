"""`credentials.json` when a write fails half way, when somebody changed it, or when a later version wrote it."""

import json
import os

import pytest

from headrace.cli.credentials import FILE, Credentials, read_credentials, write_credentials
from headrace.errors import ConfigError

SOME = Credentials("http://127.0.0.1:4318", "you@headrace.local", "pass word", "project-1", "hr_key")


@pytest.fixture
def written(tmp_path):
    """The file, and a way to change single values in it."""
    write_credentials(tmp_path, SOME)

    def change(**values):
        whole = {**json.loads((tmp_path / FILE).read_text()), **values}
        (tmp_path / FILE).write_text(json.dumps({name: value for name, value in whole.items() if value is not None}))

    return change


def test_a_write_that_fails_half_way_leaves_the_old_file_whole(tmp_path, written, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"credentials\.json cannot be written: No space left on device"):
        write_credentials(tmp_path, SOME.at("http://other"))
    assert read_credentials(tmp_path) == SOME


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(tmp_path, monkeypatch):
    there = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: there.append((tmp_path / FILE).exists()))
    write_credentials(tmp_path, SOME)
    assert there == [False]


def test_writing_again_closes_what_somebody_opened_to_others(tmp_path, written):
    (tmp_path / FILE).chmod(0o644)
    write_credentials(tmp_path, SOME)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("field", ["endpoint", "email", "password", "project_id", "api_key"])
def test_a_missing_field_is_named(tmp_path, written, field):
    written(**{field: None})
    with pytest.raises(ConfigError, match=f"cannot be read.*{field}"):
        read_credentials(tmp_path)


def test_fields_of_a_later_version_do_not_matter(tmp_path, written):
    written(refresh_token="x")
    assert read_credentials(tmp_path) == SOME
