"""Runs: what one request to a system of agents did, put together from the spans of its trace.

`assemble` is the way in: `tree` puts the spans in order and finds each one's agent, `calls` counts calls of models and
tools once, `messages` makes out who handed to whom, `outcome` how it went, `failures` which patterns of failure show.
`model` holds the types.
"""

from headrace.trace.domain.runs.assemble import agents_of, assemble
from headrace.trace.domain.runs.graph import graph
from headrace.trace.domain.runs.model import (
    AgentPart,
    Edge,
    EdgeType,
    Failure,
    FailureMode,
    Graph,
    Run,
    RunMessage,
    RunStatus,
    ToolCall,
)

__all__ = [
    "AgentPart",
    "Edge",
    "EdgeType",
    "Failure",
    "FailureMode",
    "Graph",
    "Run",
    "RunMessage",
    "RunStatus",
    "ToolCall",
    "agents_of",
    "assemble",
    "graph",
]
