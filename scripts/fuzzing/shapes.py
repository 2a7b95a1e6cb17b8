"""Anything that JSON can hold, and messages that are nearly right."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from frames import Frame
from hypothesis import strategies as st
from plans import Ending, Message

ENDINGS: Final[st.SearchStrategy[Ending]] = st.sampled_from(["eof", "close", "reset"])
ODD_TEXTS: Final = (
    *("", "0", "-1", "NaN", "null", "\x00", "\ud800", "💥", "../../etc/passwd", "a" * 300),
    *("'\"<>&", "\r\nX: y", "1e309", "true", "=", "====", "AAAA", "${x}", "%00", "\u2028"),
)
ODD_NUMBERS: Final = (0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308)
ODD_FLOATS: Final = (float("nan"), float("inf"), -0.0)
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=20))
leaves = st.one_of(
    st.none(), st.booleans(), st.sampled_from([*ODD_NUMBERS, *ODD_FLOATS]), st.integers(), texts
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
broken_texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["[" * 100_000, '{"a":' * 50_000, "{", "[]", "0", '"', '{"event":', "\x00"]),
)
frames = st.builds(
    Frame,
    st.integers(0, 15),
    st.binary(max_size=200),
    is_final=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 1, 4]),
    is_masked=st.booleans(),
    claimed_bytes=st.sampled_from([None, None, None, 0, 126, 65_536, 2**31, 2**63 - 1, 2**64 - 1]),
)


def _places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every value in an object, the inner ones, too."""
    inner: Any = ()
    if isinstance(content, dict):
        inner = content.items()
    elif isinstance(content, list):
        inner = enumerate(content)
    for key, value in inner:
        yield (*path, key)
        yield from _places(value, (*path, key))


@st.composite
def nearly(draw: st.DrawFn, right: st.SearchStrategy[dict[str, Any]], most: int = 2) -> Message:
    """A right message of which up to ``most`` values are another, or missing."""
    content = copy.deepcopy(draw(right))
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(content))
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        parent: Any = content
        for key in path:
            parent = parent[key]
        if isinstance(parent, dict) and draw(st.booleans()):
            parent.pop(last)
        else:
            parent[last] = draw(values)
    return Message(content)


def messages(right: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Message]:
    """Messages of wrong shapes, and such as have none."""
    return st.one_of(
        nearly(right, 3),
        nearly(right, 1),
        values.map(Message),
        broken_texts.map(Message),
    )
