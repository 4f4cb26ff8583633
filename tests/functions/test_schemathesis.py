"""What schemathesis makes of the OpenAPI document, sent to the real door behind the local gateway.

No answer may be a 5xx, undocumented, of another content type than said, or of another shape; and what the document
does not allow has to be refused. Which examples are made is fixed, so a failure can be run again.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from headrace import bootstrap
from headrace.api.openapi import build_document
from headrace.management import ROUTES
from headrace.runtime.feed import Feed
from headrace.runtime.functions import Deadline, load
from headrace.runtime.gateway import Gateway
from headrace.runtime.template import Function
from headrace.teams.operations.accounts import create_account
from headrace.teams.operations.tokens import access_token
from tests.fakes.outbound import FakeOutbound
from tests.functions.management import cheap_passwords
from tests.functions.runs import TRACED, store_run
from tests.unit.runtime.asgi import call, scope_of

_FOLDER = Path(__file__).parents[2] / "functions" / "control_plane"
_EXAMPLES = 8
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
schema = schemathesis.openapi.from_dict(build_document(ROUTES, version="0", prefix="/api/v1"))
schema.config.generation.update(modes=list(GenerationMode))


class Wire(HTTPAdapter):
    """Takes requests to the gateway without a network."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self._gateway = gateway

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        parts = urlsplit(request.url)
        headers = [(_bytes(name).lower(), _bytes(value)) for name, value in request.headers.items()]
        scope = scope_of(request.method, parts.path, headers, parts.query.encode())
        answer = call(self._gateway, scope, [_bytes(request.body or b"")])
        sent = HTTPResponse(BytesIO(answer.body), answer.headers, answer.status, preload_content=False)
        return self.build_response(request, sent)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")


class Deployment:
    """The function on engines of its own, with somebody signed in who owns a project with a sink and a key."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        function = Function(
            "ControlPlane", _FOLDER, "handler.handler", timedelta(seconds=30), (("ANY", "/api/{proxy+}"),)
        )
        threads = ThreadPoolExecutor(1)
        self.known: dict[str, str] = {}
        self.session = requests.Session()
        self.session.mount("http://", Wire(Gateway([load(function, Deadline())], threads, Feed(str), 6 * 2**20)))
        needs = bootstrap.teams()
        account = create_account("me@example.com", "correct horse battery", needs.config, needs.clock)
        create_account("ada@example.com", "correct horse battery", needs.config, needs.clock)
        self.headers = {"Authorization": f"Bearer {access_token(account, needs.signing_keys, needs.clock)}"}

    def post(self, path: str, body: Any) -> Any:
        reply = self.session.post(f"http://headrace/api/v1{path}", json=body, headers=self.headers)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def ids(self) -> dict[str, str]:
        """Of a new project with something in it."""
        project = f"/projects/{(project_id := self.post('/projects', {'name': 'Payments'})['id'])}"
        sink = self.post(f"{project}/sinks", {"type": "webhook", "url": "https://hooks.example/x"})
        key = self.post(f"{project}/api-keys", {"name": "first"})
        member = self.post(f"{project}/members", {"email": "ada@example.com", "role": "viewer"})
        store_run(project_id, bootstrap.table("telemetry"), bootstrap.clock())
        ids = {"project_id": project_id, "sink_id": sink["id"], "key_id": key["id"], "user_id": member["user_id"]}
        return ids | TRACED


@pytest.fixture
def deployment(outbound: FakeOutbound, monkeypatch: pytest.MonkeyPatch):
    with cheap_passwords():
        yield Deployment(monkeypatch)


@schema.parametrize()
@settings(
    max_examples=_EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_document_tells_the_truth_about(case, deployment: Deployment) -> None:
    if case.method == "DELETE" or not deployment.known:
        deployment.known = deployment.ids()
    path = case.meta.components.get(ParameterLocation.PATH)
    if path is not None and path.mode.is_positive:
        case.path_parameters = {name: deployment.known[name] for name in case.path_parameters}
    response = case.call(base_url="http://headrace/api/v1", session=deployment.session, headers=deployment.headers)
    case.validate_response(response, checks=_CHECKS)
