"""The edge where errors of requests and urllib3 become errors of this package.

Each class of both libraries is named in `MEANING`, so that a test can tell when one of them grows a class
that nobody has thought about. A class that is not named takes the meaning of its nearest named parent.
"""

from collections.abc import Mapping
from types import MappingProxyType

import requests.exceptions as rq
import urllib3.exceptions as u3

from ._errors import ConfigurationError, HeadraceError, UnavailableError, UnexpectedResponseError

FOREIGN = (rq.RequestException, u3.HTTPError, u3.ProxySchemeUnsupported, OSError)
"""What may leave requests when it sends: it lets some errors of urllib3 through, and a bare OSError when a
certificate file is missing."""

MEANING: Mapping[type[BaseException], type[HeadraceError]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                OSError,
                rq.URLRequired,
                rq.MissingSchema,
                rq.InvalidSchema,
                rq.InvalidURL,
                rq.InvalidProxyURL,
                u3.LocationValueError,
                u3.LocationParseError,
                u3.URLSchemeUnknown,
                u3.ProxySchemeUnknown,
                u3.ProxySchemeUnsupported,
                u3.TimeoutStateError,
            ),
            ConfigurationError,
        ),
        **dict.fromkeys(
            (
                ConnectionError,
                TimeoutError,
                rq.RequestException,
                rq.ConnectionError,
                rq.ProxyError,
                rq.SSLError,
                rq.Timeout,
                rq.ConnectTimeout,
                rq.ReadTimeout,
                rq.RetryError,
                rq.ChunkedEncodingError,
                u3.HTTPError,
                u3.PoolError,
                u3.RequestError,
                u3.SSLError,
                u3.ProxyError,
                u3.ProtocolError,
                u3.MaxRetryError,
                u3.TimeoutError,
                u3.ReadTimeoutError,
                u3.ConnectTimeoutError,
                u3.NewConnectionError,
                u3.NameResolutionError,
                u3.EmptyPoolError,
                u3.FullPoolError,
                u3.ClosedPoolError,
                u3.IncompleteRead,
                u3.InvalidChunkLength,
            ),
            UnavailableError,
        ),
        **dict.fromkeys(
            (
                rq.InvalidJSONError,
                rq.JSONDecodeError,
                rq.HTTPError,
                rq.TooManyRedirects,
                rq.InvalidHeader,
                rq.ContentDecodingError,
                rq.StreamConsumedError,
                rq.UnrewindableBodyError,
                u3.DecodeError,
                u3.HostChangedError,
                u3.ResponseError,
                u3.ResponseNotChunked,
                u3.BodyNotHttplibCompatible,
                u3.InvalidHeader,
                u3.HeaderParsingError,
                u3.UnrewindableBodyError,
            ),
            UnexpectedResponseError,
        ),
    }
)


def translated(error: BaseException, url: str, request_id: str | None) -> HeadraceError:
    """The error of this package that means the same as `error`, met while sending to `url`."""
    meaning = next(MEANING[kind] for kind in type(error).__mro__ if kind in MEANING)
    return meaning(f"sending to {url} failed: {_root(error)}", request_id=request_id)


def _root(error: BaseException) -> str:
    """Name and text of what lies under the wrappers that requests and urllib3 put round a fault."""
    while True:
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(inner, BaseException):
            return f"{type(error).__name__}: {error}"
        error = inner
