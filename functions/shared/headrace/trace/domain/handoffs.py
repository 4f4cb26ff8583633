"""How the tools are called by which a model hands over to another agent, or has work done by one."""

import re
from functools import lru_cache

_HANDOFF = re.compile(r"(?:transfer|hand_?(?:off|over)|delegate)(?:_back)?_to_(\w+)", re.IGNORECASE)
"""LangGraph swarm and supervisor, the OpenAI Agents SDK and AutoGen name their tools `transfer_to_AGENT`."""

COWORKER_TOOLS = frozenset(
    (
        "delegate_work_to_coworker",
        "delegate work to coworker",
        "ask_question_to_coworker",
        "ask question to coworker",
    )
)
"""CrewAI's, as the model and as the tool's span know them; an argument names the coworker."""


HANDOFF_TOOLS = frozenset(("transfer_to_agent", "handoff_to_agent"))
"""Those of the Google ADK and Strands: an argument names the agent."""

AGENT_ARGUMENT = "agent_name"


def handoff_target(tool: str) -> str:
    """The agent that a tool of this name hands over to, as far as the name tells; otherwise ""."""
    found = _HANDOFF.fullmatch(tool)
    return found[1] if found and tool not in HANDOFF_TOOLS and not is_coworker_tool(tool) else ""


def is_coworker_tool(tool: str) -> bool:
    """Whether a tool of this name has a coworker do the work."""
    return tool.lower() in COWORKER_TOOLS


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """A name as tools' names hold it: two that differ in blanks and capitals mean the same agent."""
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")
