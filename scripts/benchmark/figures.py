"""What the rounds of a bridge say.

Rule 1: a figure that was not measured is None, never 0.
Rule 2: of several rounds, the median of each figure counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

import attrs
from rounds import Measured

from trio_media.phone.load_report import Percentiles, percentiles

FRAMES_A_SECOND: Final = 50
WRAP_US: Final = 1 << 32  # of the peers' clock
REACTION_US_MAX: Final = 1_500_000  # later than this, it answers something else
SHARE_MAX: Final = 0.8  # of a core: above it, a peer may be what is measured
LATE_MS_MAX: Final = 10.0  # p95 of a peer's own lateness: above it, latencies are the peer's
DELIVERED_MIN: Final = 0.98  # of the frames: what is in flight at the edges is not lost

Happenings = Iterable[Sequence[int]]
"""Call, when in microseconds, and perhaps more."""


@attrs.frozen(kw_only=True)
class Figures:
    """One round, or the median of several."""

    calls: int
    us_per_frame: float
    """Of the bridge's CPU, for each caller frame that reached the model."""
    cpu_share: float
    """Of one core, while it was measured."""
    frame_ms: Percentiles
    """From the phone's send of a caller frame to the model, or of an onset if ``by_onsets``."""
    by_onsets: bool
    """The bridge changes the audio: only where speech begins can it be known again."""
    delta_ms: Percentiles
    """From the model's first delta of an answer to the phone."""
    server_clear_ms: Percentiles
    """From the model's speech_started to the carrier's clear."""
    onset_clear_ms: Percentiles
    """From the caller's onset, over something audible, to the carrier's clear."""
    interruptions: int
    not_cleared: int
    """Interruptions that no clear followed."""
    kib_per_call: float
    frames_sent: int
    frames_heard: int
    frames_missing: int
    frames_disordered: int
    answers: int
    answers_heard: int
    calls_lost: int
    model_share: float
    phones_share: float
    model_late_ms: float
    phones_late_ms: float
    machine_load: float

    @property
    def calls_per_core(self) -> float:
        """How many calls a whole core would carry at this cost."""
        return 1e6 / FRAMES_A_SECOND / self.us_per_frame

    def doubts(self) -> list[str]:
        """Return why this may not be a measurement of the bridge."""
        found = []
        for name in ("model", "phones"):
            share, late = getattr(self, f"{name}_share"), getattr(self, f"{name}_late_ms")
            if share > SHARE_MAX:
                found.append(f"{name}: {share:.0%} of a core")
            if late > LATE_MS_MAX:
                found.append(f"{name}: {late:.1f} ms late")
        return found

    def faults(self) -> list[str]:
        """Return what was not delivered."""
        found = []
        if self.calls_lost:
            found.append(f"{self.calls_lost} calls lost")
        if self.frames_missing:
            found.append(f"{self.frames_missing} caller frames missing")
        if self.frames_disordered:
            found.append(f"{self.frames_disordered} caller frames out of order")
        if self.frames_heard < DELIVERED_MIN * self.frames_sent:
            found.append(f"{self.frames_heard} of {self.frames_sent} caller frames delivered")
        if self.answers and not self.answers_heard:
            found.append("no answer was heard")
        return found


def _since(then_us: int, now_us: int) -> int:
    """Return the time between, on a clock that wraps; negative if it is the other way round."""
    return (now_us - then_us + WRAP_US // 2) % WRAP_US - WRAP_US // 2


def _by_call(happenings: Happenings) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for call, at_us, *_ in happenings:
        found[call].append(at_us)
    return found


def delays_ms(causes: Happenings, effects: Happenings) -> list[float | None]:
    """Return for each cause how long after it the next effect in its call came; None: it did not.

    An effect that came later than `REACTION_US_MAX` is not one of that cause.
    """
    by_call = _by_call(effects)
    found: list[float | None] = []
    for call, at_us, *_ in causes:
        later = (_since(at_us, effect) for effect in by_call[call])
        delay = min((us for us in later if 0 <= us <= REACTION_US_MAX), default=None)
        found.append(None if delay is None else delay / 1_000)
    return found


def _known(values: Iterable[float | None]) -> Percentiles:
    return percentiles(value for value in values if value is not None)


def _server_clears(measured: Measured, onsets: list[Any]) -> Percentiles:
    """Measure from speech_started, unless the clear had come before it."""
    clears = measured.phones["clears"]
    delays = []
    for call, at_us in measured.model["speech"]:
        before = [us for c, us, *_ in onsets if c == call and 0 <= _since(us, at_us) <= 1_000_000]
        if not before:
            continue
        has_cleared = any(
            c == call and _since(before[-1], us) >= 0 > _since(at_us, us) for c, us in clears
        )
        if not has_cleared:
            delays += delays_ms([(call, at_us)], clears)
    return _known(delays)


def figures(measured: Measured) -> Figures:
    """Return what a round says."""
    model, phones = measured.model, measured.phones
    by_onsets = model["unstamped_frames"] > model["frames"] // 2
    frame_ms = percentiles(us / 1_000 for us in model["frame_us"])
    delta_ms = percentiles(us / 1_000 for us in phones["delta_us"])
    if by_onsets:
        frame_ms = _known(delays_ms(phones["onsets"], model["onsets"]))
        delta_ms = _known(delays_ms(model["first_deltas"], phones["bursts"]))
    over = [onset for onset in phones["onsets"] if onset[2]]
    # What began at the end of the round may be answered after it.
    settled = [o for o in over if _since(o[1], phones["at_us"]) > REACTION_US_MAX]
    reactions = delays_ms(settled, phones["clears"])
    return Figures(
        calls=measured.calls,
        us_per_frame=measured.cpu_s * 1e6 / max(1, model["frames"]),
        cpu_share=measured.cpu_s / measured.seconds,
        frame_ms=frame_ms,
        by_onsets=by_onsets,
        delta_ms=delta_ms,
        server_clear_ms=_server_clears(measured, settled),
        onset_clear_ms=_known(reactions),
        interruptions=len(reactions),
        not_cleared=reactions.count(None),
        kib_per_call=(measured.live_bytes - measured.idle_bytes) / 1_024 / measured.calls,
        frames_sent=phones["frames"],
        frames_heard=model["frames"],
        frames_missing=model["missing"],
        frames_disordered=model["out_of_order"],
        answers=model["answers"],
        answers_heard=delta_ms.count,
        calls_lost=phones["lost"] + phones["failed"],
        model_share=measured.model_cpu_s / measured.seconds,
        phones_share=measured.phones_cpu_s / measured.seconds,
        model_late_ms=percentiles(us / 1_000 for us in model["lateness_us"]).p95 or 0.0,
        phones_late_ms=percentiles(us / 1_000 for us in phones["lateness_us"]).p95 or 0.0,
        machine_load=measured.machine_load,
    )


ADDED_UP: Final = frozenset(
    {
        "interruptions",
        "not_cleared",
        "frames_sent",
        "frames_heard",
        "frames_missing",
        "frames_disordered",
        "answers",
        "answers_heard",
        "calls_lost",
    }
)
"""Counts: of several rounds, their sum."""


def middle(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure, and the sum of each count."""
    assert rounds
    values: dict[str, Any] = {}
    for field in attrs.fields(Figures):
        of_rounds = [getattr(figures, field.name) for figures in rounds]
        if field.name in ADDED_UP:
            values[field.name] = sum(of_rounds)
        elif isinstance(of_rounds[0], Percentiles):
            values[field.name] = _middle_percentiles(of_rounds)
        elif field.name in ("calls", "by_onsets"):
            values[field.name] = of_rounds[0]
        else:
            values[field.name] = median(of_rounds)
    return Figures(**values)


def _middle_percentiles(of_rounds: Sequence[Percentiles]) -> Percentiles:
    def value(name: str) -> float | None:
        known = [getattr(p, name) for p in of_rounds if getattr(p, name) is not None]
        return round(median(known), 2) if known else None

    count = sum(p.count for p in of_rounds)
    return Percentiles(count, *(value(name) for name in ("p50", "p95", "p99", "max")))


def spread(rounds: Sequence[Figures]) -> float:
    """Return how far the CPU per frame of the rounds lies apart, as a part of its median."""
    values = [figures.us_per_frame for figures in rounds]
    return (max(values) - min(values)) / median(values)
