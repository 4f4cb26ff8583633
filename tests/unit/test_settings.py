from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.errors import ConfigError
from headrace.settings import PREFIX, Settings, environment, load, misspelt

NAMES = [each.name for each in fields(Settings)]
EXAMPLES = {bool: ("true", True), int: ("41", 41), float: ("1.5", 1.5), str: ("some", "some"), Path: ("/x", Path("/x"))}
WORDS = {"log_level": "DEBUG", "expression_engine": "jsonata-python", "outbound_allow_private": "true"}


def kind_of(name):
    default = getattr(Settings(), name)
    return next(kind for kind in EXAMPLES if isinstance(default, kind))


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_read_from_the_environment(name):
    text, value = (WORDS[name],) * 2 if name in WORDS else EXAMPLES[kind_of(name)]
    found = load({PREFIX + name.upper(): text})
    assert getattr(found, name) == value != getattr(Settings(), name)
    assert [other for other in NAMES if getattr(found, other) != getattr(Settings(), other)] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_says_what_it_means(name):
    meaning = next(each.metadata["meaning"] for each in fields(Settings) if each.name == name)
    assert meaning[-1] in ".…"


def test_an_empty_environment_gives_the_defaults():
    assert load({}) == Settings()


def test_other_variables_do_not_matter():
    assert (
        load({"PATH": "/bin", "HEADRACE_ENDPOINT": "http://x", "HEADRACE_": "", "headrace_workers": "x"}) == Settings()
    )


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) is int])
@pytest.mark.parametrize("text", ["", "many", "1.5", "0", "-1", "0x10", "1e3"])
def test_a_whole_number_that_cannot_work_is_refused_by_name(name, text):
    with pytest.raises(ConfigError, match=f"HEADRACE_{name.upper()} must be .*{text}"):
        load({PREFIX + name.upper(): text})


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) is float])
@pytest.mark.parametrize("text", ["", "soon", "-0.1", "nan", "inf", "1e300"])
def test_a_time_that_cannot_work_is_refused_by_name(name, text):
    with pytest.raises(ConfigError, match=f"HEADRACE_{name.upper()} must be"):
        load({PREFIX + name.upper(): text})


def test_a_log_level_that_does_not_exist_is_refused_and_case_does_not_matter():
    with pytest.raises(ConfigError, match="HEADRACE_LOG_LEVEL must be one of DEBUG, INFO"):
        load({"HEADRACE_LOG_LEVEL": "LOUD"})
    assert load({"HEADRACE_LOG_LEVEL": "info"}).log_level == "info"


def test_an_engine_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="HEADRACE_EXPRESSION_ENGINE must be one of jsonatapy, jsonata-python"):
        load({"HEADRACE_EXPRESSION_ENGINE": "jq"})


def test_private_addresses_are_allowed_by_words_or_where_everything_is_a_file_here():
    for text, allowed in (("true", True), ("TRUE", True), ("False", False), ("", True)):
        assert load({"HEADRACE_OUTBOUND_ALLOW_PRIVATE": text}).private_addresses_allowed is allowed
    assert load({"HEADRACE_STORE": "postgresql://x"}).private_addresses_allowed is False
    assert load({"HEADRACE_BUS": "sqs://"}).private_addresses_allowed is False
    with pytest.raises(ConfigError, match="HEADRACE_OUTBOUND_ALLOW_PRIVATE must be one of true, false, not 'yes'"):
        load({"HEADRACE_OUTBOUND_ALLOW_PRIVATE": "yes"})


def test_arguments_win_over_the_environment_and_none_says_nothing():
    found = load({"HEADRACE_WORKERS": "3", "HEADRACE_BUS": "sqlite:///env"}, workers=5, bus=None)
    assert (found.workers, found.bus) == (5, "sqlite:///env")


def test_the_engines_are_in_the_data_directory_unless_told_otherwise():
    found = load({"HEADRACE_DATA_DIR": "/data"})
    assert (found.bus_url, found.store_url) == ("sqlite:////data/bus.db", "sqlite:////data/store.db")
    told = load({"HEADRACE_DATA_DIR": "/data", "HEADRACE_BUS": "sqlite:///b", "HEADRACE_STORE": "sqlite:///s"})
    assert (told.bus_url, told.store_url) == ("sqlite:///b", "sqlite:///s")


def test_another_process_reads_the_same_settings(monkeypatch):
    monkeypatch.setenv("HEADRACE_WORKERS", "3")
    monkeypatch.setenv("OTHER", "stays")
    here = load(data_dir=Path("/elsewhere"), outbound_allow_private="true", key_cache_seconds=1.5)
    there = environment(here)
    assert load(there) == here
    assert there["OTHER"] == "stays"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HEADRACE_DRAIN_SECOND", "HEADRACE_DRAIN_SECONDS"),
        ("HEADRACE_ENCRYPTION_KEY", "HEADRACE_ENCRYPTION_KEYS"),
        ("HEADRACE_DATADIR", "HEADRACE_DATA_DIR"),
        ("HEADRACE_LOGLEVEL", "HEADRACE_LOG_LEVEL"),
        ("HEADRACE_STORE_URL", "HEADRACE_STORE"),
        ("HEADRACE_ALLOW_PRIVATE", "HEADRACE_OUTBOUND_ALLOW_PRIVATE"),
        ("HEADRACE_loglevel", "HEADRACE_LOG_LEVEL"),
    ],
)
def test_a_variable_that_looks_like_a_setting_and_is_none_is_found(name, meant):
    assert misspelt({name: "x", "HEADRACE_WORKERS": "3", "PATH": "/bin"}) == {name: meant}


@pytest.mark.parametrize("name", ["HEADRACE_WORKERS", "HEADRACE_workers", "HEADRACE_WORKERs"])
def test_a_setting_is_one_however_its_letters_are_written(name):
    assert load({name: "3"}).workers == 3
    assert misspelt({name: "3"}) == {}


def test_an_environment_without_variables_has_none_that_are_misspelt(monkeypatch):
    monkeypatch.setenv("HEADRACE_LOGLEVEL", "INFO")
    assert misspelt({}) == {}


@pytest.mark.parametrize(
    "name",
    [
        *("HEADRACE_API_KEY", "HEADRACE_API_KEY_FILE", "HEADRACE_ENDPOINT", "HEADRACE_SIGNING_SECRET"),  # of the SDK
        *("HEADRACE_PORT", "HEADRACE_SERVICE_HOST", "HEADRACE_PORT_4318_TCP_ADDR"),  # of Kubernetes
    ],
)
def test_variables_of_others_are_left_alone(name):
    assert misspelt({name: "x"}) == {}


def test_times_come_as_durations():
    found = load({"HEADRACE_KEY_CACHE_SECONDS": "0.5", "HEADRACE_CONFIG_CACHE_SECONDS": "0"})
    assert (found.key_cache, found.config_cache) == (timedelta(milliseconds=500), timedelta(0))


def test_the_defaults_are_those_of_the_contract():
    default = Settings()
    assert (default.max_body_bytes, default.max_unpacked_bytes) == (6 * 2**20, 32 * 2**20)
    assert (default.max_output_bytes, default.queue_prefix) == (256 * 2**10, "gf-ai")
    assert (default.key_cache, default.data_dir) == (timedelta(seconds=30), Path(".headrace"))
