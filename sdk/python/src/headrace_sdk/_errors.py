"""Every error that this package raises, split by what the caller should do about it.

    HeadraceError
    ├── ConfigurationError            fix the arguments or the environment
    ├── InvalidPayloadError           fix what is sent: not JSON, too large, or refused with 400 or 413
    ├── AuthenticationError           fix the API key: refused with 401 or 403
    ├── UnavailableError              try again later: no answer, 408, 429 or 5xx, retries used up
    ├── UnexpectedResponseError       look at the endpoint: what answers there is not Headrace
    └── VerificationError             refuse the request that was to be verified
        ├── SignatureHeaderError          a `webhook-*` header is missing or malformed
        ├── TimestampToleranceError       signed too long ago, or in the future
        └── SignatureMismatchError        none of the signatures fits any of the secrets

Errors of other libraries never come through: `_translation` turns them into one of these, and the
original stays available as `__cause__`. Facts are attributes as well as text; every error can be pickled.
"""

from datetime import timedelta


class HeadraceError(Exception):
    """Base of all errors here.

    `status` is the HTTP status answered, `request_id` the `X-Request-ID` that was sent, `detail` what the
    answer said about itself; each is None where there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id
        self.detail = detail


class ConfigurationError(HeadraceError):
    """The client cannot work as it was set up: a key, an endpoint, a limit or a signing secret is wrong."""


class InvalidPayloadError(HeadraceError):
    """What was to be sent is not acceptable, and will not be when it is sent again.

    `path` is where in the payload the trouble is (`$.results[3].at`), `size_bytes` and `limit_bytes` are
    set when it is too large.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        detail: str | None = None,
        path: str | None = None,
        size_bytes: int | None = None,
        limit_bytes: int | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, detail=detail)
        self.path = path
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class AuthenticationError(HeadraceError):
    """The API key is unknown, revoked, or may not do this."""


class UnavailableError(HeadraceError):
    """Nothing usable came back although it was tried again; a later try may succeed.

    `retry_after` is how long the server asked to be left alone, when it said so. The output may have been
    stored all the same when the connection broke after it was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        detail: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, detail=detail)
        self.retry_after = retry_after


class UnexpectedResponseError(HeadraceError):
    """The answer is none that the contract knows. `location` is where a redirect pointed."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        detail: str | None = None,
        location: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, detail=detail)
        self.location = location


class VerificationError(HeadraceError):
    """A request is not proven to come from the holder of the signing secret."""


class SignatureHeaderError(VerificationError):
    """A header that the signature needs is missing or malformed; `header` names it."""

    def __init__(self, message: str, *, header: str | None = None) -> None:
        super().__init__(message)
        self.header = header


class TimestampToleranceError(VerificationError):
    """The request was signed outside the tolerance; `age` is negative for one from the future."""

    def __init__(self, message: str, *, age: timedelta | None = None, tolerance: timedelta | None = None) -> None:
        super().__init__(message)
        self.age = age
        self.tolerance = tolerance


class SignatureMismatchError(VerificationError):
    """No signature in the header was made with any of the secrets over this id, time and body."""
