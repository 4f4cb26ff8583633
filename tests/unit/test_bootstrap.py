"""What is made from settings: once, and anew after closing. Settings that no adapter understands are named."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from threading import Barrier

import boto3
import pytest
from moto import mock_aws

from headrace import bootstrap
from headrace.errors import ConfigError, InvalidInput
from headrace.ports.queues import RAW


@pytest.fixture(autouse=True)
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bootstrap, "_overrides", {})
    bootstrap.close()
    bootstrap.override(data_dir=tmp_path / "data")
    yield
    bootstrap.close()


def test_each_thing_is_made_once():
    makers = [
        bootstrap.bus,
        bootstrap.wiring,
        bootstrap.configuration,
        bootstrap.receiving,
        bootstrap.accepting,
        bootstrap.processing,
        bootstrap.delivering,
        lambda: bootstrap.table("config"),
        lambda: bootstrap.table("telemetry"),
    ]
    assert all(make() is make() for make in makers)
    assert bootstrap.bus() is bootstrap.source()
    assert bootstrap.table("config") is not bootstrap.table("telemetry")


@pytest.mark.parametrize(
    "make",
    [
        *(bootstrap.bus, bootstrap.configuration, bootstrap.expressions, bootstrap.outbound, bootstrap.vault),
        *(bootstrap.receiving, bootstrap.processing, bootstrap.delivering, bootstrap.teams, bootstrap.routing),
    ],
    ids=lambda make: make.__name__,
)
def test_threads_that_ask_at_once_get_the_same(make: Callable[[], object]) -> None:
    together = Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return make()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(ask, range(8))))) == 1


def test_after_closing_everything_is_made_anew():
    before = [bootstrap.bus(), bootstrap.configuration(), bootstrap.processing()]
    bootstrap.bus().ping()
    bootstrap.close()
    after = [bootstrap.bus(), bootstrap.configuration(), bootstrap.processing()]
    assert all(old is not new for old, new in zip(before, after, strict=True))
    bootstrap.bus().ping()


def test_the_last_override_wins_and_reaches_what_is_made(tmp_path):
    bootstrap.override(data_dir=tmp_path / "elsewhere", queue_prefix="staging")
    bootstrap.bus().ping()
    assert (tmp_path / "elsewhere" / "bus.db").is_file()
    assert bootstrap.queues().name(RAW, "p") == "staging-raw-p"


def test_the_data_directory_is_for_its_owner_only():
    assert bootstrap.make_data_dir().stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_cannot_be_made_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    bootstrap.override(data_dir=tmp_path / "file" / "data")
    with pytest.raises(ConfigError, match=r"data directory .* cannot be made"):
        bootstrap.make_data_dir()


@pytest.mark.parametrize("url", ["bus.db", "sqlite:", "sqlite:///", "sqs-not-known://", "nothing:///x", ":///x"])
def test_a_bus_that_nobody_knows_is_a_configuration_error_that_names_the_setting(url):
    bootstrap.override(bus=url)
    with pytest.raises(ConfigError, match="HEADRACE_BUS"):
        bootstrap.bus()


@pytest.mark.parametrize("url", ["store.db", "nothing:///x", "mysql://host/x"])
def test_a_store_that_nobody_knows_is_a_configuration_error_that_names_the_setting(url):
    bootstrap.override(store=url)
    with pytest.raises(ConfigError, match="HEADRACE_STORE"):
        bootstrap.table("config")


ON_AWS = {"bus": "sqs://", "store": "dynamodb://"}


@pytest.mark.parametrize("region", ["", "eu-west-1"])
def test_engines_on_aws_are_made_without_asking_them_anything(region):
    bootstrap.override(**{name: url + region for name, url in ON_AWS.items()})
    made = [bootstrap.bus(), bootstrap.wiring(), bootstrap.table("config"), bootstrap.table("telemetry")]
    assert [type(each).__name__ for each in made] == ["SqsBus", "AwsWiring", "DynamoTable", "DynamoTable"]
    with pytest.raises(ConfigError, match="nothing to pull from"):
        bootstrap.source()


@pytest.mark.parametrize("ending", ["EU", "eu-west-1/table", "http://127.0.0.1:4566"])
def test_more_than_a_region_in_a_url_on_aws_is_a_configuration_error(ending):
    bootstrap.override(**{name: url + ending for name, url in ON_AWS.items()})
    for make in (bootstrap.bus, bootstrap.wiring, lambda: bootstrap.table("config")):
        with pytest.raises(ConfigError, match="is no engine on AWS"):
            make()


@pytest.mark.parametrize("name", ["max_record_bytes", "max_output_bytes"])
def test_records_larger_than_an_sqs_message_are_a_configuration_error_that_names_the_limit(name):
    bootstrap.override(**ON_AWS, **{name: 1024 * 1024})
    with pytest.raises(ConfigError, match=f"HEADRACE_{name.upper()} is 1048576, but SQS takes 1032192 bytes"):
        bootstrap.bus()


EMBEDDED, ELSEWHERE = {}, {"bus": "nats://127.0.0.1:4222"}
AGENT = "http://127.0.0.1:8000/process"


@pytest.mark.parametrize(
    "settings",
    [
        EMBEDDED,
        {**ELSEWHERE, "outbound_allow_private": "true"},
        {**ELSEWHERE, "outbound_allow": "127.0.0.0/8"},
        {"outbound_allow_private": "FALSE", "outbound_allow": "10.0.0.1,127.0.0.1"},
    ],
)
def test_an_agent_on_this_machine_is_let_through_on_embedded_engines_or_when_allowed(settings):
    bootstrap.override(**settings)
    assert bootstrap.outbound().check(AGENT) is None


@pytest.mark.parametrize(
    "settings",
    [
        ELSEWHERE,
        {"store": "postgresql://127.0.0.1/headrace"},
        {"outbound_allow_private": "false"},
        {"outbound_allow_private": "false", "outbound_allow": "10.0.0.0/8,*.example.com"},
    ],
)
def test_an_agent_on_this_machine_is_refused_elsewhere_or_when_told_so(settings):
    bootstrap.override(**settings)
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1 is a loopback address"):
        bootstrap.outbound().check(AGENT)


def test_an_allow_list_that_means_nothing_is_a_configuration_error():
    bootstrap.override(outbound_allow="10.0.0.0/99")
    with pytest.raises(ConfigError, match="HEADRACE_OUTBOUND_ALLOW"):
        bootstrap.outbound()


def test_housekeeping_works_on_empty_tables():
    bootstrap.make_data_dir()
    assert bootstrap.housekeep() is None


def test_secrets_that_a_setting_refers_to_are_read_once_and_need_no_id(monkeypatch):
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        keeper = boto3.client("secretsmanager")
        arn = keeper.create_secret(Name="one", SecretString="k" * 64)["ARN"]
        bootstrap.override(jwt_keys=arn, encryption_keys=arn)
        sealed = bootstrap.vault().seal("hush")
        signing = bootstrap.teams().signing_keys
        keeper.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
        assert bootstrap.vault().open(sealed) == "hush"
        assert bootstrap.teams().signing_keys is signing
        bootstrap.override(jwt_keys=None, encryption_keys=None)


def test_what_keeps_queues_in_order_holds_no_secret():
    assert not {field.name for field in fields(bootstrap.upkeep())} & {"vault", "signing_keys", "outbound"}
