"""What the rules of `otlp-error-summary` make of messages as real software writes them."""

import pytest

from error_summary.grouping import ErrorGroup, group_events
from error_summary.records import read_event
from error_summary.rules import RULES, explain, find_rule, judge

MESSAGES = {
    "ConnectionPoolExhausted": [
        "Connection refused: database pool exhausted",
        "HikariPool-1 - Connection is not available, request timed out after 30000ms.",
        "FATAL: sorry, too many clients already",
        "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
        "Timeout acquiring a connection from the connection pool",
        "Timeout expired. The timeout period elapsed prior to obtaining a connection from the pool.",
        "ERROR 1040 (HY000): Too many connections",
        "remaining connection slots are reserved for non-replication superuser connections",
    ],
    "Timeout": [
        "Timeout waiting for DB connection after 30s",
        "java.net.SocketTimeoutException: Read timed out",
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        "connect ETIMEDOUT 10.0.0.7:443",
        "upstream request time-out",
        "504 Gateway Time-out",
    ],
    "DnsResolutionFailed": [
        "dial tcp: lookup payments.svc on 10.96.0.10:53: no such host",
        "getaddrinfo ENOTFOUND api.example.com",
        "getaddrinfo EAI_AGAIN db",
        "java.net.UnknownHostException: db.internal",
        "[Errno -3] Temporary failure in name resolution",
        "Could not resolve host: example.invalid",
        "curl: (6) DNS lookup failed",
    ],
    "OutOfMemory": [
        "java.lang.OutOfMemoryError: Java heap space",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "Container payments was OOMKilled",
        "Out of memory: Killed process 4711 (python3)",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "MemoryError",
        "fork: Cannot allocate memory",
    ],
    "DiskFull": [
        "[Errno 28] No space left on device: '/var/lib/data/1'",
        "ENOSPC: no space left on device, write",
        'could not extend file "base/16384/2619": No space left on device',
        "Disk quota exceeded",
        "flood stage disk watermark [95%] exceeded on node-1",
        "The disk is full",
    ],
    "AuthenticationFailed": [
        'FATAL: password authentication failed for user "app"',
        "401 Client Error: Unauthorized for url: https://api.example.com/",
        "Access denied for user 'app'@'10.0.0.3' (using password: YES)",
        "jwt: token is expired",
        "Invalid API key provided",
        "NOAUTH Authentication required.",
        "The security token included in the request is invalid (InvalidClientTokenId)",
    ],
    "RateLimited": [
        "429 Too Many Requests",
        "Rate limit reached for requests",
        "Request failed with status code 429",
        "ThrottlingException: Rate exceeded, request was throttled",
        "Quota exceeded for quota metric 'Queries'",
        "ProvisionedThroughputExceededException",
    ],
    "Deadlock": [
        "ERROR: deadlock detected",
        "Deadlock found when trying to get lock; try restarting transaction",
        "Lock wait timeout exceeded; try restarting transaction",
        "ORA-00060: deadlock detected while waiting for resource",
    ],
    "NullReference": [
        'java.lang.NullPointerException: Cannot invoke "String.length()" because "s" is null',
        "TypeError: Cannot read properties of undefined (reading 'id')",
        "AttributeError: 'NoneType' object has no attribute 'name'",
        "runtime error: invalid memory address or nil pointer dereference",
        "System.NullReferenceException: Object reference not set to an instance of an object.",
        "undefined method `name' for nil:NilClass",
        "Call to a member function total() on null",
    ],
    "CertificateProblem": [
        "x509: certificate has expired or is not yet valid",
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1002)",
        "unable to get local issuer certificate",
        "PKIX path building failed: unable to find valid certification path to requested target",
        "CERT_HAS_EXPIRED",
        "TLS handshake failed: tls: unknown certificate authority",
    ],
}

NO_KIND_OF_ERROR = [
    "Zoom level is wrong",
    "boom",
    "order 429 could not be shipped",
    "user liked the pool",
    "nullable column added",
    "certificate of origin attached to order 7",
    "Timer out of range",
    "customers at the bedroom shop",
]


def group(**record: object) -> ErrorGroup:
    (only,) = group_events([read_event({"severityNumber": 17, **record})])
    return only


@pytest.mark.parametrize(
    ("error_type", "message"), [(kind, message) for kind, messages in MESSAGES.items() for message in messages]
)
def test_a_message_of_real_software_is_of_its_kind(error_type: str, message: str) -> None:
    rule = find_rule(group(body=message))
    assert rule is not None
    assert rule.error_type == error_type


def test_every_rule_has_messages() -> None:
    assert {rule.error_type for rule in RULES} == set(MESSAGES)


@pytest.mark.parametrize("message", NO_KIND_OF_ERROR)
def test_words_that_only_look_like_an_error_fit_no_rule(message: str) -> None:
    assert find_rule(group(body=message)) is None


def test_the_type_of_the_exception_counts_as_much_as_the_message() -> None:
    attributes = {"exception.type": "java.lang.NullPointerException", "exception.message": ""}
    assert judge(group(body="request failed", attributes=attributes)).error_type == "NullReference"


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ({"severityNumber": 21}, ("UnclassifiedError", "critical")),
        ({"severityNumber": 17}, ("UnclassifiedError", "warning")),
        ({"severityNumber": 13}, ("UnclassifiedError", "informational")),
        ({"severityNumber": 0}, ("UnclassifiedError", "warning")),
        ({"severityNumber": None, "severityText": "FATAL"}, ("UnclassifiedError", "critical")),
        ({"attributes": {"error.type": "shop.cart.CartLost"}}, ("CartLost", "warning")),
        ({"severityNumber": 9, "body": "retried after timeout, went well"}, ("Timeout", "informational")),
        ({"severityNumber": 13, "body": "disk is full"}, ("DiskFull", "critical")),
    ],
)
def test_severity_is_the_rules_or_the_records(record: dict[str, object], verdict: tuple[str, str]) -> None:
    judged = judge(group(**{"body": "strange things", **record}))
    assert (judged.error_type, judged.severity) == verdict


def test_the_explanation_is_about_the_worst_group_and_not_the_most_frequent() -> None:
    bodies = ["Read timed out"] * 5 + ["No space left on device"]
    groups = group_events(read_event({"severityNumber": 17, "body": body}) for body in bodies)
    said = explain(groups, [judge(each) for each in groups])
    assert said.summary.startswith("6 records of 2 kinds from unknown. Worst: DiskFull, 1 × in unknown")
    assert said.notify
    assert "df -h" in said.remediation[0]
