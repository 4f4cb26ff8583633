from datetime import timedelta
from pathlib import Path

import pytest

from headrace.errors import ConfigError
from headrace.runtime.template import Function, choose, find_template, read_template

ROOT = Path(__file__).parents[3]

WHOLE = """
Globals:
  Function: {Handler: handler.handler, Timeout: 30, Layers: [!Ref Layer]}
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: prod}}
  One:
    Type: AWS::Serverless::Function
    Metadata: {Headrace: {Queue: raw}}
    Properties:
      CodeUri: functions/one
      Timeout: 300
      Environment: {Variables: {TABLE: !GetAtt [Table, Arn], NAME: !Sub "${Stage}-x", ALL: !If {a: b}}}
      Events:
        Get: {Type: Api, Properties: {RestApiId: !Ref Api, Path: "/things/{id}", Method: get}}
        Put: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /things, Method: put}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        Tock: {Type: Schedule, Properties: {Schedule: rate(90 seconds)}}
  Two:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: two, Handler: other.call}
"""


def read(tmp_path, text):
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return read_template(path)


def function(properties, metadata=""):
    return f"""
Resources:
  Odd:
    Type: AWS::Serverless::Function
    {metadata}
    Properties: {properties}
"""


def event(kind, properties):
    return function(
        f"{{CodeUri: x, Handler: a.b, Events: {{E: {{Type: {kind}, Properties: {{{properties}}}}}}}}}",
    )


def test_everything_that_calls_a_function_is_read(tmp_path):
    one, _ = read(tmp_path, WHOLE)
    assert one == Function(
        name="One",
        folder=tmp_path / "functions/one",
        handler="handler.handler",
        timeout=timedelta(minutes=5),
        routes=(("GET", "/things/{id}"), ("PUT", "/things")),
        queue="raw",
        schedules=(timedelta(minutes=1), timedelta(seconds=90)),
    )


def test_what_a_function_does_not_say_comes_from_the_globals_and_what_nobody_says_is_absent(tmp_path):
    _, two = read(tmp_path, WHOLE)
    assert two == Function("Two", tmp_path / "two", "other.call", timedelta(seconds=30))


def test_a_function_without_a_timeout_gets_lambdas_three_seconds(tmp_path):
    (odd,) = read(tmp_path, function("{CodeUri: x, Handler: a.b}"))
    assert odd.timeout == timedelta(seconds=3)


def test_resources_that_are_no_functions_are_left_to_the_cloud(tmp_path):
    assert [each.name for each in read(tmp_path, WHOLE)] == ["One", "Two"]


@pytest.mark.parametrize(
    ("rate", "period"),
    [
        ("rate(1 second)", timedelta(seconds=1)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("rate(1 hour)", timedelta(hours=1)),
        ("rate(2 days)", timedelta(days=2)),
    ],
)
def test_rates_are_periods(tmp_path, rate, period):
    (odd,) = read(tmp_path, event("Schedule", f"Schedule: {rate}"))
    assert odd.schedules == (period,)


@pytest.mark.parametrize(
    "rate", ["cron(0 12 * * ? *)", "rate(0 minutes)", "rate(5 weeks)", "rate(-1 days)", "5 minutes"]
)
def test_a_schedule_that_is_no_rate_is_refused_with_its_text(tmp_path, rate):
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, event("Schedule", f'Schedule: "{rate}"'))
    assert str(refusal.value).startswith("Odd: ")
    assert rate in str(refusal.value)


def test_events_that_one_machine_does_not_know_are_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="Odd: events of type S3 are not known"):
        read(tmp_path, event("S3", "Bucket: b"))


def test_a_queue_of_a_kind_that_does_not_exist_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="Odd: queues of kind 'rwa' are not known here, only raw, output, spans"):
        read(tmp_path, function("{CodeUri: x, Handler: a.b}", "Metadata: {Headrace: {Queue: rwa}}"))


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "Resources: []", "Globals: {}", "Resources:", "\x00", "Resources: !Sub x"]
)
def test_what_is_no_template_is_refused_with_its_path(tmp_path, text):
    with pytest.raises(ConfigError, match=r"template\.yaml is not a template"):
        read(tmp_path, text)


def test_a_template_that_is_not_text_is_refused_with_its_path(tmp_path):
    (tmp_path / "template.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"template\.yaml is not a template"):
        read_template(tmp_path / "template.yaml")


def test_a_template_that_is_not_there_is_refused_with_its_path(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml is not a template"):
        read_template(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (function("{Handler: a.b}"), "CodeUri"),
        (function("{CodeUri: x}"), "Handler"),
        (event("Api", "Path: /x"), "Method"),
        (event("Api", "Method: get"), "Path"),
        (event("Schedule", "Rate: x"), "Schedule"),
        ("Resources: {Odd: {Properties: {}}}", "Type"),
    ],
)
def test_a_function_that_lacks_something_is_named_with_what_it_lacks(tmp_path, text, missing):
    with pytest.raises(ConfigError, match=f"Odd: '{missing}' is missing"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text", [function("[]"), function("{CodeUri: 5, Handler: a.b}"), function("{CodeUri: x, Handler: a.b, Timeout: s}")]
)
def test_a_function_of_a_wrong_shape_is_named(tmp_path, text):
    with pytest.raises(ConfigError, match="Odd: the template cannot be understood"):
        read(tmp_path, text)


def test_a_checkout_finds_the_template_at_its_root():
    assert find_template() == ROOT / "template.yaml"


def names(chosen):
    return [function.folder.name for function in chosen]


def test_functions_are_chosen_by_the_names_of_their_folders():
    assert names(choose(read_template(find_template()), "sink, receiver,sink,")) == ["sink", "receiver"]


@pytest.mark.parametrize("text", ["", " ", ","])
def test_without_a_name_all_are_chosen(text):
    functions = read_template(find_template())
    assert choose(functions, text) == functions


def test_unknown_names_are_named_beside_the_known_ones():
    with pytest.raises(ConfigError, match=r"no function nosuch, other: choose among receiver, agent_output, .*sink"):
        choose(read_template(find_template()), "receiver,other,nosuch")


def test_a_function_may_still_be_called_what_it_was_called_before():
    functions = read_template(find_template())
    assert choose(functions, "sink,reconcile") == choose(functions, "sink,upkeep")
