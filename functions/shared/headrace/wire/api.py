"""Bodies of the management API as pydantic models: what may be configured, with bounds that the errors name."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from headrace.domain.errors import InvalidInput
from headrace.domain.pipeline import OnError, Pipeline
from headrace.domain.program import OutputType, Program, Transform
from headrace.domain.records import Signal
from headrace.domain.sinks import Sink

Model = TypeVar("Model", bound=BaseModel)


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or password")
    if parts.port == 0 or any(map(str.isspace, url)):  # a port that is no number raises by itself
        raise ValueError("must not hold spaces, nor port 0")
    return url


Url = Annotated[str, Field(max_length=2048), AfterValidator(_checked_url)]
Expression = Annotated[str, Field(min_length=1, max_length=8192)]


class Strict(BaseModel):
    """A body that refuses unknown fields by name, and does not guess types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TransformIn(Strict):
    """One transform: its value is added to the record under `output_name`; a dotted name nests."""

    expression: Expression
    output_name: Annotated[str, Field(max_length=200, pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
    output_type: OutputType


class PipelineIn(Strict):
    """Contract section 3."""

    agent_endpoint: Annotated[Url | None, BeforeValidator(lambda given: None if given == "" else given)] = None
    enabled: bool = True
    signals: Annotated[list[Signal], Field(min_length=1, max_length=3)] = ["logs"]
    filter: Expression | None = None
    transforms: Annotated[list[TransformIn], Field(max_length=50)] = []
    on_error: OnError = "drop"
    batch_size: Annotated[int, Field(ge=1, le=1000)] = 10
    batch_window_ms: Annotated[int, Field(ge=0, le=300_000)] = 1000
    timeout_seconds: Annotated[float, Field(ge=1, le=240)] = 30
    max_concurrency: Annotated[int, Field(ge=1, le=100)] = 4

    def to_domain(self) -> Pipeline:
        """The pipeline that this body describes."""
        transforms = tuple(Transform(each.expression, each.output_name, each.output_type) for each in self.transforms)
        return Pipeline(
            agent_endpoint=self.agent_endpoint,
            enabled=self.enabled,
            signals=tuple(dict.fromkeys(self.signals)),
            program=Program(self.filter, transforms),
            on_error=self.on_error,
            batch_size=self.batch_size,
            batch_window=timedelta(milliseconds=self.batch_window_ms),
            timeout=timedelta(seconds=self.timeout_seconds),
            max_concurrency=self.max_concurrency,
        )


HeaderName = Annotated[str, Field(max_length=100, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, Field(max_length=4096, pattern=r"^[\t\x20-\x7e]*$")]
Seconds = Annotated[float, Field(ge=1, le=60)]


class WebhookIn(Strict):
    """A webhook sink, contract section 6."""

    type: Literal["webhook"]
    url: Url
    name: Annotated[str, Field(max_length=100)] = ""
    enabled: bool = True
    filter: Expression | None = None
    template: Expression | None = None
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=20)] = {}
    timeout_seconds: Seconds = 10

    def to_domain(self, sink_id: str) -> Sink:
        """The sink that this body describes."""
        return Sink(
            id=sink_id,
            type=self.type,
            url=self.url,
            name=self.name,
            enabled=self.enabled,
            filter=self.filter,
            template=self.template,
            method=self.method,
            headers=self.headers,
            timeout=timedelta(seconds=self.timeout_seconds),
        )


class SlackIn(Strict):
    """A Slack sink, contract section 6."""

    type: Literal["slack"]
    webhook_url: Url
    name: Annotated[str, Field(max_length=100)] = ""
    enabled: bool = True
    filter: Expression | None = None
    template: Expression | None = None
    timeout_seconds: Seconds = 10

    def to_domain(self, sink_id: str) -> Sink:
        """The sink that this body describes."""
        return Sink(
            id=sink_id,
            type=self.type,
            url=self.webhook_url,
            name=self.name,
            enabled=self.enabled,
            filter=self.filter,
            template=self.template,
            timeout=timedelta(seconds=self.timeout_seconds),
        )


class SinkIn(Strict):
    """Either kind of sink, told apart by `type`."""

    sink: Annotated[WebhookIn | SlackIn, Field(discriminator="type")]


def parse(model: type[Model], body: Any) -> Model:
    """`body` as `model`.

    Raises:
        InvalidInput: with the path of the first wrong field, and how many others are wrong.
    """
    try:
        return model.model_validate(body)
    except ValidationError as wrong:
        raise _invalid(wrong) from wrong


def parse_query(model: type[Model], query: Mapping[str, str]) -> Model:
    """A query string as `model`: the same, but numbers come as text. Raises InvalidInput."""
    try:
        return model.model_validate_strings(dict(query))
    except ValidationError as wrong:
        raise _invalid(wrong) from wrong


def _invalid(wrong: ValidationError) -> InvalidInput:
    found = [
        (".".join(str(part) for part in error["loc"]), str(error["msg"]))
        for error in wrong.errors(include_url=False, include_input=False)
    ]
    field, message = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidInput(f"{field or 'body'}: {message}{more}", field=field, others=found[1:])
