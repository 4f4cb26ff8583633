"""Bodies of the management API about pipelines. Contract sections 3 and 7."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from headrace.api.bad_input import Matching
from headrace.api.models import Deferred, Expression, SigningSecret, Strict, Time, Url
from headrace.api.showing import can_be_shown
from headrace.ports.program import OutputType, Program, Transform
from headrace.ports.records import Signal
from headrace.ports.secrets import HIDDEN
from headrace.route.domain.pipeline import OnError, Pipeline
from headrace.route.wire.signing_models import Health

_TRIED_BYTES = _EXPRESSIONS_BYTES = 256 * 1024

OutputName = Annotated[
    str,
    Field(max_length=200, examples=["alert.service"]),
    Matching(r"[^.\s]+(\.[^.\s]+)*", "must be names joined by single dots, without spaces"),
]


class TransformIn(Strict):
    """One transform: its value is added to the record under `output_name`; a dotted name nests."""

    expression: Expression
    output_name: OutputName
    output_type: OutputType


def _bounded_in_all(transforms: list[TransformIn]) -> list[TransformIn]:
    """A pipeline is one item in a table, which holds 400 KB."""
    if (size := sum(len(each.expression.encode()) for each in transforms)) > _EXPRESSIONS_BYTES:
        raise ValueError(f"must have at most {_EXPRESSIONS_BYTES} bytes of expressions in all, not {size}")
    return transforms


Transforms = Annotated[list[TransformIn], Field(max_length=50), AfterValidator(_bounded_in_all)]


def domain_transforms(given: Sequence[TransformIn]) -> tuple[Transform, ...]:
    """The transforms that bodies describe."""
    return tuple(Transform(each.expression, each.output_name, each.output_type) for each in given)


def _or_empty(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"const": ""})


Endpoint = Annotated[
    Url | None,
    BeforeValidator(lambda given: None if given == "" else given),
    Field(json_schema_extra=_or_empty),
]
"""Where an agent is; nothing and "" are the same."""


class PipelineIn(Strict):
    """How records become requests to the agent."""

    agent_endpoint: Endpoint = None
    """Gets the batches; without it records wait on the raw queue."""
    enabled: bool = True
    """False: pause, losing nothing."""
    signals: list[Signal] = Field(default=["logs"], min_length=1, max_length=3)
    """What goes to the agent."""
    filter: Expression | None = None
    """JSONata; a record is kept when the result is truthy by JSONata's rules."""
    transforms: Transforms = Field(default=[])
    """Run in order on what the filter keeps."""
    on_error: OnError = "drop"
    """What becomes of a record on which an expression fails."""
    batch_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Records for one request to the agent."""
    batch_window_ms: Annotated[int, Field(ge=0, le=300_000)] = 1000
    """How long a record may wait for company, in milliseconds."""
    timeout_seconds: Annotated[float, Field(ge=1, le=240)] = 30
    """For one request to the agent."""
    max_concurrency: Annotated[int, Field(ge=1, le=100)] = 4
    """Requests to the agent at once."""
    signing_secret: SigningSecret | None = None
    """Signs the requests; shown as `***`, which keeps the stored one."""

    @classmethod
    def of(cls, pipeline: Pipeline) -> "PipelineIn":
        """The body that describes `pipeline`; its secret is hidden, so that storing the body keeps it."""
        transforms = [
            TransformIn(expression=each.expression, output_name=each.output_name, output_type=each.output_type)
            for each in pipeline.program.transforms
        ]
        return cls(
            agent_endpoint=pipeline.agent_endpoint,
            enabled=pipeline.enabled,
            signals=list(pipeline.signals),
            filter=pipeline.program.filter,
            transforms=transforms,
            on_error=pipeline.on_error,
            batch_size=pipeline.batch_size,
            batch_window_ms=round(pipeline.batch_window.total_seconds() * 1000),
            timeout_seconds=pipeline.timeout.total_seconds(),
            max_concurrency=pipeline.max_concurrency,
            signing_secret=HIDDEN if pipeline.signing_secret else None,
        )

    def to_domain(self) -> Pipeline:
        """The pipeline that this body describes."""
        return Pipeline(
            agent_endpoint=self.agent_endpoint,
            enabled=self.enabled,
            signals=tuple(dict.fromkeys(self.signals)),
            program=Program(self.filter, domain_transforms(self.transforms)),
            on_error=self.on_error,
            batch_size=self.batch_size,
            batch_window=timedelta(milliseconds=self.batch_window_ms),
            timeout=timedelta(seconds=self.timeout_seconds),
            max_concurrency=self.max_concurrency,
            signing_secret=self.signing_secret,
        )


class PipelineOut(PipelineIn):
    """A stored pipeline; without one, the defaults at version 0."""

    version: Annotated[int, Field(examples=[3])]
    """Counts the changes; it is the ETag too."""
    updated_at: Time | None
    old_signing_secrets_until: Time | None
    """Until then requests carry the signatures of older secrets too."""
    agent_health: Health
    """How the agent has answered; `disabled` while nothing is sent to it."""


class PipelineTestIn(Strict):
    """Records to try expressions on. What is left out is taken from what is stored, and from what came last."""

    filter: Expression | None = None
    transforms: Transforms = Field(default=[])
    records: list[dict[str, Any]] = Field(
        default=[], max_length=100, examples=[[{"severityNumber": 17, "body": "refused"}]]
    )

    @field_validator("records")
    @classmethod
    def _small(cls, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not can_be_shown(records):
            raise ValueError("must not be nested that deep")
        if (size := len(orjson.dumps(records))) > _TRIED_BYTES:
            raise ValueError(f"must have at most {_TRIED_BYTES} bytes as JSON in all, not {size}")
        return records


class TriedRecord(Deferred):
    """What became of one record. What `on_error` makes of a failure is not applied."""

    kept: bool
    record: Annotated[dict[str, Any], Field(examples=[{"severityNumber": 17, "body": "refused"}])]
    """After the transforms; when it was not kept, as it came."""
    error: Annotated[str, Field(examples=["the result is out of range"])] | None


class PipelineTestOut(Deferred):
    """One result for each record, in order."""

    results: list[TriedRecord]
