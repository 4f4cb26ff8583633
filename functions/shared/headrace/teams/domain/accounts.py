"""Rules for those who sign in: which addresses and passwords there can be, and when two of them are the same."""

import re
from unicodedata import category, normalize

LONGEST_EMAIL_BYTES = 254
"""RFC 5321 section 4.5.3.1.3, without its angle brackets."""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1024
"""In characters, counted after normalisation."""

_INVISIBLE = ("Cc", "Cf", "Cs")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def canonical_email(email: str) -> str:
    """What addresses are compared by: case, spaces around and Unicode's spellings of one text (NFKC) do not count."""
    return normalize("NFKC", normalize("NFKC", email).strip().lower())


def canonical_password(password: str) -> str:
    """What is hashed: keyboards spell one text in several ways, so NFKC (NIST SP 800-63B-4 section 3.1.1.2)."""
    return normalize("NFKC", password)


def email_fault(email: str) -> str | None:
    """What keeps `email` from being an address, in words for whom it was typed by; None when nothing does."""
    canonical = canonical_email(email)
    if len(canonical.encode(errors="replace")) > LONGEST_EMAIL_BYTES:
        return f"must have at most {LONGEST_EMAIL_BYTES} bytes"
    if not _EMAIL.fullmatch(canonical) or any(category(each) in _INVISIBLE for each in canonical):
        return "must be an e-mail address, such as ada@example.com"
    return None


def password_fault(password: str) -> str | None:
    """What keeps `password` from being a new password; None when nothing does. Any character may be in it."""
    characters = len(canonical_password(password))
    if characters < SHORTEST_PASSWORD:
        return f"must have at least {SHORTEST_PASSWORD} characters"
    if characters > LONGEST_PASSWORD:
        return f"must have at most {LONGEST_PASSWORD} characters"
    return None
