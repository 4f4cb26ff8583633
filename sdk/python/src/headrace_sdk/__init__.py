"""Headrace for Python agents: send what the agent says, and check who is asking.

from headrace_sdk import Headrace

headrace = Headrace(api_key="…", endpoint="http://localhost:4318")
headrace.send_output({"summary": "…"}, request_id=request_id)
"""

from ._answers import OutputReceipt
from ._async_client import AsyncHeadrace
from ._client import Headrace
from ._errors import (
    AuthenticationError,
    ConfigurationError,
    HeadraceError,
    InvalidPayloadError,
    SignatureHeaderError,
    SignatureMismatchError,
    TimestampToleranceError,
    UnavailableError,
    UnexpectedResponseError,
    VerificationError,
)
from ._origin import answering
from ._verify import VerifiedRequest, verify_request
from ._version import __version__

__all__ = [
    "AsyncHeadrace",
    "AuthenticationError",
    "ConfigurationError",
    "Headrace",
    "HeadraceError",
    "InvalidPayloadError",
    "OutputReceipt",
    "SignatureHeaderError",
    "SignatureMismatchError",
    "TimestampToleranceError",
    "UnavailableError",
    "UnexpectedResponseError",
    "VerificationError",
    "VerifiedRequest",
    "__version__",
    "answering",
    "verify_request",
]
