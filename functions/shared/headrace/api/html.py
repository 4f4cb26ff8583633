"""HTML out of Python calls. Text is escaped unless it is HTML by type, so forgetting to is not possible."""

from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str | None, **attributes: str | None) -> Html:
    """`<name attributes>children</name>`; what is None is left out. `class_` and `for_` lose their underscore."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{shown}>{join(*children)}</{name}>")


def join(*children: str | None) -> Html:
    """One after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children if child is not None))


def prose(words: str) -> Html:
    """Paragraphs between empty lines, code between backticks."""
    return join(*(element("p", inline(each)) for each in words.strip().split("\n\n") if each))


def inline(words: str) -> Html:
    """One paragraph's words, with code between backticks."""
    parts = words.split("`")
    return join(*(element("code", part) if index % 2 else part for index, part in enumerate(parts)))
