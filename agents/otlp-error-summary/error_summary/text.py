"""Strangers' text → text that can be sent on: no broken characters, no control characters, no endless lines."""

import re

# All of the C0 and C1 controls but tab and line feed, which logs are full of; and what is no character at all.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")


def clean(text: str, limit: int) -> str:
    """At most `limit` characters that any JSON parser and any chat takes; a cut is shown."""
    fit = _UNFIT.sub(" ", text[: 2 * limit]).strip()
    return fit if len(fit) <= limit else fit[: limit - 1] + "…"
