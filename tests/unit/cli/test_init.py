import pytest

from headrace import bootstrap
from headrace.cli.credentials import read_credentials, write_credentials
from headrace.cli.init import Wanted, configure
from headrace.errors import InvalidExpression, InvalidInput, NotFound
from headrace.teams.operations.projects import delete_project
from headrace.upkeep.operations.change import Person

AGENT = "http://127.0.0.1:8000/process"
WEBHOOK = "http://127.0.0.1:9000/"


@pytest.fixture
def fresh(data_dir):
    """Nothing is remembered from one look to the next."""
    bootstrap.override(config_cache_seconds=0.0)
    return data_dir


def pipeline(credentials):
    return bootstrap.configuration().pipeline(credentials.project_id)


def sinks(credentials):
    return bootstrap.configuration().sinks(credentials.project_id)


def consumed(credentials):
    (raw,) = [
        each for each in bootstrap.wiring().subscriptions() if each.queue.endswith(f"raw-{credentials.project_id}")
    ]
    return raw.active


def test_from_nothing_one_call_gives_a_project_with_agent_filter_and_webhook(fresh):
    credentials = configure(Wanted("me@team.io", "shop", AGENT, "severityNumber >= 17", WEBHOOK))
    assert credentials == read_credentials(fresh)
    assert credentials.email == "me@team.io"
    assert (pipeline(credentials).agent_endpoint, pipeline(credentials).program.filter) == (
        AGENT,
        "severityNumber >= 17",
    )
    assert [(sink.type, sink.url, sink.enabled) for sink in sinks(credentials)] == [("webhook", WEBHOOK, True)]
    assert consumed(credentials)


def test_without_options_there_is_a_project_that_keeps_its_records(fresh):
    credentials = configure(Wanted())
    assert (pipeline(credentials).agent_endpoint, sinks(credentials)) == (None, [])
    assert not consumed(credentials)


def test_repeating_it_changes_nothing(fresh):
    wanted = Wanted("me@team.io", "shop", AGENT, "severityNumber >= 17", WEBHOOK)
    first = configure(wanted)
    before = (pipeline(first), sinks(first), bootstrap.wiring().subscriptions())
    assert configure(wanted) == first
    assert (pipeline(first), sinks(first), bootstrap.wiring().subscriptions()) == before


@pytest.mark.parametrize("name", ["shop", "  shop "])
def test_a_project_is_made_once_however_its_name_is_padded(fresh, name):
    first = configure(Wanted())
    second = configure(Wanted(project=name))
    assert second.project_id != first.project_id
    assert configure(Wanted(project=name)) == second
    assert len(bootstrap.wiring().subscriptions()) == 6


def test_one_may_go_to_another_project_and_back(fresh):
    first = configure(Wanted(project="first"))
    second = configure(Wanted(project="second"))
    assert read_credentials(fresh) == second
    assert bootstrap.api_keys().project_of(second.api_key) == second.project_id
    back = configure(Wanted(project="first"))
    assert (back.project_id, back.email, back.password) == (first.project_id, first.email, first.password)
    assert bootstrap.api_keys().project_of(back.api_key) == first.project_id


def test_what_an_option_does_not_name_stays_as_it_is(fresh):
    configure(Wanted(agent_endpoint=AGENT, filter="true"))
    credentials = configure(Wanted(filter="severityNumber > 1"))
    assert (pipeline(credentials).agent_endpoint, pipeline(credentials).program.filter) == (AGENT, "severityNumber > 1")
    configure(Wanted(agent_endpoint="http://127.0.0.1:8001/"))
    assert pipeline(credentials).program.filter == "severityNumber > 1"
    assert pipeline(credentials).agent_endpoint == "http://127.0.0.1:8001/"


def test_an_empty_option_clears_what_was_set(fresh):
    configure(Wanted(agent_endpoint=AGENT, filter="true"))
    credentials = configure(Wanted(agent_endpoint="", filter=""))
    assert (pipeline(credentials).agent_endpoint, pipeline(credentials).program.filter) == (None, None)
    assert not consumed(credentials)


def test_another_webhook_is_one_more_sink(fresh):
    configure(Wanted(webhook=WEBHOOK))
    credentials = configure(Wanted(webhook="http://127.0.0.1:9001/"))
    assert {sink.url for sink in sinks(credentials)} == {WEBHOOK, "http://127.0.0.1:9001/"}


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (Wanted(agent_endpoint="ftp://x"), InvalidInput, "agent_endpoint"),
        (Wanted(filter="severityNumber >="), InvalidExpression, "filter"),
        (Wanted(webhook="nowhere"), InvalidInput, "url"),
        (Wanted(project="x" * 101), InvalidInput, "name: 1 to 100"),
    ],
)
def test_what_cannot_work_is_refused_and_changes_nothing(fresh, wanted, error, words):
    credentials = configure(Wanted(agent_endpoint=AGENT, filter="true", webhook=WEBHOOK))
    before = (pipeline(credentials), sinks(credentials))
    with pytest.raises(error, match=words):
        configure(wanted)
    assert (pipeline(credentials), sinks(credentials)) == before
    assert read_credentials(fresh) == credentials


@pytest.mark.parametrize(
    "wrong",
    [{"agent_endpoint": "ftp://x"}, {"filter": "a == 1"}, {"webhook": "nowhere"}],
    ids=lambda each: next(iter(each)),
)
def test_an_option_that_cannot_work_keeps_a_new_project_from_being_made(fresh, wrong):
    credentials = configure(Wanted())
    with pytest.raises(InvalidInput):
        configure(Wanted(project="shop", **wrong))
    assert read_credentials(fresh) == credentials
    assert all(each.queue.endswith(credentials.project_id) for each in bootstrap.wiring().subscriptions())


def test_a_filter_in_another_language_is_answered_with_how_jsonata_says_it(headrace, data_dir):
    code, out, err = headrace("init", "--data-dir", data_dir, "--filter", "severityNumber == 17")
    assert (code, out) == (1, "")
    assert err == "headrace: filter: == is not JSONata (at character 15); = compares: a = b\n"


@pytest.mark.parametrize("wanted", [Wanted(project="shop"), Wanted(agent_endpoint=AGENT), Wanted()])
def test_credentials_of_another_store_are_refused(fresh, wanted):
    credentials = configure(Wanted())
    write_credentials(fresh, type(credentials)("http://x", "gone@x.io", "p", "id", "key"))
    with pytest.raises(NotFound, match=r"belongs to another store: the account gone@x\.io is not in this one"):
        configure(wanted)


def test_a_project_that_was_deleted_is_not_configured_and_another_one_can_be(fresh):
    gone = configure(Wanted()).project_id
    delete_project(Person(gone, ""), bootstrap.teams())
    with pytest.raises(NotFound, match=f"{gone} was deleted; --project NAME"):
        configure(Wanted(agent_endpoint=AGENT))
    assert configure(Wanted(project="shop", agent_endpoint=AGENT)).project_id != gone


def test_init_says_what_is_so_and_what_is_missing(headrace, data_dir):
    code, out, _ = headrace("init", "--data-dir", data_dir, "--agent-endpoint", AGENT)
    assert code == 0
    assert f"agent     {AGENT}" in out
    assert "filter    none: every record goes to the agent" in out
    assert "sinks     none yet: add one with --webhook URL" in out
    credentials = read_credentials(data_dir)
    assert f"project   {credentials.project_id}" in out
    assert credentials.api_key not in out
