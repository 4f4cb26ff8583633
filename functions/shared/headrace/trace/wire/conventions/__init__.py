"""What spans mean, in the conventions that instrumentations of agents write.

`normalize` is the way in; `reading` walks through a span. `convention` says what a mapper is made of and where fields
are looked for by default; each family has its file of mappers; `choose` finds the one for a span. `kinds`, `times`,
`answers` and `faults` read what a span is, when it ran, what a model said and what went wrong, in all forms there are.
"""

from headrace.trace.wire.conventions.reading import normalize

__all__ = ["normalize"]
