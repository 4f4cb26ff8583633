"""The wiring on AWS beyond its contract: what it makes, and how it gets there after whatever came between."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import pytest

from headrace.adapters.wiring_aws import AwsWiring
from headrace.errors import ConfigError, Unavailable
from headrace.ports.wiring import Subscription
from tests.engines.aws_proxy import AwsProxy, refusal, refuse_after, reply
from tests.engines.ministack import client, make_function, queue_arn

pytestmark = pytest.mark.connected

FUNCTIONS = {"raw": "pipeline", "output": "arn:aws:lambda:eu-west-1:000000000000:function:sink"}
RAW = Subscription("gf-ai-raw-1", "raw", timedelta(milliseconds=1500), 4)
OUTPUT = Subscription("gf-ai-output-1", "output")
SPANS = Subscription("gf-ai-spans-1", "spans")
ALL = [RAW, OUTPUT, SPANS]


class Account:
    """What really is there, seen past the proxy."""

    def __init__(self, stack: ExitStack) -> None:
        self.sqs, self.functions = (stack.enter_context(closing(client(name))) for name in ("sqs", "lambda"))

    def queues(self) -> list[str]:
        return sorted(url.rpartition("/")[2] for url in self.sqs.list_queues().get("QueueUrls", []))

    def attributes(self, queue: str) -> dict[str, str]:
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def tags(self, queue: str) -> dict[str, str]:
        return self.sqs.list_queue_tags(QueueUrl=self.sqs.get_queue_url(QueueName=queue)["QueueUrl"])["Tags"]

    def mappings(self, queue: str = "") -> list[dict[str, Any]]:
        where = {"EventSourceArn": queue_arn(queue)} if queue else {}
        return self.functions.list_event_source_mappings(**where)["EventSourceMappings"]


@pytest.fixture
def account(ministack) -> Iterator[Account]:
    make_function("pipeline", timeout_s=300)
    make_function("sink", timeout_s=120)
    with ExitStack() as stack:
        yield Account(stack)


@pytest.fixture
def wiring(account, aws_proxy) -> Iterator[AwsWiring]:
    wiring = new_wiring()
    yield wiring
    wiring.close()


def new_wiring() -> AwsWiring:
    return AwsWiring(FUNCTIONS, queue_prefix="gf-ai", receive_limit=12)


def settle(wiring: AwsWiring, wanted: list[Subscription], tries: int = 20) -> None:
    """Reconcile as the control plane does: again when it was Unavailable."""
    for _ in range(tries):
        try:
            wiring.reconcile("1", wanted)
        except Unavailable:
            continue
        return
    raise AssertionError(f"still unavailable after {tries} tries")


# --- what it makes -------------------------------------------------------------------------------------------


def test_a_queue_keeps_its_messages_for_14_days_sealed_and_gives_up_into_its_own_dead_letters(wiring, account):
    wiring.reconcile("1", [RAW])
    assert account.queues() == ["gf-ai-raw-1", "gf-ai-raw-1-dlq"]
    for queue in account.queues():
        found = account.attributes(queue)
        assert (found["MessageRetentionPeriod"], found["MaximumMessageSize"]) == ("1209600", "1048576")
        assert found["SqsManagedSseEnabled"] == "true"
        assert account.tags(queue)["headrace:project"] == "1"
    policy = json.loads(account.attributes("gf-ai-raw-1")["RedrivePolicy"])
    assert policy == {"deadLetterTargetArn": queue_arn("gf-ai-raw-1-dlq"), "maxReceiveCount": 12}


def test_a_message_stays_hidden_for_six_times_the_functions_time_limit_and_the_window(wiring, account):
    wiring.reconcile("1", ALL)
    seconds = {
        queue: account.attributes(queue)["VisibilityTimeout"] for queue in account.queues() if "dlq" not in queue
    }
    assert seconds == {"gf-ai-raw-1": "1802", "gf-ai-output-1": "720", "gf-ai-spans-1": "30"}


def test_a_mapping_has_what_the_pipeline_asks_for(wiring, account):
    wiring.reconcile("1", [RAW])
    (mapping,) = account.mappings("gf-ai-raw-1")
    assert mapping["FunctionArn"].endswith(":function:pipeline")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (10, 2)
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 4}


@pytest.mark.parametrize(("asked", "given"), [(1, 2), (1000, 1000), (5000, 1000)])
def test_concurrency_stays_within_what_lambda_takes(wiring, account, asked, given):
    wiring.reconcile("1", [Subscription("gf-ai-raw-1", "raw", timedelta(seconds=900), asked)])
    (mapping,) = account.mappings("gf-ai-raw-1")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": given}
    assert mapping["MaximumBatchingWindowInSeconds"] == 300


def test_a_queue_that_is_paused_or_has_no_function_is_kept_and_not_consumed(wiring, account):
    paused = Subscription(RAW.queue, "raw", active=False)
    wiring.reconcile("1", [paused, SPANS])
    assert account.mappings() == []
    assert [each.active for each in wiring.subscriptions()] == [False, False]
    wiring.reconcile("1", [RAW])
    wiring.reconcile("1", [paused])
    assert [mapping["State"] for mapping in account.mappings()] == ["Disabled"]
    wiring.reconcile("1", [RAW])
    assert [mapping["State"] for mapping in account.mappings()] == ["Enabled"]


def test_what_already_is_as_wanted_is_left_alone(wiring, aws_proxy: AwsProxy):
    wiring.reconcile("1", ALL)
    del aws_proxy.calls[:]
    wiring.reconcile("1", ALL)
    changes = [name for name in aws_proxy.calls if not name.startswith(("Get", "List"))]
    assert changes == []


def test_what_others_changed_is_put_right(wiring, account):
    wiring.reconcile("1", [RAW])
    url = account.sqs.get_queue_url(QueueName=RAW.queue)["QueueUrl"]
    account.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": ""})
    account.sqs.untag_queue(QueueUrl=url, TagKeys=["headrace:kind"])
    (mapping,) = account.mappings(RAW.queue)
    account.functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=1, FunctionName="sink")
    wiring.reconcile("1", [RAW])
    assert account.attributes(RAW.queue)["VisibilityTimeout"] == "1802"
    assert "RedrivePolicy" in account.attributes(RAW.queue)
    (mapping,) = account.mappings(RAW.queue)
    assert (mapping["BatchSize"], mapping["FunctionArn"].rpartition(":")[2]) == (10, "pipeline")
    assert wiring.subscriptions() == [RAW]


def test_what_is_not_wanted_goes_with_mapping_and_dead_letters(wiring, account):
    wiring.reconcile("1", ALL)
    wiring.reconcile("2", [Subscription("gf-ai-raw-2", "raw")])
    wiring.reconcile("1", [])
    assert account.queues() == ["gf-ai-raw-2", "gf-ai-raw-2-dlq"]
    assert [mapping["EventSourceArn"] for mapping in account.mappings()] == [queue_arn("gf-ai-raw-2")]


def test_a_strangers_queue_with_a_like_name_is_not_touched(wiring, account):
    account.sqs.create_queue(QueueName="gf-ai-notes-1")
    account.sqs.create_queue(QueueName="gf-ai-raw-x-1", tags={"headrace:project": "x-1"})
    wiring.reconcile("1", [])
    assert account.queues() == ["gf-ai-notes-1", "gf-ai-raw-x-1"]
    assert wiring.subscriptions() == []


@pytest.mark.parametrize("queue", ["q" * 77, "no spaces", "no.dots", ""])
def test_a_name_that_sqs_does_not_take_is_a_wrong_setting(wiring, account, queue):
    with pytest.raises(ConfigError, match="HEADRACE_QUEUE_PREFIX"):
        wiring.reconcile("1", [Subscription(queue, "raw")])
    wiring.reconcile("1", [Subscription("q" * 76, "raw", active=False)])
    assert len(account.queues()[1]) == 80


def test_long_lists_are_read_to_their_end(wiring, aws_proxy: AwsProxy):
    wiring.reconcile("1", [RAW])
    aws_proxy.spoil("ListQueues", reply(QueueUrls=["http://any/1/gf-ai-raw-none"], NextToken="0"))
    aws_proxy.spoil("ListEventSourceMappings", reply(EventSourceMappings=[], NextMarker="0"))
    assert wiring.subscriptions() == [RAW]


# --- what comes between --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [refusal(400, "AccessDenied"), refuse_after], ids=["before", "after"])
def test_dying_at_any_change_leaves_what_the_next_run_completes(wiring, account, aws_proxy: AwsProxy, cut):
    """The k-th call that changes something is cut off, for every k, on the way up and on the way down."""
    for before, wanted in (([], [RAW]), ([RAW], [])):
        for place in range(3):
            wiring.reconcile("1", before)
            aws_proxy.spoil_change(place, cut)
            with pytest.raises(Unavailable):
                wiring.reconcile("1", wanted)
            wiring.reconcile("1", wanted)
            assert account.queues() == sorted(f"{each.queue}{end}" for each in wanted for end in ("", "-dlq"))
            assert len(account.mappings()) == len(wanted)


@pytest.mark.parametrize(
    ("operation", "status", "code", "minutes"),
    [
        ("CreateQueue", 400, "QueueDeletedRecently", 1),
        ("CreateQueue", 400, "QueueNameExists", 0),
        ("SetQueueAttributes", 400, "QueueDoesNotExist", 0),
        ("CreateEventSourceMapping", 409, "ResourceConflictException", 0),
        ("CreateEventSourceMapping", 400, "InvalidParameterValueException", 0),
        ("UpdateEventSourceMapping", 400, "ResourceInUseException", 0),
        ("UpdateEventSourceMapping", 404, "ResourceNotFoundException", 0),
        ("DeleteEventSourceMapping", 400, "ResourceInUseException", 0),
    ],
)
def test_what_aws_cannot_do_yet_is_unavailable_and_done_the_next_time(
    wiring, account, aws_proxy: AwsProxy, operation, status, code, minutes
):
    changed = [Subscription(RAW.queue, "raw", timedelta(seconds=9), 9), OUTPUT]
    before = [] if operation.startswith("Create") else [RAW, OUTPUT]
    wanted = [] if operation.startswith("Delete") else changed
    wiring.reconcile("1", before)
    aws_proxy.spoil(operation, refusal(status, code))
    with pytest.raises(Unavailable) as caught:
        wiring.reconcile("1", wanted)
    assert caught.value.retry_after >= timedelta(minutes=minutes)
    wiring.reconcile("1", wanted)
    assert sorted(wiring.subscriptions(), key=lambda each: each.kind, reverse=True) == wanted


def test_one_step_that_fails_does_not_hold_up_the_others(wiring, account, aws_proxy: AwsProxy):
    aws_proxy.spoil("CreateQueue", refusal(400, "QueueDeletedRecently"))
    with pytest.raises(Unavailable):
        wiring.reconcile("1", [RAW, OUTPUT])
    assert wiring.subscriptions() == [OUTPUT]


@pytest.mark.parametrize("state", ["Creating", "Updating", "Disabling"])
def test_a_mapping_that_is_still_changing_is_left_until_it_has_settled(wiring, account, aws_proxy: AwsProxy, state):
    wiring.reconcile("1", [RAW])
    (mapping,) = account.mappings(RAW.queue)
    shown = {key: value for key, value in mapping.items() if key != "LastModified"}
    aws_proxy.spoil("ListEventSourceMappings", reply(EventSourceMappings=[shown | {"State": state, "BatchSize": 1}]))
    with pytest.raises(Unavailable, match=f"it is {state.lower()}"):
        wiring.reconcile("1", [RAW])
    assert "UpdateEventSourceMapping" not in aws_proxy.calls


def test_a_mapping_that_is_being_deleted_is_not_deleted_again(wiring, account, aws_proxy: AwsProxy):
    wiring.reconcile("1", [RAW])
    (mapping,) = account.mappings(RAW.queue)
    shown = {key: value for key, value in mapping.items() if key != "LastModified"} | {"State": "Deleting"}
    aws_proxy.spoil("ListEventSourceMappings", reply(EventSourceMappings=[shown]))
    wiring.reconcile("1", [])
    assert "DeleteEventSourceMapping" not in aws_proxy.calls
    assert account.queues() == []


def test_two_that_reconcile_at_once_end_in_one_mapping_for_each_queue(wiring, account):
    with closing(new_wiring()) as other, ThreadPoolExecutor(2) as pool:
        for wanted in (ALL, [RAW], [], [OUTPUT, RAW]):
            list(pool.map(lambda each, wanted=wanted: settle(each, wanted), (wiring, other)))
            settle(wiring, wanted)
            assert account.queues() == sorted(f"{each.queue}{end}" for each in wanted for end in ("", "-dlq"))
            consumed = [mapping["EventSourceArn"] for mapping in account.mappings()]
            assert sorted(consumed) == sorted(queue_arn(each.queue) for each in wanted if each.kind != "spans")


def test_a_function_that_does_not_exist_is_unavailable(account):
    with (
        closing(AwsWiring({"raw": "missing"}, queue_prefix="gf-ai", receive_limit=12)) as wiring,
        pytest.raises(Unavailable, match="does not exist"),
    ):
        wiring.reconcile("1", [RAW])
