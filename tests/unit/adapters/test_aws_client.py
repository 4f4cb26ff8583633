"""What botocore raises and what AWS answers, in the house's words; a client that does not wait for ever."""

import inspect
from datetime import timedelta
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters import aws_client
from headrace.adapters.aws_client import AwsClient, Refused
from headrace.errors import ConfigError, HeadraceError, InvalidInput, Unavailable
from tests.fakes.http import nobody

NOT_RAISED_BY_CALLS = {"UndefinedModelAttributeError", "MissingServiceIdError", "EventStreamError"}
"""Of botocore.exceptions, neither BotoCoreError nor an answer: faults of a client's own code, and of streams."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> AwsClient:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    return AwsClient("sqs", what="the bus")


def failing(client: AwsClient, error: Exception) -> AwsClient:
    class Stand:
        def list_queues(self) -> None:
            raise error

        def close(self) -> None:
            return

    client._client = Stand()
    return client


def answer(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "ListQueues"
    )


def foreign_errors() -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(botocore.exceptions, inspect.isclass)
        if issubclass(kind, Exception) and not issubclass(kind, Warning) and kind.__name__ not in NOT_RAISED_BY_CALLS
    ]


def made(kind: type[Exception]) -> Exception:
    """One of that kind, whatever its message wants to know."""
    if issubclass(kind, ClientError):
        return kind({"Error": {"Code": "Any"}}, "ListQueues")
    error = kind.__new__(kind)
    Exception.__init__(error, "made up")
    return error


@pytest.mark.parametrize("kind", foreign_errors(), ids=lambda kind: kind.__name__)
def test_whatever_botocore_raises_ends_in_the_tree(client, kind):
    with pytest.raises(HeadraceError) as caught:
        failing(client, made(kind)).call("list_queues")
    assert caught.value.__cause__ is not None


def test_botocores_errors_are_all_below_two_roots_or_known_to_be_none_of_ours():
    assert [kind for kind in foreign_errors() if not issubclass(kind, BotoCoreError | ClientError)] == []


@pytest.mark.parametrize("code", sorted(aws_client._THROTTLED))
def test_throttling_is_unavailable_and_says_when_to_come_back(client, code):
    with pytest.raises(Unavailable, match="it throttles") as caught:
        failing(client, answer(code)).call("list_queues")
    assert caught.value.retry_after == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("InternalError", 500, Unavailable, "it answered InternalError"),
        ("", 503, Unavailable, "it answered 503"),
        ("", 429, Unavailable, "it throttles"),
        ("AccessDeniedException", 400, Unavailable, "this function may not do this"),
        ("ResourceNotFoundException", 400, Unavailable, "what is asked for does not exist"),
        ("AWS.SimpleQueueService.UnsupportedOperation", 400, InvalidInput, "words"),
        ("ValidationException", 400, InvalidInput, "words"),
    ],
)
def test_an_answer_that_is_an_error_says_what_to_do(client, code, status, kind, words):
    with pytest.raises(kind, match=words):
        failing(client, answer(code, status)).call("list_queues")


def test_only_codes_that_a_caller_asks_for_are_shown_to_it(client):
    error = answer("AWS.SimpleQueueService.NonExistentQueue")
    with pytest.raises(Refused) as caught:
        failing(client, error).call("list_queues", seen={"NonExistentQueue"})
    assert (caught.value.code, caught.value.message) == ("NonExistentQueue", "words")
    with pytest.raises(Unavailable):
        failing(client, error).call("list_queues", seen={"Other"})


def test_arguments_that_no_call_takes_are_invalid_input(client):
    with pytest.raises(InvalidInput, match="QueueName"):
        client.call("get_queue_url", QueueName=1)


@pytest.mark.parametrize("region", ["", "not a region"])
def test_without_a_usable_region_no_client_is_made_and_the_deployment_is_wrong(monkeypatch, region, tmp_path):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="AWS sqs"):
        AwsClient("sqs", what="the bus", region=region).call("list_queues")


def test_nobody_there_is_unavailable_soon(client, monkeypatch):
    with nobody() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(Unavailable, match="it cannot be reached"):
            client.call("list_queues")
    client.close()


def test_no_call_outlasts_api_gateway_with_all_its_attempts():
    config: Any = aws_client._CONFIG
    attempts, longest_pause_s = config.retries["total_max_attempts"], 2
    assert attempts * (config.connect_timeout + config.read_timeout + longest_pause_s) < 29
