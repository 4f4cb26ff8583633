"""Flat records: what filters see and agents get. One per log record, span or metric point."""

from typing import Any, Literal

Record = dict[str, Any]
"""A flat record as JSON would hold it; its fields are those of the contract's section 1."""

Signal = Literal["logs", "traces", "metrics"]
SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics")
