"""A whole call on the benchmark's stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import policies
import pytest
import stage
from conditions import ALL, Site
from measure import Figures, measure
from sources import RATE_HZ, Sound, load, make_clip, model_speech

from .conftest import VOICES


def play(root: Path, condition: str, policy: str, clip: str | None, seconds: float) -> stage.Seen:
    rng = np.random.default_rng(1)
    chosen = ALL[condition]
    background: Sound = chosen.background(Site(root, "test"), rng, int(seconds * RATE_HZ))
    made = make_clip(clip, load(VOICES / f"{clip}.wav")) if clip else None
    return stage.play(
        stage.Scene(
            condition=chosen,
            policy=policies.ALL[policy],
            clips=() if made is None else (made,),
            background=background,
            speech=model_speech(root, 10, 1),
            seed=1,
        )
    )


@pytest.mark.parametrize("policy", sorted(policies.ALL))
def test_one_clean_clip_is_a_hush_and_a_take(root: Path, policy: str) -> None:
    figures = measure(play(root, "clean", policy, "something_wrong", 14))
    assert (figures.clips, figures.silent_already) == (1, 0)
    assert (figures.hush_misses, figures.take_misses) == (0, 0)
    assert (figures.false_hushes, figures.false_takes) == (0, 0)
    [hush_ms], [take_ms] = figures.hushes_ms, figures.takes_ms
    assert 0 <= hush_ms <= take_ms


def test_the_server_is_as_late_as_it_is_told_to_be(root: Path) -> None:
    [early], [late] = (
        measure(play(root, "clean", policy, "something_wrong", 14)).takes_ms
        for policy in ("server 250", "server 500")
    )
    assert early == pytest.approx(250, abs=20)
    assert late == pytest.approx(500, abs=20)


def test_the_same_seed_gives_the_same_call(root: Path) -> None:
    first, second = (play(root, "echo 15 dB", "ours", "hold_on", 14) for _ in range(2))
    assert first == second


def test_a_quiet_line_hushes_nothing(root: Path) -> None:
    seen = play(root, "steady noise", "ours", None, 10)
    figures = measure(seen)
    assert figures == Figures(alone_min=pytest.approx(10 / 60, abs=0.01))
    assert sum(seen.audible) * stage.FRAME_MS > 5_000, "the model was heard"
