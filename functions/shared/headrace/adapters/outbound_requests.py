"""Requests to users' addresses through `requests`: pooled connections, no redirects, bounded in time and size."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

import requests
from requests.adapters import HTTPAdapter

from headrace.domain.errors import InvalidInput
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse

_READ_BYTES = 64 * 1024
_CHUNK_BYTES = 8 * 1024
_POOL = 32


class RequestsOutbound:
    """See `ports.outbound.Outbound`. One session a thread: sessions are not made for sharing."""

    def __init__(self) -> None:
        self._threads = local()
        self._adapter = HTTPAdapter(pool_connections=_POOL, pool_maxsize=_POOL, max_retries=0)

    def send(self, request: OutboundRequest) -> OutboundResponse:
        """See `Outbound.send`."""
        seconds = request.timeout.total_seconds()
        deadline = time.monotonic() + seconds
        with (
            _translated(seconds),
            self._session().request(
                request.method,
                request.url,
                data=request.body,
                headers=dict(request.headers),
                timeout=seconds,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            body = _read(response, deadline)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return OutboundResponse(response.status_code, headers, body)

    def close(self) -> None:
        """Close all pooled connections."""
        self._adapter.close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.trust_env = False  # no proxies and no .netrc for addresses of strangers
            session.headers["User-Agent"] = "Headrace"
            session.mount("http://", self._adapter)
            session.mount("https://", self._adapter)
        return session


def _read(response: requests.Response, deadline: float) -> bytes:
    """The first bytes of the body. The status has come, so a body that never ends is cut, not an error."""
    body = b""
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) >= _READ_BYTES or time.monotonic() > deadline:
            break
    return body[:_READ_BYTES]


@contextmanager
def _translated(seconds: float) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.Timeout as silence:
        raise NoAnswer(f"gave no answer within {seconds:g} s") from silence
    except (requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema) as wrong:
        raise InvalidInput(f"has a URL that is not http or https: {wrong}", field="url") from wrong
    except (requests.exceptions.InvalidURL, UnicodeError) as wrong:
        raise InvalidInput(f"has a URL that cannot be used: {wrong}", field="url") from wrong
    except requests.exceptions.InvalidHeader as wrong:
        raise InvalidInput(f"has a header that cannot be sent: {wrong}", field="headers") from wrong
    except (requests.exceptions.RequestException, OSError) as broken:
        raise NoAnswer(f"could not be reached: {_short(broken)}") from broken


def _short(broken: BaseException) -> str:
    """The cause at the bottom; what lies above it repeats the URL and names internals."""
    while (cause := broken.__cause__ or broken.__context__) is not None:
        broken = cause
    return str(broken) or type(broken).__name__
