"""Every limit on a stranger's expression, in one table; the promise of the port is 250 ms and 256 MB a record.

The kernel enforces `RECORD_CPU_MS` and `MEMORY_BYTES` on the worker process, whatever the engine is doing.
The engine's own, softer limits come first, so that the ordinary bad expression ends with a readable error
and its worker lives on.
"""

EXPRESSION_BYTES = 8 * 1024
"""Longest expression, as UTF-8."""

RECORD_CPU_MS = 180
"""Processor time for all expressions of a program on one record. 250 less the start of a worker and the tick
(4 to 10 ms) at which the kernel looks."""

SOFT_CPU_MS = 110
"""Processor time after which the engine itself is asked to give up on one expression."""

CALL_CPU_MS = 250
CALL_CPU_PER_RECORD_MS = 5
"""A call's allowance is their sum over its records, so that one that costs 179 ms a record cannot hold a
worker for minutes."""

MEMORY_BYTES = 250 * 1024 * 1024
"""Address space of a worker (RLIMIT_AS), so its resident memory is always less. The interpreter and the engine
take 150 MB of it at the start, but 17 MB of memory. Linux enforces it; macOS accepts and ignores it."""

RETIRE_BYTES = 128 * 1024 * 1024
"""A worker that holds this much (compiled patterns, say) makes room for a new one before its next call."""

FRAME_BYTES = 4 * 1024 * 1024
"""Largest record that a worker takes, and largest result that it gives back, as JSON."""

STACK_DEPTH = 500
"""Nested evaluations in the engine; jsonatapy calls it max_stack_depth."""

SEQUENCE_LENGTH = 1_000_000
"""Items of one sequence in jsonatapy; a record of `FRAME_BYTES` fits."""

MESSAGE_CHARACTERS = 300
"""An error quotes data, which may be long."""

COMPILED_EXPRESSIONS = 256
"""Compiled expressions that one thread, or one worker, keeps."""

ANSWER_SECONDS = 20.0
"""Wall clock without one answer after which a worker counts as lost. A guard against a stopped process only."""

QUEUE_SECONDS = 10.0
"""Wall clock that a call waits for a free worker."""
