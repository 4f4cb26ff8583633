import pytest

from headrace.route.wire.finding import Finding, decode_finding, describe

SAID = {
    "title": "PoolTimeout in payment",
    "severity": "Critical",
    "summary": "40 requests waited in vain",
    "root_cause": "A connection leaks",
    "remediation": ["Close it in finally", " "],
    "count": 42,
    "offline_reason": "",
    "groups": [{"error_type": "PoolTimeout", "count": 40}],
}


def test_well_known_names_become_the_parts_of_a_finding_and_the_rest_are_facts():
    assert decode_finding(SAID) == Finding(
        title="PoolTimeout in payment",
        severity="critical",
        summary="40 requests waited in vain",
        cause="A connection leaks",
        remedies=("Close it in finally",),
        groups=({"error_type": "PoolTimeout", "count": 40},),
        facts={"count": 42},
    )


def test_what_was_said_is_not_changed():
    said = {**SAID}
    decode_finding(said)
    assert said == SAID


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ({"error_type": "Timeout"}, "Timeout"),
        ({"severity": "warning"}, "Warning"),
        ({}, "Agent output"),
        (7, "Agent output"),
    ],
)
def test_every_finding_has_a_title(said, title):
    assert decode_finding(said).title == title


def test_well_known_names_with_odd_values_stay_facts():
    said = {"title": 7, "remediation": [1], "groups": ["a"], "root_cause": {"a": 1}}
    found = decode_finding(said)
    assert (found.title, found.facts) == ("Agent output", said)


def test_as_text_a_finding_tells_all_but_its_title():
    text = describe(decode_finding(SAID), "r-1")
    assert text.split("\n\n")[:4] == [
        "40 requests waited in vain",
        "count: 42",
        "Root cause: A connection leaks",
        "What to do:\n- Close it in finally",
    ]
    assert text.endswith("Request r-1")
    assert describe(Finding("T"), None) == "T"
