from dataclasses import replace

import pytest

from headrace.route.domain.pipeline import Pipeline


@pytest.mark.parametrize(
    ("endpoint", "enabled", "active"),
    [("http://a/", True, True), ("http://a/", False, False), (None, True, False), ("", True, False)],
)
def test_the_raw_queue_is_consumed_only_with_an_agent_and_while_enabled(endpoint, enabled, active):
    assert Pipeline(agent_endpoint=endpoint, enabled=enabled).active is active


@pytest.mark.parametrize("limit", range(1, 30))
def test_requests_at_once_never_pass_the_limit_and_use_it_as_far_as_pairs_go(limit):
    pipeline = replace(Pipeline(), max_concurrency=limit)
    at_once = pipeline.invocations * pipeline.requests_per_invocation
    assert limit - 1 <= at_once <= limit
    assert pipeline.requests_per_invocation >= 1
