"""What spans mean, in the conventions that instrumentations of agents write.

`normalize` is the way in. `convention` says what a mapper is made of and where fields are looked for by default; each
family has its file of mappers; `choose` finds the one for a span. `answers` and `faults` read what models said and what
went wrong, in all the forms there are.
"""

from headrace.wire.conventions.reading import normalize

__all__ = ["normalize"]
