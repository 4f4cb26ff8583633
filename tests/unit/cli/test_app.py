import json
import subprocess
import sys

import pytest

from headrace import __version__, bootstrap
from headrace.cli import demo, up
from headrace.cli.credentials import Credentials, write_credentials
from headrace.errors import HeadraceError

COMMANDS = ("up", "serve", "migrate", "demo", "init", "send", "tail", "env", "doctor", "otlp-check", "status", "audit")
NOUNS = ("project", "key", "member", "pipeline", "sink", "dead-letters")


def test_version_is_one_line(headrace):
    assert headrace("--version") == (0, f"headrace {__version__}\n", "")


def test_help_names_every_command(headrace):
    code, out, _ = headrace("--help")
    assert code == 0
    assert all(f"  {name} " in out for name in (*COMMANDS, *NOUNS))


@pytest.mark.parametrize("name", [*COMMANDS, *NOUNS])
def test_every_command_has_help_of_its_own(headrace, name):
    code, out, _ = headrace(name, "--help")
    assert code == 0
    assert f"headrace {name}" in out


@pytest.mark.parametrize("name", NOUNS)
def test_every_noun_lists_its_commands_when_none_is_given(headrace, name):
    code, out, err = headrace(name)
    assert code == 2
    assert "Commands:\n" in out + err


def test_without_a_command_there_is_help_and_a_code_that_scripts_notice(headrace):
    code, out, err = headrace()
    assert code == 2
    assert "doctor" in out + err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nothing"], "No such option: --nothing"),
        (["nothing"], "No such command 'nothing'"),
        (["send", "--colour", "red"], "No such option: --colour"),
        (["send", "--count", "many"], "Invalid value for '--count'"),
        (["send", "--count", "0"], "--count"),
        (["send", "--rate", "-1"], "--rate"),
        (["up", "--port", "http"], "Invalid value for '--port'"),
    ],
)
def test_what_the_command_line_does_not_know_is_named_with_code_2(headrace, arguments, words):
    code, out, err = headrace(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_an_error_on_purpose_is_one_line_for_a_person_and_code_1(headrace, data_dir):
    code, out, err = headrace("send", "--data-dir", data_dir)
    assert (code, out) == (1, "")
    assert err.startswith(f"headrace: {data_dir}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("HEADRACE_WORKERS", "several"), ("HEADRACE_LOG_LEVEL", "LOUD"), ("HEADRACE_KEY_CACHE_SECONDS", "nan")],
)
def test_a_setting_that_cannot_be_read_is_named_before_anything_happens(headrace, data_dir, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    code, out, err = headrace("init", "--data-dir", data_dir)
    assert (code, out) == (1, "")
    assert err.startswith(f"headrace: {name} must be ")
    assert not data_dir.exists()


@pytest.mark.parametrize(("option", "setting"), [("--bus", "HEADRACE_BUS"), ("--store", "HEADRACE_STORE")])
def test_an_engine_that_nobody_knows_is_named_before_anything_is_served(
    headrace, data_dir, monkeypatch, option, setting
):
    monkeypatch.setattr(up, "serve", lambda *_: pytest.fail("it served"))
    code, out, err = headrace("up", "--port", 0, "--data-dir", data_dir, option, "ftp://x")
    assert (code, out) == (1, "")
    assert f"{setting} must be" in err


def test_init_refuses_what_cannot_work_with_the_name_of_the_field(headrace, data_dir):
    code, _, err = headrace("init", "--data-dir", data_dir, "--agent-endpoint", "nowhere")
    assert code == 1
    assert err.startswith("headrace: agent_endpoint: ")


def test_the_data_directory_comes_from_the_option_then_from_the_environment(headrace, data_dir, tmp_path, monkeypatch):
    write_credentials(tmp_path / "option", Credentials("http://option", "e", "p", "i", "k"))
    write_credentials(tmp_path / "environment", Credentials("http://environment", "e", "p", "i", "k"))
    bootstrap.override(data_dir=None)
    monkeypatch.setenv("HEADRACE_DATA_DIR", str(tmp_path / "environment"))
    assert "http://environment" in headrace("env")[1]
    assert "http://option" in headrace("env", "--data-dir", tmp_path / "option")[1]


def test_what_a_command_reports_is_json_on_standard_error(headrace, data_dir, monkeypatch):
    from headrace import events, observability

    told = events.ExpressionFailed(project_id="p", reason="no such function")
    monkeypatch.setattr("headrace.cli.env.run_env", lambda: observability.warn(told))
    code, out, err = headrace("env", "--data-dir", data_dir)
    line = json.loads(err)
    assert (code, out, line["event"], line["level"], line["project_id"]) == (0, "", "expression_failed", "warning", "p")


def test_up_gives_its_options_to_the_runtime(headrace, data_dir, monkeypatch):
    given = []
    monkeypatch.setattr(up, "run_up", lambda host, port: given.append((host, port, bootstrap.settings())))
    assert headrace("up", "--host", "192.0.2.1", "--port", 5, "--bus", "sqlite:///b", "--store", "sqlite:///s")[0] == 0
    assert headrace("up")[0] == 0
    (host, port, settings), (default_host, default_port, _) = given
    assert (host, port, settings.bus_url, settings.store_url) == ("192.0.2.1", 5, "sqlite:///b", "sqlite:///s")
    assert (default_host, default_port) == ("127.0.0.1", 4318)


def test_demo_needs_no_options(headrace, monkeypatch):
    ran = []
    monkeypatch.setattr(demo, "run_demo", lambda: ran.append(True))
    assert headrace("demo")[0] == 0
    assert ran == [True]


def test_a_fault_that_nobody_expected_is_not_dressed_up(headrace, data_dir, monkeypatch):
    monkeypatch.setattr("headrace.cli.env.run_env", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        headrace("env", "--data-dir", data_dir)
    assert not issubclass(ZeroDivisionError, HeadraceError)


def test_python_m_headrace_local_is_headrace():
    ran = subprocess.run(
        [sys.executable, "-m", "headrace.cli", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == f"headrace {__version__}\n"
