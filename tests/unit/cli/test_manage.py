import io
import json
import stat
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from headrace.cli.api_client import SESSION_FILE, ApiClient
from headrace.cli.credentials import Credentials, write_credentials
from headrace.cli.manage import pipeline, sinks
from headrace.cli.manage.command import Desk, given
from headrace.cli.printing import flat, one_line, show
from headrace.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
    Unavailable,
)
from headrace.route.wire.pipeline_models import PipelineIn, PipelineOut
from headrace.route.wire.sink_models import AppriseIn, SlackIn, WebhookIn, WebhookOut

CREDENTIALS = Credentials("http://headrace.test", "ada@example.com", "correct horse", "p1", "hr_x")
PROBLEM = {"Content-Type": "application/problem+json"}

Said = tuple[int, Any] | tuple[int, Any, dict[str, str]]


class FakeTransport(BaseAdapter):
    """Answers in the process: sign-ins with the tokens t1, t2 …, all else as the test says, in turn."""

    def __init__(self, *answers: Said | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[requests.PreparedRequest] = []
        self.sign_ins = 0

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        if request.url.endswith("/auth/login"):
            self.sign_ins += 1
            return self._reply(request, 200, {"access_token": f"t{self.sign_ins}"})
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return self._reply(request, *answer)

    def _reply(
        self, request: requests.PreparedRequest, status: int, body: Any, headers: dict[str, str] | None = None
    ) -> requests.Response:
        reply = requests.Response()
        reply.status_code, reply.request, reply.url = status, request, request.url
        reply.headers.update({"Content-Type": "application/json", **(headers or {})})
        reply.raw = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        return reply

    def close(self) -> None:
        """Nothing is open."""


Connect = Callable[..., tuple[ApiClient, FakeTransport]]


@pytest.fixture
def connect(tmp_path) -> Connect:
    def made(*answers: Said | Exception, credentials: Credentials = CREDENTIALS) -> tuple[ApiClient, FakeTransport]:
        transport = FakeTransport(*answers)
        session = requests.Session()
        session.mount("http://", transport)
        return ApiClient(credentials, tmp_path, session), transport

    return made


def problem(status: int, detail: str = "no", **more: Any) -> Said:
    return status, {"type": "about:blank", "status": status, "detail": detail, **more}, PROBLEM


def told(headers: Any) -> str:
    return headers["Authorization"]


# --- signing in ---------------------------------------------------------------------------------------------


def test_the_first_call_signs_in_and_later_commands_go_on_with_its_token(connect):
    api, transport = connect((200, {"id": "a"}), (200, {"id": "b"}))
    assert api.call("GET", "/me").body == {"id": "a"}
    api.call("GET", "/me")
    later, second = connect((200, {}))
    later.call("GET", "/me")
    assert (transport.sign_ins, second.sign_ins) == (1, 0)
    assert {told(each.headers) for each in [*transport.asked, *second.asked]} == {"Bearer t1"}


def test_the_kept_token_is_for_the_eyes_of_its_owner_only(connect, tmp_path):
    connect((200, {}))[0].call("GET", "/me")
    assert stat.S_IMODE((tmp_path / SESSION_FILE).stat().st_mode) == 0o600
    assert CREDENTIALS.password not in (tmp_path / SESSION_FILE).read_text()


@pytest.mark.parametrize(
    "other", [CREDENTIALS.at("http://elsewhere.test"), Credentials("http://headrace.test", "bob@b.org", "", "", "")]
)
def test_a_token_is_shown_to_no_other_endpoint_and_used_for_no_other_account(connect, other):
    connect((200, {}))[0].call("GET", "/me")
    api, transport = connect((200, {}), credentials=other)
    api.call("GET", "/me")
    assert transport.sign_ins == 1


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", b'"x"', b'{"access_token": "a\\nb"}'])
def test_a_damaged_session_is_replaced_by_a_new_one(connect, tmp_path, damage):
    (tmp_path / SESSION_FILE).write_bytes(damage)
    api, transport = connect((200, {}))
    api.call("GET", "/me")
    assert transport.sign_ins == 1
    assert json.loads((tmp_path / SESSION_FILE).read_text())["access_token"] == "t1"


def test_a_token_that_ran_out_is_replaced_and_the_call_made_again(connect):
    connect((200, {}))[0].call("GET", "/me")
    api, transport = connect(problem(401), (200, {"id": "a"}))
    assert api.call("POST", "/projects", {"name": "x"}).body == {"id": "a"}
    assert [each.body for each in transport.asked] == [b'{"name": "x"}'] * 2


def test_who_is_refused_after_signing_in_is_told_so_and_does_not_try_for_ever(connect):
    api, transport = connect(problem(401), problem(401, "this account is gone"))
    with pytest.raises(NotAuthenticated, match="this account is gone"):
        api.call("GET", "/me")
    assert transport.sign_ins == 2


def test_where_the_session_cannot_be_kept_the_command_works_all_the_same(connect, tmp_path):
    (tmp_path / SESSION_FILE).mkdir()
    assert connect((200, {"id": "a"}))[0].call("GET", "/me").body == {"id": "a"}


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput), (403, NotAllowed), (404, NotFound), (409, Conflict), (412, PreconditionFailed),
        (413, InvalidInput), (418, InvalidInput), (429, TooManyRequests), (500, Unavailable), (503, Unavailable),
    ],
)  # fmt: skip
def test_a_problem_becomes_the_error_that_its_status_stands_for(connect, status, kind):
    with pytest.raises(HeadraceError, match=r"^it is so") as caught:
        connect(problem(status, "it is so"))[0].call("GET", "/me")
    assert type(caught.value) is kind


def test_every_wrong_field_is_in_the_one_line_with_position_and_hint(connect):
    faults = [
        {"field": "filter", "message": "no operator ==", "position": 4, "hint": "write ="},
        {"field": "", "message": "two\nlines\x1b[2J", "position": None, "hint": ""},
    ]
    with pytest.raises(InvalidInput) as caught:
        connect(problem(400, errors=faults))[0].call("GET", "/me")
    assert str(caught.value) == r"filter: no operator == (at character 4); write =; two\nlines\x1b[2J"


def test_a_limit_says_how_long_to_wait(connect):
    status, body, headers = problem(429, "wait")
    with pytest.raises(TooManyRequests, match=r"wait \(try again in 7 s\)"):
        connect((status, body, {**headers, "Retry-After": "7"}))[0].call("GET", "/me")


def test_when_nobody_answers_the_question_is_whether_it_runs(connect):
    with pytest.raises(Unavailable, match=r"http://headrace\.test gave no answer; is `headrace up` running\?"):
        connect(requests.ConnectionError())[0].call("GET", "/me")


@pytest.mark.parametrize("answer", [(404, b"<html>"), (200, b"<html>"), (302, b""), (200, [1]), (500, {"a": 1})])
def test_an_answer_of_somebody_else_is_not_taken_for_one_of_headrace(connect, answer):
    with pytest.raises(Unavailable, match="is the endpoint right"):
        connect(answer)[0].call("GET", "/me")


def test_an_endpoint_that_is_no_url_is_named(connect):
    with pytest.raises(InvalidInput, match=r"^endpoint: must be an http or https URL"):
        connect(credentials=CREDENTIALS.at("localhost:4318"))


# --- lists and changes --------------------------------------------------------------------------------------


def page(first: int, last: int, cursor: str | None) -> Said:
    return 200, {"items": [{"id": number} for number in range(first, last)], "next_cursor": cursor}


def test_a_list_is_read_to_its_end(connect):
    api, transport = connect(page(0, 2, "c&1"), page(2, 2, "c2"), page(2, 3, None))
    assert api.all_items("/projects") == {"items": [{"id": 0}, {"id": 1}, {"id": 2}], "next_cursor": None}
    assert [each.url.partition("?")[2] for each in transport.asked] == [
        "limit=200", "limit=200&cursor=c%261", "limit=200&cursor=c2",
    ]  # fmt: skip


def test_a_limit_is_kept_and_what_comes_next_is_told(connect):
    api, transport = connect(page(0, 2, "c1"), page(2, 3, "c2"))
    assert api.all_items("/x", limit=3, queue="raw")["next_cursor"] == "c2"
    assert transport.asked[1].url.endswith("?queue=raw&limit=1&cursor=c1")


def test_a_change_stores_what_was_there_with_what_was_given_for_that_version_only(connect):
    stored = {"filter": "a", "batch_size": 10, "version": 3}
    api, transport = connect((200, stored, {"ETag": '"3"'}), (200, {"version": 4}))
    assert api.change("/x", {"filter": None}, read_only=("version",)) == {"version": 4}
    put = transport.asked[1]
    assert (put.method, put.headers["If-Match"]) == ("PUT", '"3"')
    assert json.loads(put.body) == {"filter": None, "batch_size": 10}


def test_a_change_of_nothing_is_refused_before_anything_is_asked(connect):
    with pytest.raises(InvalidInput, match="nothing to change"):
        connect()[0].change("/x", {}, read_only=())


@pytest.mark.parametrize("segment", ["", ".", "..", "a/b", "a?b", "ä", "a\n", "x" * 65])
def test_what_is_no_id_never_becomes_the_address_of_something_else(connect, segment):
    with pytest.raises(InvalidInput, match="is no id"):
        Desk(connect()[0], "p1", "table").path("sinks", segment)
    with pytest.raises(InvalidInput, match="is no id"):
        Desk(connect()[0], segment, "table").path()


# --- options ------------------------------------------------------------------------------------------------


def test_an_option_that_was_not_given_changes_nothing_and_an_empty_one_takes_away():
    options = {"a": None, "b": [], "c": "", "d": False, "e": 0, "f": ["x"]}
    assert given(options) == {"c": None, "d": False, "e": 0, "f": ["x"]}


def test_every_field_of_a_pipeline_but_its_transforms_has_an_option():
    assert {*pipeline.SETTABLE, "transforms"} == set(PipelineIn.model_fields)
    assert {*PipelineIn.model_fields, *pipeline.READ_ONLY} == set(PipelineOut.model_fields)


def test_every_field_of_a_sink_has_an_option():
    assert {*sinks.SETTABLE, "type", "webhook_url"} == set(SlackIn.model_fields)
    named = {"headers" if name == "header" else name for name in sinks.WEBHOOK_ONLY}
    assert {*sinks.SETTABLE, *named, "type", "url"} == set(WebhookIn.model_fields)
    assert {*sinks.SETTABLE, "type", "url"} == set(AppriseIn.model_fields)
    assert set(sinks.READ_ONLY) == (set(WebhookOut.model_fields) - set(WebhookIn.model_fields))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"), (b"\xff", "is no UTF-8 text"), (b"{", "is no JSON"),
        (b"[1]", "must hold one JSON object"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_describe_a_pipeline_is_refused(headrace, data_dir, tmp_path, content, words):
    write_credentials(data_dir, CREDENTIALS)
    file = tmp_path / "pipeline.json"
    if content is not None:
        file.write_bytes(content)
    code, out, err = headrace("pipeline", "set", "--file", file, "--data-dir", data_dir)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert words in err


def test_a_record_that_is_no_json_is_named_by_its_line(headrace, data_dir, tmp_path):
    write_credentials(data_dir, CREDENTIALS)
    (tmp_path / "records.jsonl").write_text('{"a": 1}\n\n{"a":\n')
    assert "line 3 of " in headrace("pipeline", "test", "--data-dir", data_dir, "--file", tmp_path / "records.jsonl")[2]


def test_a_header_without_a_colon_is_refused(headrace, data_dir):
    write_credentials(data_dir, CREDENTIALS)
    code, _, err = headrace(
        "sink", "add", "webhook", "http://x.test/", "--header", "Authorization", "--data-dir", data_dir
    )
    assert (code, err) == (1, "headrace: header: 'Authorization' must be NAME:VALUE\n")


def test_without_credentials_it_is_said_what_makes_them(headrace, data_dir):
    code, _, err = headrace("status", "--data-dir", data_dir)
    assert code == 1
    assert "credentials.json is missing: run `headrace up` or `headrace init` first" in err


@pytest.mark.parametrize(("answer", "code", "gone"), [("y", 0, True), ("n", 1, False)])
def test_a_person_is_asked_before_a_project_is_deleted(headrace, data_dir, site, monkeypatch, answer, code, gone):
    path = "/api/v1/projects/p1"
    there = site(
        ("POST", "/api/v1/auth/login", 200, b'{"access_token": "t"}'),
        ("GET", path, 200, b'{"name": "shop"}'),
        ("DELETE", path, 204, b""),
    )
    write_credentials(data_dir, CREDENTIALS.at(there.url))
    person = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(person, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", person)
    ended, _, err = headrace("project", "delete", "--data-dir", data_dir)
    assert "Delete the project 'shop' (p1) and everything in it? [y/N]" in err
    assert (ended, any(asked[0] == "DELETE" for asked in there.asked)) == (code, gone)


# --- printing -----------------------------------------------------------------------------------------------


def test_what_is_nested_gets_a_name_with_dots_and_a_list_is_json():
    assert flat({"a": {"b": None, "c": {"d": 1.5}}, "e": ["ü"], "f": True, "g": {}}) == {
        "a.b": "", "a.c.d": "1.5", "e": '["ü"]', "f": "true", "g": "{}",
    }  # fmt: skip


def test_nothing_that_strangers_wrote_is_obeyed_by_the_terminal(capsys):
    assert one_line("a\tb\nc\x1b[2J\x9b") == r"a\tb\nc\x1b[2J\x9b"
    show({"items": [{"body": "\x1b[2J\x9b", "x\ny": 1}]}, "table")
    show({"body": "\x1b[2J\x9b"}, "json")
    assert capsys.readouterr().out == 'body\tx\\ny\n\\x1b[2J\\x9b\t1\n{\n  "body": "\\u001b[2J\\u009b"\n}\n'


def test_a_pipe_gets_a_line_for_each_item_with_every_column_that_any_of_them_has(capsys):
    show({"items": [{"id": 1, "at": "2026-02-03T10:30:00.123456789Z"}, {"id": 2, "url": "u"}]}, "table")
    assert capsys.readouterr().out == "id\tat\turl\n1\t2026-02-03T10:30:00Z\t\n2\t\tu\n"


def test_chosen_columns_are_shown_whole_and_json_has_them_all(capsys):
    answer = {"results": [{"kept": True, "record": {"a": {"b": 1}}}]}
    show(answer, "table", ("record",), items="results")
    assert capsys.readouterr().out == 'record\n{"a": {"b": 1}}\n'
    show(answer, "json", ("record",), items="results")
    assert json.loads(capsys.readouterr().out) == answer


def test_an_empty_list_and_one_that_goes_on_are_told_apart_beside_the_answer(capsys):
    show({"items": [], "next_cursor": None}, "table")
    assert capsys.readouterr() == ("", "none\n")
    show({"items": [{"id": 1}], "next_cursor": "c"}, "table")
    assert capsys.readouterr().err == "there are more: ask for them with --limit\n"


def test_a_terminal_gets_a_table_in_which_nothing_is_markup_or_cut_short(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    show({"items": [{"name": "[red]x[/]", "id": "i" * 50}]}, "table")
    out = capsys.readouterr().out
    assert "[red]x[/]" in out
    assert out.count("i") == 51
    assert "…" not in out
