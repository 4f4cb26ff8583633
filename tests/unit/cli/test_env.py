import shlex

from headrace.cli.credentials import Credentials, write_credentials


def test_it_prints_what_sdks_have_to_know_as_shell_variables(headrace, data_dir):
    write_credentials(data_dir, Credentials("http://127.0.0.1:4318", "e", "secret", "p", "hr_key"))
    code, out, _ = headrace("env", "--data-dir", data_dir)
    assert code == 0
    assert dict(line.removeprefix("export ").split("=", 1) for line in out.splitlines()) == {
        "HEADRACE_API_KEY": "hr_key",
        "HEADRACE_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=hr_key",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }


def test_a_value_that_a_shell_would_run_is_quoted(headrace, data_dir):
    write_credentials(data_dir, Credentials("http://x/$(rm -rf .); a", "e", "s", "p", "k"))
    _, out, _ = headrace("env", "--data-dir", data_dir)
    words = shlex.split(out)
    assert "HEADRACE_ENDPOINT=http://x/$(rm -rf .); a" in words
    assert words.count("export") == 5


def test_without_credentials_nothing_is_exported(headrace, data_dir):
    code, out, err = headrace("env", "--data-dir", data_dir)
    assert (code, out) == (1, "")
    assert err.startswith("headrace: ")
    assert "is missing: run `headrace up`" in err
