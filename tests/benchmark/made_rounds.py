"""Rounds as the peers would tell them."""

from __future__ import annotations

from typing import Any, Final

from rounds import Measured

SECOND_US: Final = 1_000_000


def measured(model: dict[str, Any] | None = None, phones: dict[str, Any] | None = None) -> Measured:
    """A round of two calls of ten seconds in which nothing was said."""
    heard = {"frames": 1_000, "unstamped_frames": 0, "frame_us": [], "lateness_us": []}
    heard |= {"speech": [], "onsets": [], "first_deltas": [], "missing": 0, "out_of_order": 0}
    said = {"frames": 1_000, "delta_us": [], "lateness_us": [], "clears": [], "onsets": []}
    said |= {"bursts": [], "lost": 0, "failed": 0, "at_us": 30 * SECOND_US}
    return Measured(
        calls=2,
        seconds=10.0,
        cpu_s=0.2,
        model_cpu_s=0.1,
        phones_cpu_s=0.3,
        idle_bytes=1 << 20,
        live_bytes=3 << 20,
        model={**heard, "answers": 0, **(model or {})},
        phones={**said, **(phones or {})},
        machine_load=1.0,
    )
