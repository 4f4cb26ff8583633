"""Which text may be shown to people as it is."""

from unicodedata import category

_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""With these a text can read as another one: https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing."""


def printable(text: str) -> bool:
    """Whether `text` is free of control characters, of halves of characters, and of those that turn its direction.

    Other invisible characters stay: Persian and Hindi are written with joiners, and so are many emoji.
    """
    return not any(category(each) in ("Cc", "Cs") or each in _TURNING for each in text)


def label_fault(text: str) -> str | None:
    """What keeps `text` from being a name for people to read; None when nothing does."""
    return None if printable(text) else "must not hold control characters"
