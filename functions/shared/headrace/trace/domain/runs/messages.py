"""What agents said to each other: handing over, asking a coworker and its answer, and explicit messages.

One handoff shows in several spans: the model asks for it, a tool runs, the framework writes a message. They are one
handoff when the same turn of the other agent follows them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace.trace.domain.handoffs import canonical, handoff_target, is_coworker_tool
from headrace.trace.domain.runs.calls import Call
from headrace.trace.domain.runs.tree import Tree
from headrace.trace.domain.spans import Kind, MessageType

_MOST_NAMES = 200
"""Of agents, among which one is looked for whose name only begins like the one that was called."""

_NO_AGENTS = frozenset(("human", "human_agent", "human_operator", "operator", "person", "user", "customer", "end"))
"""Who is handed over to and writes no spans."""

_WORKING: frozenset[Kind] = frozenset(("agent", "chain", "llm_call", "tool_call"))


@dataclass(slots=True)
class Turn:
    """One agent at work, from when it gets control until it gives it up."""

    index: int
    agent: str
    started: int
    ended: int


@dataclass(slots=True)
class Said:
    """One message; times in nanoseconds since 1970."""

    sender: str
    recipient: str
    type: MessageType
    at: int


@dataclass(slots=True)
class Lost:
    """A handoff after which the other agent did not start."""

    index: int
    sender: str
    recipient: str


@dataclass(slots=True)
class Conversation:
    """What was said, handoffs that came to nothing, and the spans that are handoffs and so no tools."""

    said: list[Said] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    handed_over: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Hint:
    """A span that tells of a handoff. `is_sure`: whoever the recipient is, this is one."""

    index: int
    sender: str
    recipient: str
    at: int
    is_sure: bool = False
    tool: str = ""


def turns(tree: Tree, part_takers: set[str]) -> list[Turn]:
    """The turns of agents that took part, by time."""
    found = []
    for index, span in enumerate(tree.spans):
        agent, parent = tree.agents[index], tree.parents[index]
        if tree.inside[index] != agent:
            agent = tree.inside[index]
        elif span.kind not in _WORKING or (parent >= 0 and tree.inside[parent] == agent):
            continue
        if agent in part_takers:
            found.append(Turn(index, agent, span.started_unix_nano, tree.ends(index)))
    return found


def _next_others(found: list[Turn]) -> list[Turn | None]:
    """For each turn the next one of another agent."""
    others: list[Turn | None] = [None] * len(found)
    for at in range(len(found) - 2, -1, -1):
        others[at] = others[at + 1] if found[at + 1].agent == found[at].agent else found[at + 1]
    return others


class Listener:
    """Makes out who said what in one run."""

    def __init__(self, tree: Tree, models: list[Call], found: list[Turn]) -> None:
        self._tree, self._models, self._turns = tree, models, found
        self._starts: dict[str, list[int]] = {}
        self._by_agent: dict[str, list[Turn]] = {}
        for turn in found:
            self._starts.setdefault(turn.agent, []).append(turn.started)
            self._by_agent.setdefault(turn.agent, []).append(turn)
        self._names = {canonical(agent): agent for agent in reversed(self._by_agent)}
        self._all_starts = [turn.started for turn in found]
        self._others = _next_others(found)
        self._calls: dict[str, list[int]] = {}
        for call in models:
            self._calls.setdefault(call.agent, []).append(call.started)
        self._seen: set[tuple[str, str, int]] = set()
        self._nested = self._turns_below()
        self.conversation = Conversation()

    def listen(self) -> Conversation:
        """All of it, by time."""
        for hint in sorted(self._hints(), key=lambda hint: (hint.at, not hint.is_sure)):
            self._take(hint)
        self._hear_messages()
        self._hear_agents_as_tools()
        self.conversation.said.sort(key=lambda said: said.at)
        return self.conversation

    # --- hints -----------------------------------------------------------------------------------------------

    def _hints(self) -> Iterator[_Hint]:
        asking = self._agents_asking()
        for index, span in enumerate(self._tree.spans):
            message = span.message
            if message is None or message.type != "handoff":
                continue
            sender = message.sender or self._tree.agents[index]
            if message.is_edge and sender in asking and canonical(message.recipient) not in asking[sender]:
                continue  # the graph's fixed order: the model had a say, and did not ask for it
            is_sure = not handoff_target(span.tool)
            yield _Hint(index, sender, message.recipient, span.started_unix_nano, is_sure, span.tool)
        for call in self._models:
            for name, _, coworker in self._tree.spans[call.index].asked:
                target = coworker if is_coworker_tool(name) else handoff_target(name)
                if target:
                    yield _Hint(call.index, call.agent, target, call.started, is_coworker_tool(name), name)

    def _agents_asking(self) -> dict[str, set[str]]:
        """Of each agent whose model's answers can be seen: whom these hand over to."""
        asking: dict[str, set[str]] = {}
        for call in self._models:
            span = self._tree.spans[call.index]
            if span.answer_is_known:
                known = asking.setdefault(call.agent, set())
                known.update(canonical(handoff_target(name)) for name, _, _ in span.asked)
        return asking

    def _take(self, hint: _Hint) -> None:
        recipient = self._resolve(hint.recipient)
        follower = self._next_turn(recipient, hint.sender, hint.at)
        until = follower.started if follower else None
        if not hint.is_sure and not recipient and self._thinks(hint.sender, hint.at, until):
            return  # a tool that is only called like one that hands over
        if self._tree.spans[hint.index].kind == "handoff":
            self.conversation.handed_over.add(hint.index)
        recipient = recipient or (follower.agent if follower else hint.recipient)
        key = (hint.sender, canonical(recipient), follower.index if follower else -1)
        if key in self._seen or (recipient == hint.sender and not hint.is_sure):
            return
        self._seen.add(key)
        self._say(hint, recipient, follower)

    def _say(self, hint: _Hint, recipient: str, follower: Turn | None) -> None:
        is_question = hint.tool.lower().startswith("ask")
        at = follower.started if follower else hint.at
        self.conversation.said.append(Said(hint.sender, recipient, "request" if is_question else "handoff", at))
        if follower is None:
            if canonical(recipient) not in _NO_AGENTS and not self._thinks(recipient, hint.at):
                self.conversation.lost.append(Lost(hint.index, hint.sender, recipient))
            return
        self._nested.pop(follower.index, None)
        if is_coworker_tool(hint.tool) and self._tree.spans[follower.index].status != "error":
            self.conversation.said.append(Said(recipient, hint.sender, "response", follower.ended))

    def _resolve(self, name: str) -> str:
        """The agent that took part and is meant by `name`; "" if there is none, or more than one may be meant."""
        wanted = canonical(name)
        if not wanted or wanted in self._names:
            return self._names.get(wanted, "")
        names = self._names.items() if len(self._names) <= _MOST_NAMES else ()
        close = [agent for known, agent in names if known.startswith(wanted) or wanted.startswith(known)]
        return close[0] if len(close) == 1 else ""

    def _next_turn(self, recipient: str, sender: str, at: int) -> Turn | None:
        """The first turn of `recipient`, or of anyone but the sender, that starts from `at` on."""
        if recipient:
            first = bisect_left(self._starts[recipient], at)
            return self._by_agent[recipient][first] if first < len(self._by_agent[recipient]) else None
        first = bisect_left(self._all_starts, at)
        if first == len(self._turns) or self._turns[first].agent != sender:
            return self._turns[first] if first < len(self._turns) else None
        return self._others[first]

    def _thinks(self, agent: str, after: int, until: int | None = None) -> bool:
        """Whether the agent's model is called after one time and before another: so long it has control."""
        starts = self._calls.get(agent, [])
        first = bisect_right(starts, after)
        return first < len(starts) and (until is None or starts[first] < until)

    # --- messages and agents as tools ------------------------------------------------------------------------

    def _hear_messages(self) -> None:
        seen: set[tuple[str, str, str]] = set()
        for span in self._tree.spans:
            message = span.message
            if message is None or message.type == "handoff":
                continue
            key = (span.call_id, message.sender, message.recipient)
            if not span.call_id or key not in seen:
                seen.add(key)
                at = span.started_unix_nano
                self.conversation.said.append(Said(message.sender, message.recipient, message.type, at))

    def _turns_below(self) -> dict[int, tuple[Turn, str]]:
        """Turns that started within a tool of another agent, by the index of their span, with that agent."""
        tools = self._tree.above("tool_call")
        below = {}
        for turn in self._turns:
            tool = tools[turn.index]
            if tool >= 0 and (caller := self._tree.agents[tool]) and caller != turn.agent:
                below[turn.index] = turn, caller
        return below

    def _hear_agents_as_tools(self) -> None:
        for turn, caller in self._nested.values():
            self.conversation.said.append(Said(caller, turn.agent, "request", turn.started))
            if self._tree.spans[turn.index].status != "error":
                self.conversation.said.append(Said(turn.agent, caller, "response", turn.ended))
