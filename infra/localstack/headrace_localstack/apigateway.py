"""Lets request bodies reach a function as they do on AWS (REST API with Lambda proxy integration)."""

import base64
from typing import Any

_DATA_PLANE = ("/_aws/execute-api/", "/restapis/")
_DATA_PLANE_HOSTS = (".execute-api.", ".lambda-url.")


def apply() -> None:
    """Patch LocalStack; to be called before its API Gateway is imported."""
    _keep_gzip()
    _encode_by_media_type(_respect_any_type())


def _keep_gzip() -> None:
    """LocalStack gunzips every request; AWS hands the compressed body and Content-Encoding to the function."""
    from localstack.aws.handlers.codec import ContentDecoder
    from localstack.utils.patch import patch

    @patch(ContentDecoder.__call__)
    def call(decode: Any, self: Any, chain: Any, context: Any, response: Any) -> None:
        request = context.request
        if request.path.startswith(_DATA_PLANE) or any(host in request.host for host in _DATA_PLANE_HOSTS):
            return
        decode(self, chain, context, response)


def _respect_any_type() -> Any:
    """LocalStack does not know the binary media type */*."""
    from localstack.services.apigateway.next_gen.execute_api import helpers

    matches = helpers.mime_type_matches_binary_media_types

    def is_binary(mime_type: str | None, binary_media_types: list[str] | None) -> bool:
        return "*/*" in (binary_media_types or ()) or matches(mime_type, binary_media_types)

    helpers.mime_type_matches_binary_media_types = is_binary
    return is_binary


def _encode_by_media_type(is_binary: Any) -> None:
    """LocalStack encodes a body that is not UTF-8; on AWS the API's BinaryMediaTypes alone decide."""
    # Takes the function that was replaced above by name, so it must not be imported before.
    from localstack.services.apigateway.next_gen.execute_api.integrations.aws import RestApiAwsProxyIntegration
    from localstack.utils.patch import patch

    @patch(RestApiAwsProxyIntegration.create_lambda_input_event)
    def create_lambda_input_event(create: Any, self: Any, context: Any) -> Any:
        event, body = create(self, context), context.integration_request["body"]
        types = context.deployment.rest_api.rest_api.get("binaryMediaTypes")
        binary = is_binary(context.invocation_request["headers"].get("Content-Type"), types)
        if body:
            event["isBase64Encoded"] = binary
            event["body"] = base64.b64encode(body).decode() if binary else body.decode("utf-8", "replace")
        return event
