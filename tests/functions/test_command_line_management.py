"""The management commands as a person types them, against a real `headrace up`."""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.credentials import FILE, read_credentials
from headrace_sdk import Headrace
from tests.fakes.http import listening, reply
from tests.flow import process
from tests.flow.process import Runtime
from tests.flow.waiting import wait_until


@dataclass(frozen=True)
class Terminal:
    """Types commands for one project of the account that the runtime's first start has made."""

    data_dir: Path
    project_id: str = ""

    def run(self, *words: object, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        project = ("--project", self.project_id) if self.project_id else ()
        ended = process.headrace(*words, *project, "--data-dir", self.data_dir, stdin=stdin)
        return ended.returncode, ended.stdout, ended.stderr

    def json(self, *words: object, stdin: str = "") -> Any:
        """What a command that works answers with."""
        code, out, err = self.run(*words, "--output", "json", stdin=stdin)
        assert (code, err) == (0, "")
        return json.loads(out) if out else None

    def refused(self, *words: object) -> str:
        """The one line that a command that does not work ends with."""
        code, out, err = self.run(*words)
        assert (code, out, err.count("\n")) == (1, "", 1)
        return err.removeprefix("headrace: ").rstrip()


@pytest.fixture(scope="module")
def runtime_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("up")
    runtime = Runtime(folder / "data", folder / "stderr.log")
    assert runtime.url
    yield folder / "data"
    assert runtime.stop() == 0


@pytest.fixture(scope="module")
def account(runtime_dir: Path) -> Terminal:
    return Terminal(runtime_dir)


@pytest.fixture
def terminal(account: Terminal) -> Terminal:
    """For a project of the test's own."""
    return Terminal(account.data_dir, account.json("project", "create", "one of many")["id"])


def test_the_project_of_the_credentials_is_meant_unless_another_is_named(account, terminal):
    own = read_credentials(account.data_dir).project_id
    assert account.json("project", "show")["id"] == own
    assert terminal.json("project", "show")["id"] == terminal.project_id != own
    assert {own, terminal.project_id} <= {each["id"] for each in account.json("project", "list")["items"]}


def test_a_session_is_kept_for_its_owner_and_none_is_needed(account):
    account.json("project", "list")
    session = account.data_dir / "session.json"
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    session.write_text('{"access_token": "ran out"}')
    assert account.json("project", "list")["items"]


def test_a_project_is_renamed_and_is_gone_after_it_was_deleted(terminal):
    assert terminal.json("project", "rename", "another")["name"] == "another"
    assert terminal.refused("project", "delete").startswith("Delete the project 'another'")
    assert terminal.run("project", "delete", "--yes") == (0, "deleted the project 'another'\n", "")
    assert terminal.refused("project", "show") == "there is no such project"


def test_a_key_is_shown_once_and_can_be_revoked(terminal):
    made = terminal.json("key", "create", "collector")
    (listed,) = terminal.json("key", "list")["items"]
    assert made["key"].startswith(listed["prefix"])
    assert "key" not in listed
    assert terminal.run("key", "revoke", made["id"])[1] == f"revoked the key {made['id']}\n"
    assert terminal.run("key", "list") == (0, "", "none\n")


def test_members_are_listed_and_the_last_owner_stays(terminal):
    (me,) = terminal.json("member", "list")["items"]
    assert me["role"] == "owner"
    assert "email: nobody has signed up" in terminal.refused("member", "add", "x@example.com", "--role", "editor")
    assert "owner" in terminal.refused("member", "role", me["user_id"], "viewer")
    assert "owner" in terminal.refused("member", "remove", me["user_id"])


def test_a_pipeline_keeps_what_was_left_out_and_loses_what_was_emptied(terminal):
    terminal.json("pipeline", "set", "--filter", "severityNumber >= 17", "--batch-size", 5, "--no-enabled")
    terminal.json("pipeline", "set", "--signal", "logs", "--signal", "traces", "--timeout-seconds", 2.5)
    shown = terminal.json("pipeline", "set", "--filter", "")
    assert shown == terminal.json("pipeline", "show")
    assert (shown["filter"], shown["batch_size"], shown["enabled"]) == (None, 5, False)
    assert (shown["signals"], shown["timeout_seconds"], shown["version"]) == (["logs", "traces"], 2.5, 3)
    assert terminal.run("pipeline", "delete")[0] == 0
    assert terminal.json("pipeline", "show")["batch_size"] == 10


def test_a_pipeline_that_was_shown_can_be_edited_and_given_back(terminal, tmp_path):
    shown = terminal.json("pipeline", "show")
    transform = {"expression": "body", "output_name": "alert.text", "output_type": "string"}
    file = tmp_path / "pipeline.json"
    file.write_text(json.dumps({**shown, "transforms": [transform], "batch_size": 7}))
    stored = terminal.json("pipeline", "set", "--file", file, "--batch-size", 8)
    assert (stored["transforms"], stored["batch_size"]) == ([transform], 8)


def test_every_mistake_in_a_pipeline_is_in_one_line(terminal):
    assert "filter: " in (told := terminal.refused("pipeline", "set", "--filter", "a == 1"))
    assert "=" in told
    told = terminal.refused("pipeline", "set", "--batch-size", 0, "--agent-endpoint", "nowhere")
    assert "batch_size: must be at least 1" in told
    assert "agent_endpoint: must be an http or https URL" in told
    assert "nothing to change" in terminal.refused("pipeline", "set")


def test_an_expression_is_tried_on_records_from_a_pipe(terminal):
    records = '{"body": "a", "severityNumber": 9}\n{"body": "b", "severityNumber": 17}\n'
    words = ("pipeline", "test", "--file", "-", "--filter", "severityNumber >= 17")
    assert [each["kept"] for each in terminal.json(*words, stdin=records)["results"]] == [False, True]
    header, *rows = terminal.run(*words, stdin=records)[1].splitlines()
    assert header == "kept\terror\trecord"
    assert [row.partition("\t")[0] for row in rows] == ["false", "true"]


def test_the_log_of_a_sink_says_what_came_back_and_the_list_how_it_is_doing(terminal):
    key, endpoint = terminal.json("key", "create", "agent")["key"], read_credentials(terminal.data_dir).endpoint
    with listening() as webhook:
        webhook.will(reply(403, b"not for you"))
        sink_id = terminal.json("sink", "add", "webhook", webhook.url)["id"]
        Headrace(api_key=key, endpoint=endpoint).send_output({"title": "T"}, request_id="r-1")
        (attempt,) = wait_until(lambda: terminal.json("sink", "log", sink_id)["items"], "the attempt is in the log")
    assert (attempt["status"], attempt["error"]) == (403, "answered 403: not for you")
    header, row = terminal.run("sink", "log", sink_id)[1].splitlines()
    assert header == "at\tok\tstatus\tms\tattempt\terror\trequest_id"
    assert row.split("\t")[1:3] == ["false", "403"]
    header, row = terminal.run("sink", "list")[1].splitlines()
    shown = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert (shown["health"], shown["last_error"]) == ("failing", "answered 403: not for you")


def test_signing_secrets_are_rotated_and_the_old_ones_ended(terminal):
    sink_id = terminal.json("sink", "add", "webhook", "http://127.0.0.1:9/", "--signing-secret", "x" * 24)["id"]
    made = terminal.json("sink", "rotate-secret", sink_id, "--old-valid-seconds", 60)
    assert made["signing_secret"].startswith("whsec_")
    assert made["old_valid_until"] == terminal.json("sink", "show", sink_id)["old_signing_secrets_until"]
    assert terminal.run("sink", "end-old-secrets", sink_id) == (0, "only the newest secret signs\n", "")
    assert terminal.json("sink", "show", sink_id)["old_signing_secrets_until"] is None
    assert terminal.json("pipeline", "rotate-secret")["old_valid_until"] is None
    assert terminal.run("pipeline", "end-old-secrets")[0] == 0


def test_a_sink_of_apprise_is_added_and_what_it_must_not_do_is_refused(terminal):
    added = terminal.json("sink", "add", "apprise", "mailto://user:password@example.com", "--name", "mail")
    assert (added["type"], added["url"]) == ("apprise", "***")
    assert terminal.json("sink", "test", added["id"], "--dry-run")["request"]["body"]["title"] == "Test from Headrace"
    assert "the service syslog is not allowed" in terminal.refused("sink", "add", "apprise", "syslog://")


def test_a_sink_is_added_tried_changed_and_removed_and_its_secrets_stay_secret(terminal):
    with listening() as webhook:
        added = terminal.json("sink", "add", "webhook", webhook.url, "--header", "Authorization: Bearer a:b")
        assert added["headers"] == {"Authorization": "***"}
        assert terminal.json("sink", "test", added["id"], "--dry-run")["sent"] is False
        assert terminal.json("sink", "test", added["id"])["status"] == 202
        assert webhook.wait_for(1)[0].headers["Authorization"] == "Bearer a:b"
        changed = terminal.json("sink", "set", added["id"], "--name", "on-call")
        assert (changed["name"], changed["headers"]) == ("on-call", added["headers"])
        assert changed == terminal.json("sink", "show", added["id"])
        webhook.will(reply(404))
        assert terminal.run("sink", "test", added["id"])[0] == 1
    assert terminal.run("sink", "delete", added["id"])[1] == f"removed the sink {added['id']}\n"
    assert terminal.json("sink", "list")["items"] == []


def test_a_channel_of_slack_is_listed_without_its_address(terminal):
    url = "https://hooks.slack.com/services/T000/B000/SECRET"
    terminal.json("sink", "add", "slack", url, "--name", "alerts", "--filter", "severity = 'critical'")
    _, out, _ = terminal.run("sink", "list")
    assert "\tslack\talerts\t" in out
    assert "SECRET" not in out
    assert "webhook_url: " in terminal.refused("sink", "add", "slack", "http://x.test/")


def test_what_an_agent_refused_is_found_redriven_and_adds_up_again(terminal):
    key = terminal.json("key", "create", "shop")["key"]
    with listening() as agent:
        agent.will(reply(404))
        terminal.json("pipeline", "set", "--agent-endpoint", agent.url, "--batch-window-ms", 0)
        logs = process.headrace(
            "send", "--file", "-", "--api-key", key, "--data-dir", terminal.data_dir, stdin="one\ntwo\n"
        )
        assert logs.returncode == 0
        _settled(terminal, accepted=2, dead_lettered=2)
        letters = terminal.json("dead-letters", "list")["items"]
        assert "404" in letters[0]["reason"]
        assert "\t" in terminal.run("dead-letters", "list", "--queue", "raw")[1]
        agent.will(reply(200))
        ids = [word for letter in letters for word in ("--id", letter["id"])]
        redriven = terminal.json("dead-letters", "redrive", "--queue", "raw", *ids)
        assert redriven == {"redriven": len(letters)}
        _settled(terminal, accepted=2, delivered=2)


def _settled(terminal: Terminal, **expected: int) -> None:
    """Return as soon as nothing is on its way and the counters are these, all others 0."""
    names = ("accepted", "filtered", "errored", "delivered", "dead_lettered", "in_flight")
    wanted = {name: expected.get(name, 0) for name in names}
    wait_until(lambda: wanted.items() <= terminal.json("status").items(), f"status says {wanted}")


def test_discarding_everything_has_to_be_meant(terminal):
    told = terminal.refused("dead-letters", "discard", "--queue", "output")
    assert told == "Remove all dead letters of the output queue for good? Say so with --yes"
    assert terminal.json("dead-letters", "discard", "--queue", "output", "--yes") == {"discarded": 0}
    assert terminal.json("dead-letters", "discard", "--queue", "output", "--id", "x") == {"discarded": 0}


def test_the_audit_says_who_did_what_newest_first(terminal):
    terminal.json("key", "create", "collector")
    code, out, err = terminal.run("audit", "--limit", 1)
    assert (code, err) == (0, "there are more: ask for them with --limit\n")
    assert out.splitlines()[0].split("\t") == ["at", "email", "action", "target", "detail", "address"]
    assert "api_key.create" in out
    actions = [each["action"] for each in terminal.json("audit")["items"]]
    assert actions == ["api_key.create", "project.create"]


def test_without_a_runtime_the_question_is_whether_one_is_up(account, tmp_path):
    told = account.refused("status", "--endpoint", "http://127.0.0.1:1")
    assert told == "http://127.0.0.1:1 gave no answer; is `headrace up` running?"
    assert FILE in Terminal(tmp_path).refused("status")


def test_a_wrong_password_is_told_as_such(account, tmp_path):
    known = json.loads((account.data_dir / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**known, "password": "not the password"}))
    assert "password" in Terminal(tmp_path).refused("project", "list")
