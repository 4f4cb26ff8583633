"""The spans of a trace put together as a run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from headrace.times import timestamp
from headrace.trace.domain.runs.calls import Call, model_calls, tool_calls
from headrace.trace.domain.runs.failures import find_failures
from headrace.trace.domain.runs.graph import edges
from headrace.trace.domain.runs.messages import Conversation, Listener, Turn, turns
from headrace.trace.domain.runs.model import AgentPart, Run, RunMessage, ToolCall
from headrace.trace.domain.runs.outcome import Outcome, at_run, judge
from headrace.trace.domain.runs.tree import Tree, grow
from headrace.trace.domain.spans import Span

_MOST_ODDITIES = 20


def assemble(spans: Sequence[Span], now_unix_nano: int, last_seen_unix_nano: int, idle: timedelta) -> Run:
    """The run that `spans` (one at least) of one trace make, in whatever order and however often they came.

    A trace is one run, also when it serves several sessions; `session_ids` has all of them. While its root has not
    come, the run is running until nothing was seen of it for longer than `idle`, and has then timed out.
    """
    tree = grow(spans)
    models = model_calls(tree)
    handoffs = {index for index, span in enumerate(tree.spans) if span.kind == "handoff"}
    tools = tool_calls(tree, models, handoffs)
    found = turns(tree, _part_takers(tree, models, tools))
    conversation = Listener(tree, models, found).listen()
    if conversation.handed_over != handoffs:
        tools = tool_calls(tree, models, conversation.handed_over)
    _name_the_nameless(tree, models, tools)
    outcome = judge(tree, models, tools, now_unix_nano - last_seen_unix_nano, idle)
    return _run(tree, models, tools, found, conversation, outcome)


def agents_of(spans: Sequence[Span]) -> dict[str, str]:
    """The agent that each span of a trace is a part of, by its span id; "" where nothing tells."""
    tree = grow(spans)
    return {span.span_id: agent for span, agent in zip(tree.spans, tree.agents, strict=True)}


def _part_takers(tree: Tree, models: list[Call], tools: list[Call]) -> set[str]:
    """Agents that did something themselves, and named ones below which there is no other agent.

    So a graph or a crew that only runs others is none, and a node that calls no model is none.
    """
    active = {call.agent for call in (*models, *tools) if call.agent}
    leads = [False] * len(tree.spans)
    for index in reversed(tree.order):
        parent = tree.parents[index]
        if parent >= 0 and (leads[index] or tree.agents[index] not in ("", tree.agents[parent])):
            leads[parent] = True
    for index, span in enumerate(tree.spans):
        if span.kind == "agent" and span.agent_by == "name" and not leads[index]:
            active.add(span.agent)
    return active


def _name_the_nameless(tree: Tree, models: list[Call], tools: list[Call]) -> None:
    """Where nothing names an agent, the service is the one that called models and tools."""
    if not any(call.agent for call in (*models, *tools)):
        for call in (*models, *tools):
            call.agent = tree.spans[call.index].service_name


def _run(
    tree: Tree,
    models: list[Call],
    tools: list[Call],
    found: list[Turn],
    conversation: Conversation,
    outcome: Outcome,
) -> Run:
    spans = [tree.spans[call.index] for call in models]
    costs = [span.cost_usd for span in spans if span.cost_usd is not None]
    first = _first(tree)
    started = next((span.started_unix_nano for span in tree.spans if span.started_unix_nano), 0)
    ended = max(tree.ends(index) for index in range(len(tree.spans)))
    users, sessions = _all(span.user_id for span in tree.spans), _all(span.session_id for span in tree.spans)
    agents = _agents(tree, models, tools, found)
    return Run(
        trace_id=first.trace_id,
        framework=_framework(tree),
        service_name=first.service_name or next((s.service_name for s in tree.spans if s.service_name), ""),
        status=outcome.status,
        error_type=at_run(outcome.error.type),
        error_message=outcome.error.message,
        recovered=outcome.recovered,
        started_unix_nano=started,
        duration_ms=(ended - started) / 1e6,
        agents=agents,
        llm_calls=len(models),
        tool_calls=[ToolCall(call.name, call.agent, call.is_ok, (call.ended - call.started) / 1e6) for call in tools],
        messages=[RunMessage(each.sender, each.recipient, each.type, timestamp(each.at)) for each in conversation.said],
        user_id=_only(users),
        session_id=_only(_all(tree.spans[index].session_id for index in tree.roots())) or _only(sessions),
        models=_all(span.model for span in spans),
        input_tokens=sum(span.input_tokens or 0 for span in spans),
        output_tokens=sum(span.output_tokens or 0 for span in spans),
        cost_usd=round(sum(costs), 9) if costs else None,
        failures=find_failures(tree, models, tools, conversation.said, conversation.lost, outcome.status),
        oddities=_oddities(tree),
        span_count=len(tree.spans),
        entry_agent=agents[0].name if agents else "",
        user_ids=users,
        session_ids=sessions,
        llm_failed_calls=sum(1 for call in models if not call.is_ok),
        error_detail=outcome.error.type,
        is_definition=all(span.agent_by == "definition" for span in tree.spans),
        edges=edges(conversation.said, found),
    )


def _first(tree: Tree) -> Span:
    roots = tree.roots()
    return tree.spans[roots[0]] if roots else tree.spans[0]


def _all(values: Iterable[str]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(value for value in values if value))


def _only(values: list[str]) -> str:
    """The one value; "" when there are several, and so none that is the run's."""
    return values[0] if len(values) == 1 else ""


def _framework(tree: Tree) -> str:
    """The framework of the outermost span that tells of one; LangGraph's where its graph runs within LangChain's."""
    told = [tree.spans[i].framework for i in tree.order if tree.spans[i].framework != "generic"]
    first = told[0] if told else "generic"
    return "langgraph" if first == "langchain" and "langgraph" in told else first


def _agents(tree: Tree, models: list[Call], tools: list[Call], found: list[Turn]) -> list[AgentPart]:
    """Who took part, in the order of starting."""
    parts: dict[str, AgentPart] = {}
    firsts = [(turn.started, turn.agent) for turn in found]
    firsts += [(call.started, call.agent) for call in (*models, *tools) if call.agent]
    for _, name in sorted(firsts):
        parts.setdefault(name, AgentPart(name))
    for turn in found:
        parts[turn.agent].duration_ms += (turn.ended - turn.started) / 1e6
    for call in models:
        if call.agent:
            _add_model_call(parts[call.agent], tree.spans[call.index], is_ok=call.is_ok)
    for call in tools:
        if call.agent:
            parts[call.agent].tool_calls += 1
            parts[call.agent].errors += not call.is_ok
    for span, agent in zip(tree.spans, tree.agents, strict=True):
        if span.role and agent in parts:
            parts[agent].role = parts[agent].role or span.role
    return list(parts.values())


def _add_model_call(part: AgentPart, span: Span, *, is_ok: bool) -> None:
    part.llm_calls += 1
    part.errors += not is_ok
    part.input_tokens += span.input_tokens or 0
    part.output_tokens += span.output_tokens or 0
    part.cost_usd += span.cost_usd or 0.0


def _oddities(tree: Tree) -> list[str]:
    """What is odd about the trace, and about its spans with how many of them."""
    counted = Counter(oddity for span in tree.spans for oddity in span.oddities)
    told = [f"{oddity} ({count} spans)" if count > 1 else oddity for oddity, count in counted.most_common()]
    return [*tree.oddities, *told][:_MOST_ODDITIES]
