"""Records to groups, groups to the output that Slack and webhooks get."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from error_summary.assessing import Assessment, assess_by_rules
from error_summary.findings import Enrichment, Verdict
from error_summary.grouping import fingerprint, group_events, normalized
from error_summary.output import GROUPS_SENT, encode_output
from error_summary.records import read_event
from headrace.route.wire.slack import encode_slack

OUTPUT_LIMIT_BYTES = 256 * 1024


def record(body: Any = "Connection refused", service: str = "payment", **more: Any) -> dict[str, Any]:
    return {"resourceAttributes": {"service.name": service}, "severityNumber": 17, "body": body, **more}


def summary(*records: dict[str, Any]) -> dict[str, Any]:
    return encode_output(assess_by_rules(group_events(map(read_event, records)), "no key"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Timeout after 30s", "Timeout after 4.5s"),
        ("user 1234 is gone", "user 98 is gone"),
        ("connect to 10.0.0.7:5432 failed", "connect to 192.168.3.4:5433 failed"),
        ("order 6f1c2d3e-0000-4000-8000-1234567890ab lost", "order 7f1c2d3e-aaaa-4000-8000-1234567890ff lost"),
        ("at 2024-01-15T10:30:00Z it broke", "at 2025-02-16 11:31:01.123+01:00 it broke"),
        ("block 0xdeadbeef", "block 0x1"),
        ("commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "commit 1c6a5f7e"),
        ("too   many\n spaces", "too many spaces"),
    ],
)
def test_messages_that_differ_in_what_changes_are_one_error(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)
    assert len(summary(record(one), record(other))["groups"]) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (record("Connection refused"), record("Connection reset")),
        (record(service="payment"), record(service="cart")),
        (record(attributes={"exception.type": "A"}), record(attributes={"exception.type": "B"})),
    ],
)
def test_another_message_service_or_exception_is_another_error(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert len(summary(one, other)["groups"]) == 2


def test_a_fingerprint_is_the_same_in_every_batch() -> None:
    assert fingerprint(read_event(record("Timeout after 30s"))) == fingerprint(read_event(record("Timeout after 3s")))
    assert fingerprint(read_event(record("Timeout after 30s"))) == "5ee934efc2ea77b2"


def test_a_group_has_its_count_its_first_and_last_moment_and_a_few_traces() -> None:
    moments = ["2024-01-15T10:30:00.5Z", "2024-01-15T10:30:00Z", "2024-01-15T10:30:00.123456789Z", "nonsense", None]
    traces = ["A" * 32, "b" * 32, "b" * 32, "c" * 32, "d" * 32]
    pairs = zip(moments, traces, strict=True)
    (group,) = summary(*(record(timestamp=moment, traceId=trace) for moment, trace in pairs))["groups"]
    assert group["count"] == 5
    assert (group["first_seen"], group["last_seen"]) == ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00.5Z")
    assert group["trace_ids"] == ["a" * 32, "b" * 32, "c" * 32]


def test_the_output_reads_from_the_most_important_to_the_details() -> None:
    output = summary(
        record("Read timed out", "cart"), *[record("pool exhausted", timestamp="2024-01-15T10:30:00Z")] * 2
    )
    assert output["title"] == "ConnectionPoolExhausted in payment"
    assert (output["severity"], output["count"], output["notify"]) == ("critical", 3, True)
    assert output["services"] == "payment (2), cart (1)"
    assert (output["mode"], output["offline_reason"]) == ("offline", "no key")
    assert [group["severity"] for group in output["groups"]] == ["critical", "warning"]


def test_slack_shows_all_that_people_read_and_no_json() -> None:
    output = summary(record("pool exhausted", traceId="a" * 32, timestamp="2024-01-15T10:30:00Z"))
    message = json.loads(encode_slack(output, None, "request-1"))
    texts = "\n".join(_texts(message))
    shown = (output["title"], output["summary"], output["root_cause"], *output["remediation"], "no key", "a" * 32)
    assert [each for each in shown if each not in texts] == []
    assert '{"' not in texts


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "(no message)"),
        ({"body": None, "attributes": None, "resourceAttributes": None}, "(no message)"),
        ({"body": {"message": "told in a map"}}, "told in a map"),
        ({"body": {"code": 7}}, '{"code": 7}'),
        ({"body": [1, 2]}, "[1, 2]"),
        ({"body": 42}, "42"),
        ({"body": "", "attributes": {"exception.message": "said by the exception"}}, "said by the exception"),
        ({"signal": "span", "name": "GET /", "status": {"code": "ERROR", "message": "broken"}}, "broken"),
        ({"signal": "span", "name": "GET /", "status": {"code": "ERROR"}, "events": [7]}, "GET /"),
        (
            {"signal": "span", "events": [{"name": "exception", "attributes": {"exception.message": "in the span"}}]},
            "in the span",
        ),
        ({"signal": "metric", "name": "queue.depth"}, "queue.depth"),
        ({"body": "broken \ud800 text \x00\x1b[31m"}, "broken   text  [31m"),
        ({"severityNumber": "17", "timestamp": 7, "traceId": ["x"], "body": "odd"}, "odd"),
    ],
)
def test_a_record_that_is_odd_is_read_as_far_as_it_goes(given: dict[str, Any], message: str) -> None:
    output = summary(given)
    assert output["groups"][0]["message"] == message
    json.dumps(output, ensure_ascii=False).encode()


def test_the_worst_output_is_below_the_limit() -> None:
    """Every text at its limit, in characters of four bytes, and quotes that JSON has to escape."""
    wide, groups = '😀"' * 1000, []
    for number in range(3000):
        name = "😀" * 10 + chr(0x4E00 + number) * 2
        groups.append(record(f"{name} {wide}", name + wide, traceId=f"{number:032x}", timestamp="2024-01-15T10:30:00Z"))
    found = group_events(map(read_event, groups))
    said = Enrichment(summary=wide * 9, root_cause=wide * 9, remediation=[wide] * 99, notify=True)
    verdicts = [Verdict(error_type=wide, severity="critical")] * len(found)
    output = encode_output(Assessment(found, verdicts, said, offline_reason=wide[:300]))
    assert len(json.dumps(output, ensure_ascii=False).encode()) < OUTPUT_LIMIT_BYTES
    assert (len(output["groups"]), output["groups_left_out"]) == (GROUPS_SENT, 3000 - GROUPS_SENT)
    assert output["count"] == 3000
