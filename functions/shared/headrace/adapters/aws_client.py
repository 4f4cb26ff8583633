"""What the adapters on AWS share: a client that is made late, gives up in time, and fails in the house's words.

Clients are botocore's, which boto3 only wraps: without the wrapper a cold start is shorter.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
)

from headrace.errors import ConfigError, HeadraceError, InvalidInput, Unavailable

_CONFIG = Config(
    # Three attempts of at most 7 s each end before API Gateway gives up after 29 s. "standard" also waits between
    # them, with jitter, and stops retrying when most calls fail
    # (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    tcp_keepalive=True,
)
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_UNUSABLE = frozenset(
    {"ValidationException", "InvalidParameterValue", "InvalidMessageContents", "UnsupportedOperation"}
)
_REASONS = {
    "AccessDenied": "this function may not do this",
    "AccessDeniedException": "this function may not do this",
    "ExpiredToken": "its credentials have expired",
    "ExpiredTokenException": "its credentials have expired",
    "ResourceNotFoundException": "what is asked for does not exist",
    "UnrecognizedClientException": "its credentials are not known",
}
_AFTER_THROTTLING = timedelta(seconds=2)
_PREFIX = "AWS.SimpleQueueService."


_making = Lock()
"""Sessions are not safe for threads; clients are."""


@cache
def _session() -> botocore.session.Session:
    """One for all clients: they share credentials, and what was read of the services' descriptions."""
    return botocore.session.Session()


class Refused(Exception):
    """An answer with one of the error codes that the caller had asked to see. Never leaves an adapter."""

    def __init__(self, code: str, answer: dict[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.message = str(answer.get("Error", {}).get("Message", ""))
        self.answer = answer


class AwsClient:
    """A client of one AWS service, for any number of threads; made at the first call.

    `what` names the engine in errors. Without `region` botocore finds it, as it finds credentials and
    `AWS_ENDPOINT_URL`.
    """

    def __init__(self, service: str, *, what: str, region: str = "") -> None:
        self._service, self._what, self._region = service, what, region
        self._client: Any = None

    def call(self, operation: str, *, seen: Collection[str] = (), **arguments: Any) -> dict[str, Any]:
        """The answer of one call.

        Raises:
            Refused: the answer is an error whose code is in `seen`.
            Unavailable: the engine is down, slow, throttles, or refuses this process.
            InvalidInput: what was asked can never work.
            ConfigError: no client can be made from what the environment says.
        """
        client = self._client or self._made()
        try:
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except ClientError as error:
            answer = dict(error.response)
            if (code := code_of(answer)) in seen:
                raise Refused(code, answer) from error
            raise self._translated(code, answer) from error
        except ParamValidationError as error:
            raise InvalidInput(f"{self._what} cannot take this: {error}") from error
        except BotoCoreError as error:
            raise Unavailable(f"{self._what} is unavailable: {_reason(error)}") from error
        return answer

    def close(self) -> None:
        """Let the connections go; a later call makes new ones."""
        with _making:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _made(self) -> Any:
        with _making:
            if self._client is None:
                try:
                    region = self._region or None
                    self._client = _session().create_client(self._service, region_name=region, config=_CONFIG)
                except (BotoCoreError, ValueError) as error:
                    raise ConfigError(f"no client for AWS {self._service} can be made: {error}") from error
            return self._client

    def _translated(self, code: str, answer: dict[str, Any]) -> HeadraceError:
        """The message holds no name of a resource or user: it may reach a stranger. The cause does."""
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLED or status == 429:
            return Unavailable(f"{self._what} is unavailable: it throttles ({code})", retry_after=_AFTER_THROTTLING)
        if code in _UNUSABLE:
            return InvalidInput(f"{self._what} cannot take this: {answer.get('Error', {}).get('Message', code)}")
        reason = _REASONS.get(code) or (f"it answered {code}" if code else f"it answered {status}")
        return Unavailable(f"{self._what} is unavailable: {reason}")


def code_of(entry: dict[str, Any]) -> str:
    """The error code of a whole answer or of one entry of a batch; SQS writes some of them with a prefix."""
    code = entry.get("Error", entry).get("Code", "")
    return str(code).removeprefix(_PREFIX)


def _reason(error: BotoCoreError) -> str:
    if isinstance(error, NoCredentialsError):
        return "there are no AWS credentials"
    if isinstance(error, EndpointConnectionError | HTTPClientError):
        return f"it cannot be reached ({type(error).__name__})"
    return type(error).__name__
