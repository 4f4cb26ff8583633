import json

import pytest

from headrace.otlp_check import command
from tests.unit.otlp_check.faults import FAULTS
from tests.unit.otlp_check.receiver import AMOUNTS, KEY, free_port, receiving

HEADER = ("--header", ": ".join(KEY))


@pytest.fixture
def small(monkeypatch):
    """The command with the amounts that the receiver of these tests is made for."""
    monkeypatch.setattr(command, "Amounts", lambda timeout_seconds: AMOUNTS)


@pytest.mark.usefixtures("small")
def test_a_pipe_gets_one_line_a_result_then_the_scores(headrace, tmp_path):
    file = tmp_path / "report.json"
    with receiving() as url:
        code, out, err = headrace("otlp-check", url, *HEADER, "--signals", "traces,logs", "--json", str(file))
    assert code == 0
    *results, logs, traces, sent = out.splitlines()
    assert all(len(line.split("\t")) == 6 for line in results)
    assert logs.startswith("logs: MUST ")
    assert traces.startswith("traces: MUST ")
    assert "(100 %)" in logs
    assert sent.startswith("sent ")
    assert "service.name=otlp-check" in err
    assert json.loads(file.read_text())["conforms"] is True
    assert KEY[1] not in out + err + file.read_text()


@pytest.mark.usefixtures("small")
def test_a_terminal_gets_a_table_and_what_to_do(headrace, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with receiving(FAULTS["json-unknown-fields"].prepare) as url:
        code, out, _ = headrace("otlp-check", url, *HEADER, "--signals", "logs")
    assert code == 1
    assert "Unknown fields are ignored at every level (json)" in out
    assert "✗ logs MUST json-unknown-fields" in out
    assert "answered 400 instead of 200" in out
    assert "https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding" in out
    assert "not looked at: no answer was retryable" in out


@pytest.mark.usefixtures("small")
def test_a_should_that_is_not_kept_is_shown_and_costs_no_exit_code(headrace):
    with receiving(FAULTS["method"].prepare) as url:
        code, out, _ = headrace("otlp-check", url, *HEADER, "--signals", "logs")
    assert code == 0
    assert "logs\tSHOULD\tfailed\tmethod\t" in out


@pytest.mark.usefixtures("small")
def test_what_a_server_says_reaches_no_terminal_as_commands(headrace):
    def rude(server):
        server.fault = lambda seen, reply: type(reply)(400, b"\x1b[31m\n", "text/\x1bplain")

    with receiving(rude) as url:
        _, out, _ = headrace("otlp-check", url, "--signals", "logs")
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--header", "X-API-Key"], "--header wants 'Name: value'"),
        (["--header", ": value"], "--header wants 'Name: value'"),
        (["--header", "X-Key: a\nX-Other: b"], "--header wants 'Name: value'"),
        (["--header", "X Key: a"], "--header wants 'Name: value'"),
        (["--header", "X-Key: clé\x00"], "--header wants 'Name: value'"),
        (["--signals", "logs,profiles"], "knows logs, traces, metrics, not profiles"),
        (["--json", "/nowhere/at/all/report.json"], "no folder"),
    ],
)
def test_an_option_that_cannot_be_used_is_one_line(headrace, options, words):
    code, out, err = headrace("otlp-check", f"http://127.0.0.1:{free_port()}", *options)
    assert (code, out) == (1, "")
    assert words in err


def test_where_nobody_listens_is_one_line(headrace):
    code, _, err = headrace("otlp-check", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "cannot connect to 127.0.0.1" in err
