import pytest

from headrace import bootstrap
from headrace.cli import first_start
from headrace.cli.credentials import FILE, read_credentials
from headrace.cli.first_start import EMAIL, ensure_credentials
from headrace.errors import ConfigError, InvalidInput, Unavailable
from headrace.ports.items import project_pk
from headrace.teams.wire.items import email_pk
from headrace.upkeep.wire.items import PROJECT

ENDPOINT = "http://127.0.0.1:4318"


@pytest.fixture
def made(data_dir):
    """The data directory, as `up` and `init` make it before they ask for credentials."""
    return bootstrap.make_data_dir()


def owner_of(email):
    item = bootstrap.table("config").get(email_pk(email), "email")
    return item and item["account_id"]


def name_of(project_id):
    return bootstrap.table("config").get(project_pk(project_id), PROJECT)["name"]


def test_an_empty_directory_gets_an_account_a_project_and_a_key_that_work(made):
    credentials, new = ensure_credentials(made, ENDPOINT)
    assert new
    assert (credentials.endpoint, credentials.email) == (ENDPOINT, EMAIL)
    assert len(credentials.password) >= 10
    assert owner_of(EMAIL) is not None
    assert name_of(credentials.project_id) == "default"
    assert bootstrap.api_keys().project_of(credentials.api_key) == credentials.project_id
    assert read_credentials(made) == credentials


def test_the_queues_of_the_first_project_are_wired_and_its_raw_queue_waits_for_an_agent(made):
    project_id = ensure_credentials(made, ENDPOINT)[0].project_id
    found = {each.queue: each.active for each in bootstrap.wiring().subscriptions()}
    assert found == {
        f"gf-ai-raw-{project_id}": False,
        f"gf-ai-output-{project_id}": True,
        f"gf-ai-spans-{project_id}": True,
    }


def test_a_second_start_makes_nothing_anew(made):
    first, _ = ensure_credentials(made, ENDPOINT)
    assert ensure_credentials(made, "http://127.0.0.1:1", email="other@x.io", project="other") == (first, False)
    assert len(bootstrap.wiring().subscriptions()) == 3


def test_a_store_that_is_down_keeps_nobody_from_starting(made, monkeypatch):
    credentials, _ = ensure_credentials(made, ENDPOINT)

    def down(*_):
        raise Unavailable("down")

    monkeypatch.setattr(first_start, "find_account", down)
    assert ensure_credentials(made, ENDPOINT) == (credentials, False)


def test_email_and_project_can_be_chosen(made):
    credentials, _ = ensure_credentials(made, ENDPOINT, email="me@team.io", project="shop")
    assert credentials.email == "me@team.io"
    assert name_of(credentials.project_id) == "shop"


def test_lost_credentials_are_replaced_by_new_ones_on_a_new_account(made):
    lost, _ = ensure_credentials(made, ENDPOINT)
    (made / FILE).unlink()
    found, new = ensure_credentials(made, ENDPOINT)
    assert new
    local, _, domain = found.email.partition("@")
    assert (local.partition("+")[0], domain) == ("you", "headrace.local")
    assert owner_of(found.email) not in (None, owner_of(lost.email))
    assert found.project_id != lost.project_id
    assert bootstrap.api_keys().project_of(found.api_key) == found.project_id
    assert bootstrap.api_keys().project_of(lost.api_key) == lost.project_id


def test_damaged_credentials_are_an_error_and_not_a_first_start(made):
    (made / FILE).write_text("{")
    with pytest.raises(ConfigError):
        ensure_credentials(made, ENDPOINT)
    assert (made / FILE).read_text() == "{"


def test_an_email_that_cannot_be_one_makes_nothing(made):
    with pytest.raises(InvalidInput, match="email"):
        ensure_credentials(made, ENDPOINT, email="nobody")
    assert not (made / FILE).exists()
