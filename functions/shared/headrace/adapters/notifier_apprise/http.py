"""What plugins of apprise get in the place of `requests`: the same calls, each through the outbound port.

No redirects, no proxies and passwords from the environment, TLS always verified, whatever the URL asks for. Only the
names that plugins use are here: what a later version begins to use fails instead of going round the rules.
"""

from types import SimpleNamespace
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from headrace.adapters.notifier_apprise.exchange import CURRENT
from headrace.errors import InvalidInput
from headrace.ports.outbound import NoAnswer

_OURS = frozenset({"content-length", "connection", "accept-encoding"})
_IGNORED = ("verify", "timeout", "allow_redirects", "proxies", "cert", "stream")


class _ThroughOutbound(BaseAdapter):
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """See `requests.adapters.BaseAdapter`."""
        body = request.body or b""
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() not in _OURS}
        try:
            answer = CURRENT.get().send(
                request.url or "",
                body.encode() if isinstance(body, str) else bytes(body),
                request.method or "",
                headers,
            )
        except (LookupError, NoAnswer, InvalidInput) as problem:
            raise requests.exceptions.ConnectionError(str(problem), request=request) from problem
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, request.url or "", request
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response._content, response._content_consumed = answer.body, True  # type: ignore[attr-defined]
        return response

    def close(self) -> None:
        """See `requests.adapters.BaseAdapter`."""


def _request(method: str, url: str, **given: Any) -> requests.Response:
    kept = {name: value for name, value in given.items() if name not in _IGNORED}
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _ThroughOutbound())
        return session.request(method, url, allow_redirects=False, **kept)


def _verb(method: str) -> Any:
    return lambda url, **given: _request(method, url, **given)


REQUESTS = SimpleNamespace(
    request=_request,
    **{method.lower(): _verb(method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")},
    auth=requests.auth,
    codes=requests.codes,
    exceptions=requests.exceptions,
    RequestException=requests.RequestException,
    TooManyRedirects=requests.TooManyRedirects,
)
