import pytest

from headrace.entry.schedule import door, encode_event
from tests.functions.events import Context


def test_each_event_of_a_schedule_is_one_call():
    calls = []
    handler = door("monitor", lambda: calls.append(1))
    for _ in range(3):
        assert handler(encode_event("MonitorFunction"), Context()) is None
    assert calls == [1, 1, 1]


def test_an_event_as_eventbridge_sends_it_is_understood():
    calls = []
    event = {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2015-10-08T16:53:06Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/my-scheduled-rule"],
        "detail": {},
    }
    door("monitor", lambda: calls.append(1))(event, Context())
    assert calls == [1]


def test_what_goes_wrong_is_an_error_of_the_function():
    def fail() -> None:
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        door("monitor", fail)(encode_event("MonitorFunction"), Context())
