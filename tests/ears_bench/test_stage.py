"""A whole call on the benchmark's stage."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import policies
import pytest
import stage
from caller import CLIP_LIMIT_MS, WAKE_MS, WAKE_PAUSE_MS
from conditions import ALL, Site
from measure import Figures, measure
from peers import SILENCE, Phone
from seen import FRAME_BYTES, FRAME_MS, Seen
from sources import RATE_HZ, Clip, Sound, load, make_clip, model_speech
from trio_websocket import WebSocketConnection

from .conftest import VOICES


def clip_of(voice: str) -> Clip:
    clip = make_clip(voice, load(VOICES / f"{voice}.wav"))
    assert clip is not None
    return clip


def play(root: Path, condition: str, policy: str, clip: str | None, seconds: float) -> Seen:
    rng = np.random.default_rng(1)
    chosen = ALL[condition]
    background: Sound = chosen.background(Site(root, "test"), rng, int(seconds * RATE_HZ))
    return stage.play(
        stage.Scene(
            condition=chosen,
            policy=policies.ALL[policy],
            clips=() if clip is None else (clip_of(clip),),
            wakes=(clip_of("something_wrong"),),
            background=background,
            speech=model_speech(root, "test", 10, 1),
            seed=1,
        )
    )


@pytest.mark.parametrize("policy", sorted(policies.ALL))
def test_one_clean_clip_is_a_hush_and_a_take(root: Path, policy: str) -> None:
    figures = measure(play(root, "clean", policy, "something_wrong", 14))
    assert (figures.clips, figures.silent) == (1, 0)
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


async def test_a_pause_of_the_model_is_no_silence() -> None:
    phone = Phone(cast("WebSocketConnection", None), Seen())  # without a mark it says nothing
    phone._held += SILENCE * FRAME_BYTES
    await phone.play()
    await phone.play()
    assert phone.seen.audible == [True, False]


def test_a_model_that_was_silenced_for_good_is_woken_and_can_be_silenced_again(root: Path) -> None:
    """Its own echo takes every answer; after two the model is asked for none any more."""
    seen = play(root, "only echo 15 dB", "webrtc", None, 40)
    assert len(seen.wakes) >= 2
    for wake in seen.wakes:
        first = (wake.onset_ms - WAKE_MS) // FRAME_MS
        assert not any(seen.audible[first : wake.onset_ms // FRAME_MS])
        # The model hears it as any turn: half a second after its end there is an answer.
        if wake.end_ms + 600 < len(seen.audible) * FRAME_MS:
            assert any(0 < at_ms - wake.end_ms <= 600 for at_ms in seen.answers_ms)
    takes_between = [
        sum(one.end_ms < at_ms < two.onset_ms for at_ms in seen.takes_ms)
        for one, two in pairwise(seen.wakes)
    ]
    assert all(takes_between), "each answer was taken"
    figures = measure(seen)
    assert figures.false_takes >= sum(takes_between)
    assert figures.wakes == len(seen.wakes)


def test_a_clip_is_said_even_where_the_model_is_hardly_ever_heard(root: Path) -> None:
    seen = play(root, "echo 15 dB", "energy", "hold_on", 26)
    [spoken] = seen.spoken
    assert spoken.onset_ms <= CLIP_LIMIT_MS + WAKE_PAUSE_MS + 2_000


def test_a_quiet_line_hushes_nothing(root: Path) -> None:
    seen = play(root, "steady noise", "ours", None, 10)
    figures = measure(seen)
    assert seen.wakes == []
    assert figures == Figures(alone_min=pytest.approx(10 / 60, abs=0.01))
    assert sum(seen.audible) * FRAME_MS > 5_000, "the model was heard"
