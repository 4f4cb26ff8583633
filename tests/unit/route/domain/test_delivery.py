from datetime import timedelta

import pytest

from headrace.route.domain.delivery import AGENT_LADDER, LONGEST_DELAY, SINK_LADDER, delay, judge

STATUSES = {
    "done": [200, 201, 202, 204, 299],
    "retry": [408, 429, 500, 501, 502, 503, 504, 599],
    "gone": [410],
    "refused": [300, 301, 302, 304, 307, 308, 399, 400, 401, 403, 404, 409, 411, 413, 415, 422, 499, 100, 101],
}


@pytest.mark.parametrize(("verdict", "status"), [(v, s) for v, statuses in STATUSES.items() for s in statuses])
def test_what_a_status_means(verdict, status):
    answer = judge(status)
    assert answer.verdict == verdict
    assert answer.reason == "" if verdict == "done" else str(status) in answer.reason


@pytest.mark.parametrize(("status", "everyone"), [(429, True), (503, True), (500, False), (502, False), (408, False)])
def test_only_throttling_and_being_down_speak_for_every_request(status, everyone):
    assert judge(status).everyone is everyone


def test_a_redirect_says_what_to_do_about_it():
    assert "configure the final URL" in judge(302).reason
    assert "redirect" not in judge(404).reason


def test_the_wish_of_a_server_is_kept_for_retries():
    assert judge(503, timedelta(seconds=7)).retry_after == timedelta(seconds=7)
    assert judge(404, timedelta(seconds=7)).retry_after is None


def test_the_ladder_of_the_sinks_is_the_one_of_the_contract():
    climbed = [delay(SINK_LADDER, attempt, None) for attempt in range(1, 10)]
    seconds = [5, 30, 2 * 60, 10 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600]
    assert climbed == [*(timedelta(seconds=each) for each in seconds), None]


def test_the_ladder_of_the_agent_grows_and_ends():
    climbed = [delay(AGENT_LADDER, attempt, None) for attempt in range(1, len(AGENT_LADDER) + 2)]
    assert climbed[-1] is None
    assert climbed[:-1] == sorted(set(climbed[:-1]))


@pytest.mark.parametrize("wish", [timedelta(seconds=1), timedelta(hours=2)])
def test_retry_after_wins_over_the_ladder(wish):
    assert delay(SINK_LADDER, 1, wish) == delay(SINK_LADDER, 8, wish) == wish


def test_a_retry_after_of_nothing_does_not_use_the_ladder_up_in_a_moment():
    assert delay(SINK_LADDER, 1, timedelta(0)) == timedelta(seconds=1)


def test_retry_after_does_not_prolong_the_ladder():
    assert delay(SINK_LADDER, 9, timedelta(seconds=1)) is None


def test_no_wish_makes_anyone_wait_longer_than_an_engine_can_hide_a_message():
    assert delay(SINK_LADDER, 1, timedelta(days=365)) == LONGEST_DELAY == timedelta(hours=12)
