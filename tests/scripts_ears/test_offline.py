"""Scenes without a call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conditions import ALL, CALLER_DBFS, Echo, Site
from ears.offline import FRAME_BYTES, Scene, make_scene, scenes
from sources import RATE_HZ, Sound, active_dbfs, levels_dbfs, make_clip, model_speech

from trio_media.audio.g711 import decode_mulaw


def heard(mulaw: bytes) -> Sound:
    return decode_mulaw(mulaw) / 32_768


def scene(root: Path, condition: str, clips: int = 3) -> Scene:
    [made] = scenes(condition, "test", clips, 1, root=root)
    return made


@pytest.mark.parametrize("condition", ["clean", "room echo 15 dB", "lost packets", "clicks"])
def test_both_streams_are_whole_frames_and_equally_long(root: Path, condition: str) -> None:
    made = scene(root, condition)
    assert len(made.caller) == len(made.played)
    assert len(made.caller) % FRAME_BYTES == 0


def test_the_same_arguments_give_the_same_bytes(root: Path) -> None:
    first, second = scene(root, "lost packets"), scene(root, "lost packets")
    assert (first.caller, first.played, first.speech) == (
        second.caller,
        second.played,
        second.speech,
    )
    [other] = scenes("lost packets", "test", 3, 2, root=root)
    assert other.caller != first.caller


def test_halves_share_no_utterance(root: Path) -> None:
    [dev], [test] = (scenes("clean", half, 3, 1, root=root) for half in ("dev", "test"))
    assert dev.caller != test.caller


def test_speech_is_where_the_labels_say(root: Path) -> None:
    made = scene(root, "clean")
    sound = heard(made.caller)
    assert len(made.speech) == 3
    for onset_ms, end_ms in made.speech:
        before = sound[onset_ms * 8 - 800 : onset_ms * 8 - 80]
        assert levels_dbfs(before, len(before))[0] < active_dbfs(sound) - 20
        assert abs(active_dbfs(sound[onset_ms * 8 : end_ms * 8]) - CALLER_DBFS) < 1.5


def test_nobody_speaks_in_a_hazard(root: Path) -> None:
    made = scene(root, "coughs")
    assert made.speech == []
    assert len(made.caller) == 90 * RATE_HZ


def test_many_clips_are_several_scenes(root: Path) -> None:
    made = scenes("clean", "test", 14, 1, root=root)
    assert [len(one.speech) for one in made] == [12, 2]


def test_echo_is_of_what_is_played_and_as_quiet_as_asked(root: Path) -> None:
    made = scene(root, "only echo 20 dB", clips=12)
    played, caller = heard(made.played), heard(made.caller)
    loss_db = levels_dbfs(played, len(played))[0] - levels_dbfs(caller, len(caller))[0]
    # It is scaled by the model's first seconds, and mu-law's steps are coarse for what is quiet.
    assert loss_db == pytest.approx(20, abs=1)


def test_a_clip_is_mixed_at_its_level(root: Path) -> None:
    rng = np.random.default_rng(1)
    burst = np.concatenate([np.zeros(2_000), 0.1 * rng.standard_normal(8_000), np.zeros(2_000)])
    clip = make_clip("burst", burst)
    assert clip is not None
    made = make_scene(
        ALL["quiet caller"],
        Site(root, "test"),
        [clip],
        model_speech(root, 5, 1),
        seed=1,
    )
    [(onset_ms, end_ms)] = made.speech
    inside = heard(made.caller)[onset_ms * 8 : end_ms * 8]
    assert levels_dbfs(inside, len(inside))[0] == pytest.approx(-33, abs=0.3)


def test_lost_packets_are_silence(root: Path) -> None:
    made = scene(root, "lost packets", clips=6)
    frames = [made.caller[at : at + 160] for at in range(0, len(made.caller), 160)]
    lost = sum(frame == b"\xff" * 160 for frame in frames)
    assert 0.05 < lost / len(frames) < 0.5


def test_there_is_no_echo_where_none_is_asked() -> None:
    assert Echo.of(ALL["clean"], np.random.default_rng(1), np.ones(RATE_HZ)) is None
