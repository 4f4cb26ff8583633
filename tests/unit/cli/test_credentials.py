import os
from dataclasses import asdict

import orjson
import pytest

from headrace.cli.credentials import FILE, Credentials, read_credentials, write_credentials
from headrace.errors import ConfigError, NotFound

MINE = Credentials("http://127.0.0.1:4318", "you@headrace.local", "pässword", "p-1", "hr_x")


def test_what_is_written_is_read_again(tmp_path):
    write_credentials(tmp_path / "data", MINE)
    assert read_credentials(tmp_path / "data") == MINE
    assert orjson.loads((tmp_path / "data" / FILE).read_bytes()) == asdict(MINE)


def test_the_file_and_its_folder_are_for_their_owner_only(tmp_path):
    before = os.umask(0)
    try:
        write_credentials(tmp_path / "data", MINE)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "data", tmp_path / "data" / FILE)] == [0o700, 0o600]


def test_writing_again_replaces_the_whole_file_and_leaves_nothing_behind(tmp_path):
    write_credentials(tmp_path, MINE)
    write_credentials(tmp_path, MINE.at("http://127.0.0.1:9"))
    assert read_credentials(tmp_path).endpoint == "http://127.0.0.1:9"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_without_a_file_one_is_told_what_to_run(tmp_path):
    with pytest.raises(NotFound, match="headrace up"):
        read_credentials(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"{}", b'{"endpoint": "x"}', b"\xff"])
def test_a_damaged_file_is_a_configuration_error_that_names_it(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=FILE):
        read_credentials(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_credentials(tmp_path / "file", MINE)
