"""CrewAI, under OpenInference and under OpenLLMetry.

A crew hands work to a coworker by a tool, which runs the coworker's agent and gives its answer back.
"""

from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions.convention import OPERATIONS, Attributes, ByKey, ByName, Convention, Scope
from headrace.trace.wire.conventions.openinference import FIELDS as OPENINFERENCE_FIELDS
from headrace.trace.wire.conventions.openinference import KINDS as OPENINFERENCE_KINDS
from headrace.trace.wire.conventions.openllmetry import KINDS as OPENLLMETRY_KINDS


def _refine_openllmetry(span: Span, attributes: Attributes) -> None:
    """Crews, tasks and agents all say `invoke_agent`; only those of agents are agents."""
    if span.kind == "agent" and "crewai.task.id" in attributes:
        span.kind = "chain"


CONVENTIONS = (
    Convention(
        "crewai.openinference",
        "crewai",
        scopes=(Scope("openinference.instrumentation.crewai"),),
        kinds=OPENINFERENCE_KINDS,
        fields=OPENINFERENCE_FIELDS,
    ),
    Convention(
        "crewai.openllmetry",
        "crewai",
        scopes=(Scope("opentelemetry.instrumentation.crewai"),),
        marks=("crewai.crew.id", "crewai.task.id", "crewai.agent.id"),
        kinds=(
            ByKey("crewai.crew.id", "chain"),
            ByName("chain", suffixes=(".workflow",)),
            OPERATIONS,
            *OPENLLMETRY_KINDS,
        ),
        fields={"agent": ("gen_ai.agent.name", "crewai.task.agent", "crewai.agent.role")},
        refine=_refine_openllmetry,
    ),
)
