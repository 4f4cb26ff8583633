"""What is said about errors, by a model or by rules. The descriptions are part of what the model is told."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

Severity = Literal["critical", "warning", "informational"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "informational")
"""The worst first."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank")
    return text


# A validator and not `min_length`: the schema goes to models that refuse keywords which they do not know.
Text = Annotated[str, AfterValidator(_not_blank)]


class Verdict(BaseModel):
    """The class of one group of errors."""

    error_type: Text = Field(description="Short name in CamelCase, such as ConnectionPoolExhausted")
    severity: Severity = Field(description="critical: users are affected now; warning: soon; informational: neither")


class GroupVerdict(Verdict):
    """A verdict and the group that it is about."""

    group: int = Field(description="The number of the group, as given")


class Classification(BaseModel):
    """What the classifier answers."""

    verdicts: list[GroupVerdict] = Field(description="One for each group")


class Enrichment(BaseModel):
    """What the enricher answers, about the whole batch."""

    summary: Text = Field(description="Two or three sentences for the person on call: what fails, where, since when")
    root_cause: Text = Field(description="The most likely cause, said as the hypothesis that it is")
    remediation: list[Text] = Field(description="What to do, in order, two to five steps, each one sentence")
    notify: bool = Field(description="Whether somebody should be told now, even at night")
