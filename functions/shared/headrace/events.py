"""All events that Headrace tells, one class each: what happened in its docstring, what is known of it in its fields.

They are told with `observability.emit`, `warn` and `crash`, and read again with `decode` by those who count and print
them: metrics, the feed, `headrace tail`. Metric filters in `template.yaml` and queries of users go by the names of
events and facts, so a name once told stays. Secrets never belong into facts.

Types of the facts are for mypy, which finds a misspelt event or fact on both sides. At run time nothing is made from
them: all classes together cost a cold start one millisecond, as dataclasses they would cost fifteen. The module is
longer than others, since it is one table.
"""

from typing import Any, ClassVar, dataclass_transform

Told = dict[str, Any]
"""An event as listeners, the feed and other processes get it: `event`, `at`, `level` unless it is just information,
and its facts."""

ENVELOPE = ("event", "at", "level")
"""What no fact is called."""


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False)
class Event:
    """Something that happened. A fact with a default is one that is not always known: then it is not told."""

    NAME: ClassVar[str]
    """As it is told."""
    project_id: str | None = None
    """Whose it is, of events that are some project's: its readers of the feed hear of them."""

    def __init_subclass__(cls, *, name: str) -> None:
        cls.NAME = name
        _KINDS[name] = cls

    def __init__(self, **facts: Any) -> None:
        self.__dict__ = facts


_KINDS: dict[str, type[Event]] = {}


def decode(told: Told) -> Event | None:
    """What was told; None when it is no event of ours, as when a newer Headrace tells it."""
    kind = _KINDS.get(told["event"])
    if kind is None:
        return None
    return kind(**{name: fact for name, fact in told.items() if name not in ENVELOPE})


# --- what comes in -------------------------------------------------------------------------------------------


class Received(Event, name="received"):
    """Records of an OTLP request were stored, and some may have been refused."""

    project_id: str
    signal: str
    records: int
    refused: int


class Output(Event, name="output"):
    """An output of an agent was stored."""

    project_id: str
    id: str
    request_id: str | None
    bytes: int


class RequestFailed(Event, name="request_failed"):
    """A request was answered with 500, for a fault of ours."""

    path: str


class SampleNotKept(Event, name="sample_not_kept"):
    """The records for tests of expressions could not be stored."""

    project_id: str
    reason: str


class CountsLost(Event, name="counts_lost"):
    """The status of a project will lack these counts, since the table was down."""

    project_id: str
    counts: dict[str, int]
    reason: str


# --- the queue functions -------------------------------------------------------------------------------------


class EventReturned(Event, name="event_returned"):
    """All messages of a queue event come back, since an engine was down."""

    function: str
    messages: int
    reason: str


class EventFailed(Event, name="event_failed"):
    """All messages of a queue event come back, for a fault of ours."""

    function: str
    messages: int


class OldMessages(Event, name="old_messages"):
    """A message was received long ago and is worked off only now."""

    function: str
    queue: str
    age_seconds: int


class DeadLetter(Event, name="dead_letter"):
    """A message was given up."""

    project_id: str | None = None
    queue: str | None = None
    records: int | None = None
    reason: str


class MessagesReturned(Event, name="messages_returned"):
    """Messages could not be put away and come back, at the price of duplicates."""

    project_id: str | None
    reason: str


# --- to the agent --------------------------------------------------------------------------------------------


class Filtered(Event, name="filtered"):
    """The program of a pipeline kept records from the agent."""

    project_id: str
    filtered: int
    errored: int
    """Dropped, since the filter failed on them."""
    dead_lettered: int = 0
    """Records."""
    dead_letters_made: int = 0
    """Messages."""


class ExpressionFailed(Event, name="expression_failed"):
    """An expression of a pipeline failed on a record."""

    project_id: str
    reason: str


class Batch(Event, name="batch"):
    """A batch was sent to the agent."""

    project_id: str
    request_id: str
    records: int
    verdict: str
    reason: str
    ms: float


# --- to sinks ------------------------------------------------------------------------------------------------


class Sink(Event, name="sink"):
    """An output was sent to a sink."""

    project_id: str
    sink_id: str
    sink: str
    """What it is called."""
    output_id: str
    verdict: str
    reason: str
    ms: float


class SinkDisabled(Event, name="sink_disabled"):
    """A sink was switched off, since it answered that it is gone."""

    project_id: str
    sink_id: str
    reason: str


class SinkNotDisabled(Event, name="sink_not_disabled"):
    """A sink that is gone could not be switched off."""

    project_id: str
    sink_id: str
    reason: str


class AttemptsNotLogged(Event, name="attempts_not_logged"):
    """The log of a sink will lack some attempts, since the table was down."""

    project_id: str
    sink_id: str
    reason: str


class PaceUnknown(Event, name="pace_unknown"):
    """The pace of a Slack webhook could not be kept, since the table was down."""

    reason: str


class PluginFailed(Event, name="plugin_failed"):
    """A plugin of apprise failed in a way that it should not."""


# --- runs ----------------------------------------------------------------------------------------------------


class Traced(Event, name="traced"):
    """Spans were stored in runs."""

    project_id: str
    traces: int
    spans: int
    seconds: float


class EventSplit(Event, name="event_split"):
    """One message of a queue event is to blame for a fault of ours; they are tried one by one."""

    messages: int


class MessageFailed(Event, name="message_failed"):
    """A message comes back, for a fault of ours."""

    queue: str
    id: str


class ChunkDamaged(Event, name="chunk_damaged"):
    """Stored spans cannot be read."""

    pk: str
    sk: str
    reason: str


# --- upkeep --------------------------------------------------------------------------------------------------


class ProjectDeleted(Event, name="project_deleted"):
    """Somebody deleted a project."""

    project_id: str
    account_id: str
    address: str
    """Of the caller."""


class ProjectErased(Event, name="project_erased"):
    """All that was stored of a deleted project is gone."""

    project_id: str


class WiringPostponed(Event, name="wiring_postponed"):
    """A project's queues will be changed later, since the engine is down."""

    project_id: str
    reason: str


class ReconcileFailed(Event, name="reconcile_failed"):
    """A project's queues could not be made what they should be, for whatever reason; it is tried again."""

    project_id: str


class DeadLettersWaiting(Event, name="dead_letters_waiting"):
    """There are dead letters that somebody should look at."""

    count: int
    queues: dict[str, int]
    """How many on each."""


class SecretNotRotated(Event, name="secret_not_rotated"):
    """A stored secret could not be sealed with the newest key."""

    item: str
    """`pk/sk`."""
    reason: str


# --- the runtime ---------------------------------------------------------------------------------------------


class SettingNotKnown(Event, name="setting_not_known"):
    """An environment variable looks like a setting and is none."""

    name: str
    did_you_mean: str


class StoreWaits(Event, name="store_waits"):
    """The schema of the store could not be checked, since the store is down."""

    reason: str


class HandlerFailed(Event, name="handler_failed"):
    """A handler raised, and all messages of its event come back."""

    queue: str


class PumpWaits(Event, name="pump_waits"):
    """Messages cannot be taken, since an engine is down."""

    queue: str | None = None
    reason: str


class PumpFailed(Event, name="pump_failed"):
    """The pump failed in a way that it should not, and goes on."""


class LeaseNotRenewed(Event, name="lease_not_renewed"):
    """Messages in work may be given to others too."""

    queue: str
    reason: str | None = None


class ProgressNotReported(Event, name="progress_not_reported"):
    """NATS was not told that messages are still in work, for a fault of ours."""


class NatsConnection(Event, name="nats_connection"):
    """There is trouble with the connection to NATS."""

    reason: str


class ScheduleWaits(Event, name="schedule_waits"):
    """A scheduled job did not run, since an engine is down."""

    job: str
    reason: str


class ScheduleFailed(Event, name="schedule_failed"):
    """A scheduled job raised."""

    job: str


class QueuesNotMeasured(Event, name="queues_not_measured"):
    """`GET /metrics` lacks the queues, since the engine is down."""

    reason: str


class QueueFunctionsDied(Event, name="queue_functions_died"):
    """The process of the queue functions ended by itself; another one will take over."""

    code: int
    reason: str | None


class QueueFunctionsWait(Event, name="queue_functions_wait"):
    """Another process of the queue functions could not be started yet."""

    reason: str


class QueueFunctionsNotUnderstood(Event, name="queue_functions_not_understood"):
    """The process of the queue functions said something that is no line of ours."""
