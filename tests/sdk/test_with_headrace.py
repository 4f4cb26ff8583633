"""The SDK and a real Headrace: what one sends is what the other takes, even when the agent is killed in between."""

import socket
from pathlib import Path
from textwrap import dedent

import pytest

from tests.fakes.http import listening
from tests.flow.deployment import Deployment
from tests.flow.logs import errors
from tests.flow.waiting import wait_until
from tests.sdk.serving import serving_process

AGENT = dedent(
    """
    import threading
    from pathlib import Path
    from headrace_sdk.asgi import Batch, agent

    @agent(background=False)
    def triage(batch: Batch):
        try:
            Path("first").touch(exist_ok=False)
        except FileExistsError:
            return {"title": f"{len(batch.records)} errors", "batch": batch.request_id}
        threading.Event().wait()
    """
)


@pytest.fixture
def deployment(tmp_path: Path):
    made = Deployment(tmp_path)
    yield made
    made.close()


def test_a_batch_whose_agent_was_killed_goes_to_the_next_one_and_its_finding_to_the_webhook(deployment, tmp_path):
    (tmp_path / "triage.py").write_text(AGENT)
    with socket.create_server(("127.0.0.1", 0)) as listener, listening() as webhook:
        deployment.pipeline(f"http://127.0.0.1:{listener.getsockname()[1]}/process")
        deployment.sink(webhook.url)
        runtime = deployment.start()
        served = (listener, "triage:triage", tmp_path)
        environment = {"HEADRACE_ENDPOINT": runtime.url, "HEADRACE_API_KEY": deployment.key}
        with serving_process(*served, **environment):
            deployment.post(runtime, "/v1/logs", errors("one", "two"))
            wait_until((tmp_path / "first").exists, "the first agent has the batch")
        with serving_process(*served, **environment):
            (finding,) = webhook.wait_for(1)
    assert finding.json["title"] == "2 errors"
    assert finding.headers["X-Request-ID"] == finding.json["batch"]
