"""What was heard, in words: a text is spread evenly over its milliseconds.  Pure.

A word was heard when all of it was.  So an answer that was cut in the middle of a word ends with
the word before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

GAP: Final = "…"
CHARACTER_MS: Final = 70  # some fourteen characters a second, as people read aloud
SPOKEN_MIN_MS: Final = 800  # the shortest that nobody takes for a mere "mhm"
FRAME_MS: Final = 20
Stretch: TypeAlias = tuple[int, int]
"""From, until (exclusive), in milliseconds of an answer."""


def spoken_ms(text: str) -> int:
    """How long it takes to say a text, in whole frames."""
    length_ms = max(SPOKEN_MIN_MS, CHARACTER_MS * len(text))
    return -(-length_ms // FRAME_MS) * FRAME_MS


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches without overlaps, in order."""
    out: list[Stretch] = []
    for start_ms, end_ms in sorted(stretches):
        if out and start_ms <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end_ms))
        else:
            out.append((start_ms, end_ms))
    return out


def words_heard(text: str, length_ms: int, heard: Sequence[Stretch]) -> str:
    """Return the words of a text that were heard to their ends.

    Words that are missing between others are told by an ellipsis; those missing at the end are
    left out.  ``length_ms``: how long all of the text is when spoken.
    """
    stretches = merged(heard)
    out: list[str] = []
    is_missing = False
    for word in re.finditer(r"\S+", text):
        start_ms = word.start() * length_ms // len(text)
        end_ms = word.end() * length_ms // len(text)
        if not any(a <= start_ms and end_ms <= b for a, b in stretches):
            is_missing = True
            continue
        if is_missing:
            out.append(GAP)
        out.append(word.group())
        is_missing = False
    return " ".join(out)
