"""From what the wires showed to figures.

Rule 1: what happens while the caller speaks, or in the second after, or until the model's next
answer if that is sooner, is about the caller.  All other hushes and takes are false, and counted
against all other minutes.
Rule 2: a clip that begins while nothing of the model is played can interrupt nothing: it is neither
heard nor missed.
Rule 3: each silence is lost once, by whatever it began.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray
from seen import FRAME_MS, Seen, Spoken

EARLY_MS: Final = 40  # an onset is not known to less than two frames
LATE_MS: Final = 300  # a hush or take that comes so long after the last word is too late
AFTER_MS: Final = 1_000  # a transcript that takes comes 800 ms after the last word
REWIND_MS: Final = 100  # played twice after a hush

assert LATE_MS <= AFTER_MS, "what is late is still about the caller"


@attrs.define
class Figures:
    """One condition under one policy."""

    clips: int = 0
    silent: int = 0
    """Of them, those at whose onset nothing of the model was played."""
    hushes_ms: list[int] = attrs.field(factory=list)
    """From the onset to the ``clear``."""
    takes_ms: list[int] = attrs.field(factory=list)
    """From the onset to the ``response.cancel`` or ``conversation.item.truncate``."""
    wakes: int = 0
    """How often the caller had to wake the model."""
    false_hushes: int = 0
    false_takes: int = 0
    lost_ms: int = 0
    """Of the model's speech: silent after a false hush or take, or played twice."""
    alone_min: float = 0.0
    """Minutes in which nothing was about the caller."""

    @property
    def interrupting(self) -> int:
        """Clips that had something to interrupt."""
        return self.clips - self.silent

    @property
    def hush_misses(self) -> int:
        return self.interrupting - len(self.hushes_ms)

    @property
    def take_misses(self) -> int:
        return self.interrupting - len(self.takes_ms)


def percentile(values: list[int], percent: int) -> float | None:
    return float(np.percentile(values, percent)) if values else None


def measure(seen: Seen) -> Figures:
    """Count what happened, by whether it was about the caller."""
    figures = Figures(clips=len(seen.spoken), wakes=len(seen.wakes))
    for spoken in seen.spoken:
        if _was_silent(seen, spoken):
            figures.silent += 1
            continue
        last_ms = min(spoken.end_ms + LATE_MS, _about_until_ms(seen, spoken))
        figures.hushes_ms += _first_delay_ms(seen.clears_ms, spoken, last_ms)
        figures.takes_ms += _first_delay_ms(seen.takes_ms, spoken, last_ms)
    about = _about_caller(seen)
    hushes = [frame for frame in _frames(seen, seen.clears_ms) if not about[frame]]
    takes = [frame for frame in _frames(seen, seen.takes_ms) if not about[frame]]
    figures.false_hushes, figures.false_takes = len(hushes), len(takes)
    figures.alone_min = float((~about).sum()) * FRAME_MS / 60_000
    lost = _silences(seen, [*hushes, *takes]) & ~about
    figures.lost_ms = int(lost.sum()) * FRAME_MS + REWIND_MS * _rewinds(seen, hushes)
    return figures


def _was_silent(seen: Seen, spoken: Spoken) -> bool:
    """Whether nothing was played just before the earliest that the onset may be."""
    frame = (spoken.onset_ms - EARLY_MS) // FRAME_MS - 1
    return frame < 0 or not seen.audible[frame]


def _about_until_ms(seen: Seen, spoken: Spoken) -> int:
    # An answer that began since is interrupted by something else; a take may have asked for it.
    answers_ms = [at_ms for at_ms in seen.answers_ms if at_ms >= spoken.end_ms]
    return min([spoken.end_ms + AFTER_MS, *answers_ms])


def _first_delay_ms(times_ms: Iterable[int], spoken: Spoken, last_ms: int) -> list[int]:
    first_ms = spoken.onset_ms - EARLY_MS
    found = [at_ms - spoken.onset_ms for at_ms in times_ms if first_ms <= at_ms <= last_ms]
    return found[:1]


def _about_caller(seen: Seen) -> NDArray[np.bool_]:
    """Whether a frame is about the caller, frame by frame."""
    about = np.zeros(len(seen.audible), bool)
    for spoken in (*seen.spoken, *seen.wakes):
        first_ms = max(0, spoken.onset_ms - EARLY_MS)
        last_ms = _about_until_ms(seen, spoken)
        about[first_ms // FRAME_MS : last_ms // FRAME_MS + 1] = True
    return about


def _frames(seen: Seen, times_ms: Iterable[int]) -> list[int]:
    """In which frames something happened."""
    return [min(at_ms // FRAME_MS, len(seen.audible) - 1) for at_ms in times_ms]


def _silences(seen: Seen, frames: Iterable[int]) -> NDArray[np.bool_]:
    """Which frames were silent from one of these on."""
    silent = np.zeros(len(seen.audible), bool)
    for frame in frames:
        silent[frame : _next_audible(seen, frame)] = True
    return silent


def _rewinds(seen: Seen, hushes: Iterable[int]) -> int:
    """How many of these hushes were no takes in the end, so that something was played again."""
    takes = _frames(seen, seen.takes_ms)
    spans = {(frame, _next_audible(seen, frame)) for frame in hushes}
    return sum(
        end < len(seen.audible) and not any(frame <= take < end for take in takes)
        for frame, end in spans
    )


def _next_audible(seen: Seen, frame: int) -> int:
    """The first frame from this one on in which the model is played; their number when none is."""
    rest = np.flatnonzero(seen.audible[frame:])
    return frame + int(rest[0]) if len(rest) else len(seen.audible)


def add(total: Figures, more: Figures) -> Figures:
    """Put two measurements of the same together."""
    return Figures(
        **{
            field.name: getattr(total, field.name) + getattr(more, field.name)
            for field in attrs.fields(Figures)
        }
    )
