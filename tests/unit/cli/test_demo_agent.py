import pytest
import requests

from headrace.cli.demo_agent import Server, find, send_finding


def records(*lines):
    return [{"body": body, "resourceAttributes": {"service.name": service}} for service, body in lines]


def test_the_most_frequent_kind_of_error_is_the_finding():
    batch = records(("pay", "pool exhausted"), ("pay", "Pool Exhausted again"), ("cart", "timed out"))
    assert find(batch) == {
        "title": "ConnectionPoolExhausted",
        "severity": "critical",
        "summary": "2 of 3 errors are ConnectionPoolExhausted, most from pay",
        "services": {"pay": 2, "cart": 1},
    }


@pytest.mark.parametrize(
    ("body", "title", "severity"),
    [
        ("Too many connections", "ConnectionPoolExhausted", "critical"),
        ("Timeout waiting for DB", "Timeout", "warning"),
        ("request timed out", "Timeout", "warning"),
        ("OOM killed", "OutOfMemory", "critical"),
        ("Connection refused", "ConnectionError", "critical"),
        ("host unreachable", "ConnectionError", "critical"),
        ("Connection refused: pool exhausted", "ConnectionPoolExhausted", "critical"),
        ("anything else", "Error", "warning"),
        (None, "Error", "warning"),
        ({"message": "timeout"}, "Timeout", "warning"),
    ],
)
def test_each_rule_knows_its_words(body, title, severity):
    finding = find(records(("pay", body)))
    assert (finding["title"], finding["severity"]) == (title, severity)


def test_a_record_of_an_unnamed_service_counts_too():
    assert find([{"body": "x", "resourceAttributes": {}}])["services"] == {"?": 1}


def test_a_finding_goes_where_agents_answer_and_a_refusal_is_an_error(site):
    taking = site(("POST", "/internal/agent-output", 202, b"{}"))
    send_finding(taking.url, "hr_key", "request-1", {"title": "x"})
    ((_, _, headers, body),) = taking.asked
    assert (headers["x-api-key"], headers["x-request-id"], body) == ("hr_key", "request-1", b'{"title": "x"}')
    with pytest.raises(requests.HTTPError):
        send_finding(site().url, "hr_key", "request-1", {})


def test_the_server_hands_on_what_is_posted_and_answers_200():
    took = []
    server = Server(lambda body, headers: took.append((body, headers["x-request-id"])))
    try:
        answer = requests.post(f"{server.url}/process", data=b"[]", headers={"X-Request-ID": "r"}, timeout=60)
    finally:
        server.close()
    assert (answer.status_code, took) == (200, [(b"[]", "r")])
