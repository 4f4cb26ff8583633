"""The template, deployed unchanged to emulators of AWS, does what Headrace promises: from an exporter to a webhook.

Each test has a project of its own on the one deployment of its emulator.
"""

import gzip
import logging
import os
import signal
from collections.abc import Callable
from uuid import uuid4

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from headrace_sdk import Headrace
from tests.aws.stack import Project, Stack
from tests.fakes.http import HttpStandIn, hang, reply
from tests.flow.logs import INFO, KEEP_ERRORS, errors, log_record, logs_of, marks
from tests.flow.waiting import wait_until

SECONDS = 90
"""A step of a test that takes longer than this has failed."""
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def project(stack: Stack) -> Project:
    return Project(stack, f"u{uuid4().hex}")


def export_logs(project: Project, compression: Compression, *marks: str) -> None:
    """What an application with the OpenTelemetry SDK does: errors with these marks, and a line of INFO."""
    exporter = OTLPLogExporter(
        f"{project.stack.api}/v1/logs", headers={"X-API-Key": project.key}, compression=compression
    )
    provider = LoggerProvider(Resource.create({"service.name": "shop"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.Logger("shop")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for mark in marks:
        logger.error(mark)
    logger.info("all is well")
    provider.shutdown()


class TestStack:
    def test_the_stack_is_there_with_its_outputs_and_tables(self, stack: Stack) -> None:
        assert stack.status == "CREATE_COMPLETE"
        assert set(stack.outputs) == {"ApiUrl", "ConfigTable", "TelemetryTable"}
        for name in ("ConfigTable", "TelemetryTable"):
            table = stack.client("dynamodb").describe_table(TableName=stack.outputs[name])["Table"]
            assert {key["AttributeName"] for key in table["KeySchema"]} == {"pk", "sk"}
            (index,) = table["GlobalSecondaryIndexes"]
            assert [key["AttributeName"] for key in index["KeySchema"]] == ["gsi_pk", "gsi_sk"]
            assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"

    def test_the_receiver_says_that_tables_and_queues_answer(self, stack: Stack) -> None:
        answer = requests.get(f"{stack.api}/health", timeout=SECONDS)
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy"), answer.text

    def test_no_function_holds_a_secret_in_its_environment(self, stack: Stack) -> None:
        secrets = stack.client("secretsmanager")
        texts = [
            secrets.get_secret_value(SecretId=stack.resources[name])["SecretString"]
            for name in ("JwtSecret", "EncryptionSecret")
        ]
        for name, function in stack.resources.items():
            if name.endswith("Function"):
                found = stack.client("lambda").get_function_configuration(FunctionName=function)
                assert not [text for text in texts if text in str(found["Environment"])]

    def test_a_caller_without_a_key_is_refused_in_the_encoding_of_the_request(self, stack: Stack) -> None:
        answer = requests.post(f"{stack.api}/v1/logs", data=errors("stranger"), headers=JSON, timeout=SECONDS)
        assert answer.status_code == 401
        assert set(answer.json()) >= {"message"}


class TestFlow:
    def test_logs_of_every_encoding_reach_the_agent_and_its_finding_the_webhook(
        self, project: Project, agent: HttpStandIn, webhook: HttpStandIn
    ) -> None:
        project.configure(agent.url, webhook.url, filter=KEEP_ERRORS)
        mapping = project.wait_for_mapping("raw", "Enabled")
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

        export_logs(project, Compression.NoCompression, "plain protobuf")
        export_logs(project, Compression.Gzip, "zipped protobuf")
        body = logs_of(log_record("plain json"), log_record("noise", INFO))
        assert project.send("/v1/logs", body, **JSON).status_code == 200
        zipped = gzip.compress(errors("zipped json"))
        assert project.send("/v1/logs", zipped, **JSON, **{"Content-Encoding": "gzip"}).status_code == 200

        sent = {"plain protobuf", "zipped protobuf", "plain json", "zipped json"}
        assert agent.wait_until(lambda: set(marks(_records(agent))) >= sent, within=SECONDS)
        request = agent.requests[0]
        assert request.headers["X-Project-ID"] == project.id

        client = Headrace(api_key=project.key, endpoint=project.stack.api)
        client.send_output(payload={"title": "4 errors"}, request_id=request.headers["X-Request-ID"])
        (delivered,) = webhook.wait_for(1, within=SECONDS)
        assert delivered.json == {"title": "4 errors"}
        assert delivered.headers["X-Request-ID"] == request.headers["X-Request-ID"]

        status = project.wait_for_status(accepted=7, filtered=3, delivered=4, in_flight=0, sink_deliveries=1)
        assert (status["errored"], status["dead_lettered"]) == (0, 0)
        self._assert_stored(project)

    def _assert_stored(self, project: Project) -> None:
        """What the tables and the engine say themselves, past the API."""
        config = {item["sk"]["S"] for item in project.stack.items("ConfigTable", f"project#{project.id}")}
        assert {"project", "pipeline"} <= config
        counters = project.stack.items("TelemetryTable", f"project#{project.id}")
        assert [item["accepted"]["N"] for item in counters if "accepted" in item] == ["7"]
        kinds = [f"gf-ai-{kind}-{project.id}" for kind in ("output", "raw", "spans")]
        assert project.stack.queues(project.id) == sorted(kinds + [f"{queue}-dlq" for queue in kinds])

    def test_spans_of_the_sdk_become_a_run(self, project: Project) -> None:
        project.wait_for_mapping("spans", "Enabled")
        exporter = OTLPSpanExporter(f"{project.stack.api}/v1/traces", headers={"X-API-Key": project.key})
        provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "cashier"}
        with provider.get_tracer("shop").start_as_current_span("invoke_agent cashier", attributes=attributes) as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
        provider.shutdown()

        def runs() -> list[str]:
            return [run["trace_id"] for run in project.call("GET", "/runs")["items"]]

        wait_until(lambda: runs() == [trace_id], "the run is there", within=SECONDS)

    def test_an_agent_that_is_down_for_a_moment_gets_the_same_batch_again(
        self, project: Project, agent: HttpStandIn
    ) -> None:
        agent.will(reply(503), reply(202))
        project.configure(agent.url)
        project.send("/v1/logs", errors("again"), **JSON)
        first, second = agent.wait_for(2, within=SECONDS)
        assert first.json == second.json
        assert first.headers["X-Request-ID"] == second.headers["X-Request-ID"]
        project.wait_for_status(accepted=1, delivered=1, in_flight=0)


class TestDeadLetters:
    def test_what_the_agent_refuses_is_kept_with_the_reason_told_about_and_redriven(
        self, project: Project, agent: HttpStandIn
    ) -> None:
        agent.will(reply(400))
        project.configure(agent.url)
        project.send("/v1/logs", errors("poison"), **JSON)
        project.wait_for_status(accepted=1, dead_lettered=1, in_flight=0)

        (letter,) = self._letters(project)
        assert marks(letter["records"]) == ["poison"]
        assert "400" in letter["reason"]
        project.stack.invoke("UpkeepFunction")
        project.stack.wait_for_log("dead_letters_waiting")

        agent.will(reply(202))
        assert project.call("POST", "/dead-letters/redrive", {"queue": "raw"})["redriven"] == 1
        agent.wait_for(2, within=SECONDS)
        project.wait_for_status(accepted=1, delivered=1, dead_lettered=0, in_flight=0)
        assert self._letters(project) == []

    def _letters(self, project: Project) -> list[dict[str, object]]:
        return list(project.call("GET", "/dead-letters?queue=raw")["items"])


class TestChanges:
    def test_a_paused_pipeline_keeps_records_until_it_goes_on(self, project: Project, agent: HttpStandIn) -> None:
        project.configure(agent.url)
        project.call("PUT", "/pipeline", {"agent_endpoint": agent.url, "batch_window_ms": 0, "enabled": False})
        project.wait_for_mapping("raw", "Disabled")
        assert project.send("/v1/logs", errors("patience"), **JSON).status_code == 200
        project.wait_for_status(accepted=1, delivered=0, in_flight=1)
        assert agent.requests == []
        project.call("PUT", "/pipeline", {"agent_endpoint": agent.url, "batch_window_ms": 0})
        agent.wait_for(1, within=SECONDS)
        assert marks(agent.records) == ["patience"]

    def test_a_revoked_key_is_refused_once_it_is_forgotten(self, project: Project) -> None:
        assert project.send("/v1/logs", errors("before"), **JSON).status_code == 200
        project.call("DELETE", f"/api-keys/{project.key_id}", status=204)

        def refused() -> bool:
            return project.send("/v1/logs", errors("after"), **JSON).status_code == 401

        wait_until(refused, "the revoked key is refused", within=SECONDS)

    def test_a_deleted_project_leaves_no_queue_no_mapping_and_no_item(
        self, project: Project, agent: HttpStandIn
    ) -> None:
        project.configure(agent.url)
        project.send("/v1/logs", errors("last"), **JSON)
        agent.wait_for(1, within=SECONDS)
        project.call("DELETE", status=204)
        stack = project.stack

        def gone() -> bool:
            stack.invoke("UpkeepFunction")
            return not stack.queues(project.id) and not stack.mappings(project.id)

        wait_until(gone, "queues and mappings are gone", within=SECONDS)
        project.call("GET", status=404)
        assert stack.items("ConfigTable", f"project#{project.id}") == []


class TestCrash:
    def test_a_killed_function_loses_nothing(self, project: Project, listen: Callable[[], HttpStandIn]) -> None:
        """The emulators keep everything in memory, so what can be killed is the function, not what it stands on."""
        agent = listen()
        project.configure(agent.url)
        queue = project.stack.client("sqs").get_queue_url(QueueName=f"gf-ai-raw-{project.id}")["QueueUrl"]
        # On AWS a message comes back after six times the function's time limit; no test waits for that.
        project.stack.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})
        agent.will(hang, reply(202))
        project.send("/v1/logs", errors("survivor"), **JSON)
        agent.wait_for(1, within=SECONDS)
        killed = project.stack.emulator.function_processes(project.stack.resources["PipelineFunction"])
        assert killed
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        agent.wait_for(2, within=SECONDS)
        assert set(marks(agent.records)) == {"survivor"}
        project.wait_for_status(accepted=1, delivered=1, in_flight=0)


def _records(agent: HttpStandIn) -> list[dict[str, object]]:
    return agent.records
