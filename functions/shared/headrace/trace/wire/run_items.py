"""Runs and rollups ↔ items of the telemetry table, which also holds what `upkeep.wire.items` says.

                                   pk                      sk
  some spans of a trace            trace#PROJECT#TRACE     span#HASH
  the run they make                trace#PROJECT#TRACE     run
  entry of a run, by time          runs#PROJECT            time#START#TRACE
  … by what it is looked for       runs#PROJECT            status#STATUS#START#TRACE, agent#NAME#…,
                                                           error#TYPE#…, user#ID#…, session#ID#…
  … that only defines agents       runs#PROJECT            definition#START#TRACE: for erasing, not for lists
  an agent that was seen           agents#PROJECT          NAME
  a service that was seen          services#PROJECT        NAME
  rollup of a service              rollup#PROJECT#SERVICE  RESOLUTION#START#SIDE#NAME
  a message that was rolled up     rolled#PROJECT          HASH

START is nanoseconds since 1970 with 19 digits, so that the order of keys is the order of time. An entry holds what
lists are filtered by, so that a run is read only to be shown. All of it expires.

Whether a run is still running is a matter of the time at which one looks: it is stored as "open" while its root has
not come, and read as running or timed out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from headrace.compression import decode_gzip, encode_gzip
from headrace.trace.domain.rollups import LENGTH, Resolution, Rollup, Series, Side
from headrace.trace.domain.runs import Run

Item = dict[str, Any]

RUN, CHUNK_PREFIX, TIME_PREFIX, DEFINITION_PREFIX = "run", "span#", "time#", "definition#"
OPEN = "open"
_WITHOUT_VALUE = ("time", "definition")
_KEY_BYTES = 160
"""Of a name within a key: keys hold 512 bytes."""
_UNPACKED_BYTES = 64 * 1024 * 1024
_RUN_BYTES = 256 * 1024
"""Of a run as it is shown, packed: an item holds 400 KB, and the ids of its spans and its entries are there too."""
_IDS = 10_000
"""Spans of a run that can be found without its trace id."""
_PLACES = 20
"""Agents, users and sessions that a run is found by, of each: its writes are one transaction of 100."""


def trace_pk(project_id: str, trace_id: str) -> str:
    """Partition of one trace."""
    return f"trace#{project_id}#{trace_id}"


def runs_pk(project_id: str) -> str:
    """Partition of the entries of a project's runs."""
    return f"runs#{project_id}"


def agents_pk(project_id: str) -> str:
    """Partition of the names of a project's agents."""
    return f"agents#{project_id}"


def services_pk(project_id: str) -> str:
    """Partition of the names of a project's services."""
    return f"services#{project_id}"


def rollup_pk(project_id: str, service: str) -> str:
    """Partition of the rollups of one service."""
    return f"rollup#{project_id}#{key_part(service)}"


def rolled_pk(project_id: str) -> str:
    """Partition of the marks of messages that were rolled up."""
    return f"rolled#{project_id}"


def key_part(text: str) -> str:
    """`text` as a part of a key: without the separator and NUL, never empty, of bounded length."""
    clean = text.replace("#", "_").replace("\x00", "_")
    return clean.encode(errors="replace")[:_KEY_BYTES].decode(errors="ignore") or "-"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the index the entries with one property are.

    `kind` is time or definition, which have no value, or status, error, agent, user or session.
    """

    kind: str
    value: str = ""

    @property
    def prefix(self) -> str:
        """What the sort keys of these entries start with."""
        return f"{self.kind}#{key_part(self.value)}#" if self.kind not in _WITHOUT_VALUE else f"{self.kind}#"

    def sk(self, started_unix_nano: int, trace_id: str) -> str:
        """The sort key of one run's entry."""
        return f"{self.prefix}{max(0, started_unix_nano):019}#{trace_id}"


def places_of(run: Run) -> list[Place]:
    """Where a run is entered. Completed runs are most, so there is no use in finding them by that."""
    if run.is_definition:
        return [Place("definition")]
    status = OPEN if run.status in ("running", "timed_out") else run.status
    places = [Place("time")]
    if status != "completed":
        places.append(Place("status", status))
    places += [Place("error", each) for each in {run.error_type, run.error_detail} - {"none"}]
    places += [Place("agent", agent.name) for agent in run.agents[:_PLACES]]
    places += [Place("user", user) for user in _users(run)[:_PLACES]]
    places += [Place("session", session) for session in _sessions(run)[:_PLACES]]
    return list(dict.fromkeys(places))


def encode_entries(project_id: str, run: Run, last_seen_unix_nano: int, expires_at: int) -> dict[str, Item]:
    """The entries of a run, by sort key."""
    facts = {
        "trace_id": run.trace_id,
        "status": OPEN if run.status in ("running", "timed_out") else run.status,
        "last_seen_unix_nano": last_seen_unix_nano,
        "error_types": list(dict.fromkeys((run.error_type, run.error_detail))),
        "framework": run.framework,
        "agents": [agent.name for agent in run.agents[:_PLACES]],
        "users": _users(run)[:_PLACES],
        "sessions": _sessions(run)[:_PLACES],
        "cost_usd": run.cost_usd,
        "duration_ms": run.duration_ms,
    }
    entries = {}
    for place in places_of(run):
        sk = place.sk(run.started_unix_nano, run.trace_id)
        told = facts | _agent_facts(run, place.value) if place.kind == "agent" else facts
        entries[sk] = {
            "pk": runs_pk(project_id),
            "sk": sk,
            "expires_at": expires_at,
            "facts": orjson.dumps(told).decode(),  # as one text: engines check and count attribute by attribute
        }
    return entries


def decode_entry(item: Item) -> dict[str, Any]:
    """What an entry says of its run, and its own sort key as `sk`."""
    return {**orjson.loads(item["facts"]), "sk": item["sk"]}


def _agent_facts(run: Run, name: str) -> dict[str, Any]:
    """What this agent did in the run, for the figures of agents."""
    part = next(agent for agent in run.agents if agent.name == name)
    return {
        "agent_errors": part.errors,
        "agent_cost_usd": part.cost_usd,
        "agent_duration_ms": part.duration_ms,
        "agent_input_tokens": part.input_tokens,
        "agent_output_tokens": part.output_tokens,
        "agent_llm_calls": part.llm_calls,
        "agent_tool_calls": part.tool_calls,
        "agent_role": part.role,
    }


def encode_run_fields(shown: Mapping[str, Any], span_ids: Iterable[str]) -> Item:
    """What the item of a run holds: the run as it is shown (contract section 10), and which spans it is made of."""
    return {
        "data": _packed(shown),
        "span_ids": b"".join(map(bytes.fromhex, islice(span_ids, _IDS))),
    }


def _packed(shown: Mapping[str, Any]) -> bytes:
    """The run as gzipped JSON. One that would not fit its item loses halves of its longest lists, and says so."""
    data = encode_gzip(orjson.dumps(shown))
    while len(data) > _RUN_BYTES and (longest := _longest_list(shown)):
        odd = f"only the first {longest} are here: the run was too large to be stored whole"
        cut = {longest: shown[longest][: len(shown[longest]) // 2]}
        shown = {**shown, **cut, "oddities": list(dict.fromkeys([*shown["oddities"], odd]))}
        data = encode_gzip(orjson.dumps(shown))
    return data


def _longest_list(shown: Mapping[str, Any]) -> str:
    """The field whose list takes most room, "" when all are empty; oddities, which are few, are kept."""
    lists = {name: value for name, value in shown.items() if isinstance(value, list) and value and name != "oddities"}
    return max(lists, key=lambda name: len(orjson.dumps(lists[name])), default="")


def decode_run(item: Item) -> dict[str, Any]:
    """The run of an item, in the shape of contract section 10."""
    run: dict[str, Any] = orjson.loads(decode_gzip(item["data"], limit_bytes=_UNPACKED_BYTES))
    return run


def start_of(sk: str) -> int:
    """When the run of an entry started, in nanoseconds since 1970."""
    return int(sk.rsplit("#", 2)[1])


def time_bounds(place: Place, after_unix_nano: int, before_unix_nano: int) -> tuple[str, str]:
    """Sort keys around the entries at `place` of runs that started in the window, its end not included."""
    low, high = (f"{place.prefix}{max(0, edge):019}" for edge in (after_unix_nano, before_unix_nano))
    return low, high


# --- rollups -------------------------------------------------------------------------------------------------


def rollup_key(project_id: str, series: Series) -> tuple[str, str]:
    """Partition and sort key of one series."""
    prefix = _rollup_prefix(series.resolution, series.start_unix_s)
    return rollup_pk(project_id, series.service), f"{prefix}{series.side}#{key_part(series.name)}"


def encode_counts(rollup: Rollup) -> dict[str, int]:
    """What `rollup` adds to the stored one."""
    buckets = {f"b{bucket}": count for bucket, count in rollup.buckets.items()}
    return {"calls": rollup.calls, "errors": rollup.errors, **buckets}


def rollup_bounds(resolution: Resolution, after_unix_s: int, before_unix_s: int) -> tuple[str, str]:
    """Sort keys around windows that start from `after` to before `before`, both in seconds since 1970."""
    return _rollup_prefix(resolution, after_unix_s), _rollup_prefix(resolution, before_unix_s)


def decode_rollups(service: str, found: Iterable[Item]) -> dict[Series, Rollup]:
    """Stored rollups of a service by their series."""
    rollups = {}
    for item in found:
        resolution, start, side, _ = item["sk"].split("#", 3)
        series = Series(service, _side(side), item["name"], _resolution(resolution), int(start))
        rollups[series] = _rollup(item)
    return rollups


def _rollup(item: Mapping[str, Any]) -> Rollup:
    rollup = Rollup(int(item["calls"]), int(item["errors"]))
    rollup.buckets.update({int(name[1:]): int(count) for name, count in item.items() if name[1:].isdigit()})
    return rollup


def _rollup_prefix(resolution: str, start_unix_s: int) -> str:
    return f"{resolution}#{max(0, start_unix_s):011}#"


def _resolution(text: str) -> Resolution:
    return next(each for each in LENGTH if each == text)


def _side(text: str) -> Side:
    return "dependency" if text == "dependency" else "operation"


def _users(run: Run) -> list[str]:
    return run.user_ids or [run.user_id] * bool(run.user_id)


def _sessions(run: Run) -> list[str]:
    return run.session_ids or [run.session_id] * bool(run.session_id)
