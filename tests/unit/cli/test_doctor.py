import shutil
from collections import namedtuple

import orjson
import pytest
import requests

from headrace import bootstrap
from headrace.cli.credentials import FILE, write_credentials
from headrace.cli.init import Wanted, configure
from headrace.ports.bus import Message
from headrace.ports.items import project_pk
from headrace.route.operations.sinks import list_sinks
from headrace.route.wire.items import PIPELINE, SINK_PREFIX

HEALTHY = ("GET", "/health", 200, b"{}")
TAKES_LOGS = ("POST", "/v1/logs", 200, b"{}")
FILTER = "severityNumber >= 17"


@pytest.fixture
def made(data_dir):
    """Sets a data directory up and lets go of it, since the doctor opens it by itself."""

    def make(endpoint="http://127.0.0.1:1", **wanted):
        credentials = configure(Wanted(**wanted))
        write_credentials(data_dir, credentials.at(endpoint))
        return credentials

    return make


@pytest.fixture
def doctor(headrace, data_dir):
    """What the doctor finds: the exit code, and its lines by state."""

    def examine():
        bootstrap.close()
        code, out, err = headrace("doctor", "--data-dir", data_dir)
        assert err == ""
        found = {"ok": [], "note": [], "bad": []}
        for line in out.splitlines():
            state, _, words = line.partition(" ")
            found[state].append(words.strip())
        return code, found

    return examine


def words(lines):
    return "\n".join(lines)


def change(credentials, sk, **values):
    table = bootstrap.table("config")
    table.put({**table.get(project_pk(credentials.project_id), sk), **values})


def test_a_whole_set_up_is_well(doctor, made, site):
    agent, runtime = site(), site(HEALTHY, TAKES_LOGS)
    credentials = made(runtime.url, agent_endpoint=f"{agent.url}/process", filter=FILTER, webhook=agent.url)
    code, found = doctor()
    assert (code, found["note"], found["bad"]) == (0, [], [])
    assert f"the runtime at {runtime.url} is healthy" in found["ok"]
    assert "it takes the API key" in found["ok"]
    assert f"the agent at {agent.url}/process can be reached" in found["ok"]
    assert "sink webhook is on" in found["ok"]
    for kind in ("raw", "output", "spans"):
        assert f"gf-ai-{kind}-{credentials.project_id}: 0 waiting, 0 in work, 0 given up" in found["ok"]
    ((_, _, headers, _),) = [each for each in runtime.asked if each[0] == "POST"]
    assert headers["x-api-key"] == credentials.api_key


def test_without_a_data_directory_it_says_so_once_and_makes_none(doctor, data_dir):
    code, found = doctor()
    assert code == 1
    assert len(found["bad"]) == 2
    assert f"{data_dir} is not there yet: run `headrace up` or `headrace init`" in words(found["bad"])
    assert f"{FILE} is missing" in words(found["bad"])
    assert not data_dir.exists()


def test_without_a_runtime_and_an_agent_it_notes_what_to_run(doctor, made):
    made()
    code, found = doctor()
    assert (code, found["bad"]) == (0, [])
    assert "nothing answers at http://127.0.0.1:1: run `headrace up`" in found["note"]
    assert "no agent: records are kept; run `headrace init --agent-endpoint URL`" in found["note"]
    assert "no sink: what the agent says goes nowhere; run `headrace init --webhook URL`" in found["note"]


def test_a_setting_that_is_misspelt_is_noted_with_what_it_looks_like(doctor, made, monkeypatch):
    made()
    monkeypatch.setenv("HEADRACE_LOGLEVEL", "INFO")
    _, found = doctor()
    assert "HEADRACE_LOGLEVEL is no setting: did you mean HEADRACE_LOG_LEVEL?" in found["note"]


def test_credentials_that_others_may_read_are_bad(doctor, made, data_dir):
    made()
    (data_dir / FILE).chmod(0o640)
    code, found = doctor()
    assert code == 1
    assert "may be read by others (mode 640): run chmod 600" in words(found["bad"])


def test_damaged_credentials_are_bad_and_the_other_looks_go_on(doctor, made, data_dir):
    made()
    (data_dir / FILE).write_text("{")
    code, found = doctor()
    assert code == 1
    assert len(found["bad"]) == 1
    assert f"{FILE} cannot be read" in found["bad"][0]
    assert any("the bus and the tables answer" in line for line in found["ok"])


def test_a_disk_that_is_nearly_full_is_bad(doctor, made, monkeypatch):
    made()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 512 * 1024 * 1024))
    code, found = doctor()
    assert code == 1
    assert "512 MiB free" in words(found["bad"])


@pytest.mark.parametrize("name", ["bus.db", "store.db"])
def test_an_engine_that_does_not_answer_is_bad(doctor, made, data_dir, name):
    made()
    bootstrap.close()
    for path in data_dir.glob(f"{name}*"):
        path.unlink()
    (data_dir / name).mkdir()
    code, found = doctor()
    assert code == 1
    assert found["bad"]


def test_a_runtime_that_is_not_healthy_is_bad_with_its_answer(doctor, made, site):
    runtime = site(("GET", "/health", 503, b'{"store": "unavailable"}'))
    made(runtime.url)
    code, found = doctor()
    assert code == 1
    assert f'{runtime.url}/health answered 503: {{"store": "unavailable"}}' in found["bad"]


def test_a_runtime_that_does_not_know_the_key_is_bad_with_its_answer(doctor, made, site):
    made(site(HEALTHY, ("POST", "/v1/logs", 401, b"not known")).url)
    code, found = doctor()
    assert (code, found["bad"]) == (1, ["it answers 401 to the API key: not known"])


def test_a_runtime_that_breaks_off_is_bad_and_the_other_looks_go_on(doctor, made, site, monkeypatch):
    def break_off(*_, **__):
        raise requests.ConnectionError("reset by peer")

    made(site(HEALTHY).url)
    monkeypatch.setattr(requests, "post", break_off)
    code, found = doctor()
    assert (code, found["bad"]) == (1, ["the runtime broke off: reset by peer"])
    assert any("0 given up" in line for line in found["ok"])


def test_an_agent_that_nobody_answers_for_is_bad(doctor, made):
    made(agent_endpoint="http://127.0.0.1:1/process")
    code, found = doctor()
    assert (code, found["bad"]) == (1, ["nothing answers at the agent's address http://127.0.0.1:1/process"])


def test_an_expression_that_cannot_run_is_bad(doctor, made):
    credentials = made(agent_endpoint="http://127.0.0.1:1/process")
    change(credentials, PIPELINE, filter="severityNumber >=")
    code, found = doctor()
    assert code == 1
    assert len(found["bad"]) == 1


def test_a_damaged_pipeline_is_bad(doctor, made):
    credentials = made(agent_endpoint="http://127.0.0.1:1/process")
    change(credentials, PIPELINE, batch_size="many")
    code, found = doctor()
    assert code == 1
    assert "the stored pipeline is damaged" in words(found["bad"])


def test_a_sink_that_was_switched_off_is_bad(doctor, made):
    credentials = made(webhook="http://127.0.0.1:1/")
    (sink,) = list_sinks(credentials.project_id, bootstrap.table("config"))
    change(credentials, SINK_PREFIX + sink.id, enabled=False)
    code, found = doctor()
    assert (code, found["bad"]) == (1, ["sink webhook is off"])


def test_dead_letters_are_noted_with_their_number(doctor, made):
    credentials = made()
    queue = f"gf-ai-raw-{credentials.project_id}"
    bootstrap.bus().publish(queue, [Message("waits")] * 2)
    bootstrap.bus().dead_letter(queue, [Message(orjson.dumps([]).decode())], "the agent answered 404")
    code, found = doctor()
    assert code == 0
    assert f"{queue}: 2 waiting, 0 in work, 1 given up" in found["note"]
