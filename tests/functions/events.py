"""Events as AWS sends them to Lambda functions, and the context that comes along.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass
class Context:
    """What a Lambda context tells."""

    remaining_ms: int = 300_000
    function_name: str = "function"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    memory_limit_in_mb: int = 512

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def http_event(
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    as_text: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """An event of a REST API with Lambda proxy integration; base64 as with binary media type `*/*`."""
    sent = {"Host": "abc.execute-api.eu-west-1.amazonaws.com", "X-Forwarded-For": "203.0.113.7", **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "resourceId": "abc123",
            "resourcePath": path,
            "httpMethod": method,
            "path": f"/prod{path}",
            "stage": "prod",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "test"},
        },
        "body": (body.decode() if as_text else base64.b64encode(body).decode()) if body else None,
        "isBase64Encoded": bool(body) and not as_text,
        **more,
    }


def answer_body(answer: Mapping[str, Any]) -> bytes:
    """The body of an answer as a client gets it."""
    body = answer.get("body") or ""
    if isinstance(body, bytes):
        return body
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def answer_json(answer: Mapping[str, Any]) -> Any:
    return orjson.loads(answer_body(answer))


def content_type(answer: Mapping[str, Any]) -> str:
    return next(value for name, value in answer["headers"].items() if name.lower() == "content-type")


def sqs_record(
    message_id: str, queue: str, body: str, attributes: Mapping[str, str] | None = None, receive_count: int = 1
) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": f"AQEB{message_id}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receive_count),
            "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793",
            "SentTimestamp": "1705314600123",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1705314600200",
        },
        "messageAttributes": {
            name: {"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
            for name, value in (attributes or {}).items()
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{queue}",
        "awsRegion": "eu-west-1",
    }


def sqs_event(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}
