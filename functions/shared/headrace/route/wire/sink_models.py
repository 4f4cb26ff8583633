"""Bodies of the management API about sinks. Contract sections 6 and 7."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, RootModel

from headrace.api.bad_input import Matching, checked_by
from headrace.api.models import Deferred, Expression, SigningSecret, Strict, Time, Url, url_fault
from headrace.api.printable import label_fault, printable
from headrace.ports.secrets import HIDDEN
from headrace.route.domain.sinks import Sink, SinkType
from headrace.route.wire.signing_models import SinkHealth

_OURS = frozenset(
    {"host", "content-length", "content-type", "x-project-id", "x-request-id"}
    | {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_OUR_PREFIX = "webhook-"
_SLACK = re.compile(r"/services/[^/]+/[^/]+/[^/]+")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _header_fault(name: str) -> str | None:
    if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIX):
        return "is set by Headrace or by the connection, and cannot be chosen"
    return None


def _each_once(headers: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("must not name a header twice: upper and lower case are the same")
    return headers


def _slack_fault(url: str) -> str | None:
    """Whoever knows the address may post, so it travels encrypted. Others than Slack speak its format too."""
    if url == HIDDEN:
        return None
    if (fault := url_fault(url)) is not None:
        return fault
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and host not in _LOOPBACK:
        return "must be an https URL"
    ours = host in ("slack.com", "slack-gov.com") or host.endswith((".slack.com", ".slack-gov.com"))
    if ours and not (host.startswith("hooks.") and _SLACK.fullmatch(parts.path)):
        return "must be an incoming webhook of Slack: https://hooks.slack.com/services/T…/B…/…"
    return None


def _apprise_fault(url: str) -> str | None:
    """Which services there are, the library knows; here only what it would misread."""
    if url == HIDDEN:
        return None
    if "://" not in url:
        return "must be a URL of apprise, such as mailto:// or discord://"
    return None if printable(url) and not any(map(str.isspace, url)) else "must not hold spaces or control characters"


SinkName = Annotated[str, Field(max_length=100, examples=["on-call"]), checked_by(label_fault)]
HeaderName = Annotated[
    str,
    Field(max_length=100, examples=["Authorization"]),
    Matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "must be the name of an HTTP header: letters, digits and - _ ."),
    checked_by(_header_fault),
]
HeaderValue = Annotated[
    str,
    Field(max_length=4096, examples=["Bearer 6f1c"]),
    Matching(
        r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?",
        "must be printable ASCII without spaces around it, as values of HTTP headers are",
    ),
]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=20), AfterValidator(_each_once)]
SlackUrl = Annotated[
    str,
    Field(max_length=2048, examples=["https://hooks.slack.com/services/T000/B000/XXXX"]),
    checked_by(_slack_fault),
]
AppriseUrl = Annotated[
    str,
    Field(max_length=2048, examples=["mailto://user:password@example.com?to=on-call@example.com"]),
    checked_by(_apprise_fault),
]
Filter = Annotated[Expression, Field(examples=["severity = 'critical'"])]
Template = Annotated[Expression, Field(examples=["{'text': title & ': ' & summary}"])]
Seconds = Annotated[float, Field(ge=1, le=60)]


class _AnySinkIn(Strict):
    """What all kinds of sinks have."""

    name: SinkName = ""
    enabled: bool = True
    filter: Filter | None = None
    """JSONata over the output; only what it keeps is sent."""
    timeout_seconds: Seconds = 10

    def _sink(self, sink_id: str, kind: SinkType, url: str, template: str | None, **more: Any) -> Sink:
        return Sink(
            id=sink_id,
            type=kind,
            url=url,
            name=self.name,
            enabled=self.enabled,
            filter=self.filter,
            template=template,
            timeout=timedelta(seconds=self.timeout_seconds),
            **more,
        )


class WebhookIn(_AnySinkIn):
    """A webhook sink: outputs as HTTP requests."""

    type: Literal["webhook"]
    url: Url
    template: Template | None = None
    """JSONata that shapes the body; without it the output as it is."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: Headers = Field(default={})
    signing_secret: SigningSecret | None = None

    def to_domain(self, sink_id: str) -> Sink:
        """The sink that this body describes."""
        return self._sink(
            sink_id,
            self.type,
            self.url,
            self.template,
            method=self.method,
            headers=self.headers,
            signing_secret=self.signing_secret,
        )


class SlackIn(_AnySinkIn):
    """A Slack sink: outputs as messages in a channel."""

    type: Literal["slack"]
    webhook_url: SlackUrl
    template: Template | None = None
    """JSONata giving text, blocks or a whole message; without it readable blocks."""

    def to_domain(self, sink_id: str) -> Sink:
        """The sink that this body describes."""
        return self._sink(sink_id, self.type, self.webhook_url, self.template)


class AppriseIn(_AnySinkIn):
    """A sink of any service that the library apprise knows: e-mail, Teams, Discord, PagerDuty and many more."""

    type: Literal["apprise"]
    url: AppriseUrl
    """Names service, account and recipient; a secret. One recipient: with several, those who got it get it again."""
    template: Template | None = None
    """JSONata giving the text, or an object with `body` and maybe `title` and `severity`."""

    def to_domain(self, sink_id: str) -> Sink:
        """The sink that this body describes."""
        return self._sink(sink_id, self.type, self.url, self.template)


class SinkIn(RootModel[Any]):
    """Any kind of sink, told apart by `type`."""

    model_config = ConfigDict(defer_build=True)
    root: Annotated[WebhookIn | SlackIn | AppriseIn, Field(discriminator="type")]


class StoredSink(Deferred):
    """What every stored sink has beside its settings."""

    id: Annotated[str, Field(examples=["5d1f7c0a9be64f8b8b0c3f8f0d6d2a11"])]
    version: Annotated[int, Field(examples=[1])]
    """Counts the changes; it is the ETag too."""
    updated_at: Time
    disabled_reason: Annotated[str, Field(examples=["it answered 410"])] | None
    """Why Headrace itself switched the sink off."""
    health: SinkHealth


class WebhookOut(WebhookIn, StoredSink):
    """A stored webhook sink; header values and the signing secret are shown as `***`."""

    old_signing_secrets_until: Time | None
    """Until then requests carry the signatures of older secrets too."""


class SlackOut(SlackIn, StoredSink):
    """A stored Slack sink; its address is shown as `***`."""


class AppriseOut(AppriseIn, StoredSink):
    """A stored sink of apprise; its URL is shown as `***`."""


class SinkOut(RootModel[Any]):
    """Any kind of stored sink."""

    model_config = ConfigDict(defer_build=True)
    root: Annotated[WebhookOut | SlackOut | AppriseOut, Field(discriminator="type")]


class SinksOut(Deferred):
    """Some sinks of a project."""

    items: list[Annotated[WebhookOut | SlackOut | AppriseOut, Field(discriminator="type")]]
    next_cursor: str | None


def describe_sink(sink: Sink) -> dict[str, Any]:
    """The body that describes `sink`, secrets hidden."""
    hidden = sink.with_secrets(lambda _: HIDDEN)
    common = {
        "type": sink.type,
        "name": sink.name,
        "enabled": sink.enabled,
        "filter": sink.filter,
        "template": sink.template,
        "timeout_seconds": sink.timeout.total_seconds(),
    }
    if sink.type == "slack":
        return {**common, "webhook_url": hidden.url}
    if sink.type == "apprise":
        return {**common, "url": hidden.url}
    own = {"url": hidden.url, "method": sink.method, "headers": hidden.headers, "signing_secret": hidden.signing_secret}
    return {**common, **own}
