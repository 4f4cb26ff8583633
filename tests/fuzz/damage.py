"""Good input after a few accidents."""

from typing import Any

from hypothesis import strategies as st


@st.composite
def damaged(draw: Any, good: st.SearchStrategy[bytes]) -> bytes:
    """What `good` makes, with up to three bytes or stretches changed, lost, repeated or put in."""
    body = bytearray(draw(good))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["replace", "remove", "repeat", "cut", "insert"])):
            case "replace":
                body[start : start + 1] = draw(st.binary(min_size=1, max_size=1))
            case "remove":
                del body[start:end]
            case "repeat":
                body[end:end] = body[start:end]
            case "cut":
                del body[start:]
            case "insert":
                body[start:start] = draw(st.binary(max_size=4))
    return bytes(body)
