"""From what the wires showed to figures."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from stage import AFTER_MS, FRAME_MS, Seen, Spoken

EARLY_MS: Final = 40  # an onset is not known to less than two frames
LATE_MS: Final = 300  # a hush or take that comes so long after the last word is too late
REWIND_MS: Final = 100  # played twice after a hush


@attrs.define
class Figures:
    """One condition under one policy."""

    clips: int = 0
    silent_already: int = 0
    """Clips at whose onset the model was hushed already."""
    hushes_ms: list[int] = attrs.field(factory=list)
    """From the onset to the ``clear``."""
    takes_ms: list[int] = attrs.field(factory=list)
    """From the onset to the ``response.cancel`` or ``conversation.item.truncate``."""
    false_hushes: int = 0
    false_takes: int = 0
    lost_ms: int = 0
    """Of the model's speech: silent for nothing, or played twice."""
    alone_min: float = 0.0
    """Minutes in which the model spoke, or should have, and nobody else did."""

    @property
    def hush_misses(self) -> int:
        return self.clips - self.silent_already - len(self.hushes_ms)

    @property
    def take_misses(self) -> int:
        return self.clips - len(self.takes_ms)


def percentile(values: list[int], percent: int) -> float | None:
    return float(np.percentile(values, percent)) if values else None


def measure(seen: Seen) -> Figures:
    """Count what happened, by whether the caller was speaking."""
    # A model that was never heard was silent already for whoever waited for it.
    figures = Figures(clips=len(seen.spoken) + seen.given_up, silent_already=seen.given_up)
    for spoken in seen.spoken:
        _measure_clip(figures, seen, spoken)
    figures.false_hushes = sum(not _is_about_clip(seen, at_ms) for at_ms in seen.clears_ms)
    figures.false_takes = sum(not _is_about_clip(seen, at_ms) for at_ms in seen.takes_ms)
    _measure_loss(figures, seen)
    return figures


def _measure_clip(figures: Figures, seen: Seen, spoken: Spoken) -> None:
    first_ms, last_ms = spoken.onset_ms - EARLY_MS, spoken.end_ms + LATE_MS
    if spoken.was_silent:
        figures.silent_already += 1
    else:
        clears = [at_ms for at_ms in seen.clears_ms if first_ms <= at_ms <= last_ms]
        figures.hushes_ms += [clears[0] - spoken.onset_ms] if clears else []
    takes = [at_ms for at_ms in seen.takes_ms if first_ms <= at_ms <= last_ms]
    figures.takes_ms += [takes[0] - spoken.onset_ms] if takes else []


def _is_about_clip(seen: Seen, at_ms: int) -> bool:
    return any(s.onset_ms - EARLY_MS <= at_ms <= s.end_ms + AFTER_MS for s in seen.spoken)


def _measure_loss(figures: Figures, seen: Seen) -> None:
    """What was lost between clips: the silence after a false hush, and what was played twice."""
    about = np.zeros(len(seen.audible), bool)
    for spoken in seen.spoken:
        about[spoken.onset_ms // FRAME_MS : (spoken.end_ms + 2 * AFTER_MS) // FRAME_MS] = True
    figures.alone_min = float((~about).sum()) * FRAME_MS / 60_000
    for at_ms in seen.clears_ms:
        if _is_about_clip(seen, at_ms):
            continue
        figures.lost_ms += REWIND_MS
        for audible in seen.audible[at_ms // FRAME_MS + 1 :]:
            if audible:
                break
            figures.lost_ms += FRAME_MS


def add(total: Figures, more: Figures) -> Figures:
    """Put two measurements of the same together."""
    return Figures(
        **{
            field.name: getattr(total, field.name) + getattr(more, field.name)
            for field in attrs.fields(Figures)
        }
    )
