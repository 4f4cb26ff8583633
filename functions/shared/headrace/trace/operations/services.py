"""How services did, and what they depend on, over any window: from rollups. Their layout is in `wire.run_items`."""

from collections import defaultdict
from datetime import timedelta

from headrace.ports.table import Range, items_of
from headrace.times import unix_seconds
from headrace.trace.domain.rollups import LENGTH, Resolution, Rollup, Series, Side, quantile_ms
from headrace.trace.operations.needs import RunsNeeds
from headrace.trace.wire import run_items
from headrace.trace.wire.figure_models import ServiceFiguresOut

_BY_MINUTE = timedelta(hours=6)
"""Longer windows are read by the hour: sixty times fewer rollups."""
_MINUTES_KEPT = timedelta(days=2)


def service_figures(project_id: str, since_unix_s: int, until_unix_s: int, needs: RunsNeeds) -> list[ServiceFiguresOut]:
    """The series of all services in a window, in seconds since 1970, most calls first.

    A window is widened to whole minutes; to whole hours when it is longer than six hours or older than two days.
    """
    now_s = unix_seconds(needs.clock.now_unix_nano())
    fine = until_unix_s - since_unix_s <= _BY_MINUTE.total_seconds()
    resolution: Resolution = "minute" if fine and now_s - since_unix_s <= _MINUTES_KEPT.total_seconds() else "hour"
    length_s = round(LENGTH[resolution].total_seconds())
    low, high = run_items.rollup_bounds(resolution, since_unix_s - since_unix_s % length_s, until_unix_s)
    found = []
    for service in items_of(needs.telemetry, Range(run_items.services_pk(project_id))):
        places = Range(run_items.rollup_pk(project_id, service["name"]), low=low, high=high)
        stored = run_items.decode_rollups(service["name"], items_of(needs.telemetry, places))
        found += [_figures(service["name"], *key, rollup) for key, rollup in _merged(stored).items()]
    return sorted(found, key=lambda each: (-each.calls, each.service, each.side, each.name))


def _merged(rollups: dict[Series, Rollup]) -> dict[tuple[Side, str], Rollup]:
    """By what was called, over all windows."""
    merged: dict[tuple[Side, str], Rollup] = defaultdict(Rollup)
    for series, rollup in rollups.items():
        merged[series.side, series.name].merge(rollup)
    return merged


def _figures(service: str, side: Side, name: str, rollup: Rollup) -> ServiceFiguresOut:
    return ServiceFiguresOut(
        service=service,
        side=side,
        name=name,
        calls=rollup.calls,
        errors=rollup.errors,
        duration_ms_p50=quantile_ms(rollup.buckets, 0.5),
        duration_ms_p95=quantile_ms(rollup.buckets, 0.95),
        duration_ms_p99=quantile_ms(rollup.buckets, 0.99),
    )
