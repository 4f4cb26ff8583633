"""The signals of OTLP that are checked."""

from typing import Literal

Signal = Literal["logs", "traces", "metrics"]
SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics")
