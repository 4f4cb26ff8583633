"""`headrace up` as far as it goes without serving, and the socket that it listens on."""

import socket
import stat

import pytest

from headrace import bootstrap
from headrace.cli import up
from headrace.cli.credentials import FILE, read_credentials
from headrace.errors import ConfigError
from headrace.runtime.serve import base_url, listen
from headrace.runtime.template import find_template, read_template


class Beside:
    """Instead of the process of the queue functions: it is ready when it is asked."""

    def __init__(self, functions):
        self.names = [function.folder.name for function in functions]
        self.asked = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def is_ready(self):
        self.asked = True
        return True


@pytest.fixture
def beside(monkeypatch):
    """The process that each `headrace up` would have started."""
    made = []
    monkeypatch.setattr(up, "QueueProcess", lambda functions: made.append(Beside(functions)) or made[-1])
    return made


@pytest.fixture
def served(monkeypatch, beside):
    """Instead of serving: what would have been served, which is ready at once and then over."""
    given = []

    def serve(functions, listener, ready, others_ready):
        given.append((functions, base_url(listener)))
        if others_ready():
            ready()
        listener.close()

    monkeypatch.setattr(up, "serve", serve)
    return given


def test_the_first_start_shows_what_it_made_and_that_it_is_ready(data_dir, served, capsys):
    up.run_up("127.0.0.1", 0)
    ((_, endpoint),) = served
    credentials = read_credentials(data_dir)
    said = capsys.readouterr().out
    assert credentials.endpoint == endpoint
    for word in (
        credentials.email,
        credentials.password,
        credentials.project_id,
        credentials.api_key,
        str(data_dir / FILE),
    ):
        assert word in said
    assert said.endswith(f"Headrace is ready at {endpoint}\n")


def test_every_function_runs_either_here_or_beside_and_both_are_ready_before_it_is_said(data_dir, served, beside):
    up.run_up("127.0.0.1", 0)
    ((functions, _),) = served
    (process,) = beside
    assert process.names == ["pipeline", "sink", "traces"]
    assert [function for function in functions if function.queue] == []
    assert len(functions) + len(process.names) == len(read_template(find_template()))
    assert process.asked


def test_a_later_start_is_one_line_and_keeps_its_secrets_to_itself(data_dir, served, capsys):
    up.run_up("127.0.0.1", 0)
    before = read_credentials(data_dir)
    capsys.readouterr()
    up.run_up("127.0.0.1", 0)
    endpoint = served[1][1]
    assert capsys.readouterr().out == f"Headrace is ready at {endpoint}\n"
    assert read_credentials(data_dir) == before.at(endpoint)


def test_a_bus_that_nothing_can_be_pulled_from_is_refused_before_an_account_is_made(data_dir, served):
    bootstrap.override(bus="sqs://eu-west-1")
    with pytest.raises(ConfigError, match="serve only receiver"):
        up.run_up("127.0.0.1", 0)
    assert not (data_dir / FILE).exists()
    assert not served


def test_the_data_directory_is_its_owners_alone(data_dir, served):
    up.run_up("127.0.0.1", 0)
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert bootstrap.settings().data_dir == data_dir


def test_a_port_that_is_taken_is_named_and_nothing_is_made(data_dir, served):
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port} \(.*\); .*--port"):
            up.run_up("127.0.0.1", port)
    assert not data_dir.exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "256.0.0.1"])
def test_an_address_that_is_not_ours_is_named(host):
    with pytest.raises(ConfigError, match=f"cannot listen on {host}:0"):
        listen(host, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_one_is_named(port):
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
        listen("127.0.0.1", port)


def test_port_0_takes_a_free_one_each_time():
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as two:
        assert len({base_url(one), base_url(two)}) == 2


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        (("127.0.0.1", 4318), "http://127.0.0.1:4318"),
        (("0.0.0.0", 4318), "http://127.0.0.1:4318"),  # noqa: S104 - nothing is bound
        (("192.168.1.7", 80), "http://192.168.1.7:80"),
        (("::", 4318, 0, 0), "http://[::1]:4318"),
        (("::1", 4318, 0, 0), "http://[::1]:4318"),
    ],
)
def test_the_base_url_is_where_a_client_on_this_machine_gets_through(bound, url):
    class Listener(socket.socket):
        def getsockname(self):
            return bound

    with Listener() as listener:
        assert base_url(listener) == url
