"""Clips and their labels."""

from __future__ import annotations

import wave
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sources import (
    CLIP_S,
    MODELS,
    active_dbfs,
    clips,
    is_tone,
    label,
    load,
    make_clip,
    model_speech,
)

from .conftest import VOICES


def noise(seconds: float, dbfs: float) -> np.ndarray:
    samples = int(seconds * 8_000)
    return np.random.default_rng(3).standard_normal(samples) * 10 ** (dbfs / 20)


@pytest.mark.parametrize("lead_ms", [0, 130, 505, 1_000])
def test_an_onset_is_labelled_to_a_frame(lead_ms: int) -> None:
    quiet = noise(lead_ms / 1_000, -80)
    found = label(np.concatenate([quiet, noise(0.6, -20), noise(0.4, -80)]))
    assert found is not None
    assert found[0] / 8 == pytest.approx(lead_ms, abs=10)
    assert found[1] / 8 == pytest.approx(lead_ms + 600, abs=10)


def test_a_click_before_speech_is_no_onset() -> None:
    click = np.concatenate([noise(0.2, -80), noise(0.02, -10), noise(0.3, -80)])
    found = label(np.concatenate([click, noise(0.6, -20)]))
    assert found is not None
    assert found[0] / 8 == pytest.approx(520, abs=10)


def test_silence_has_no_label() -> None:
    assert label(noise(1, -80)) is None
    assert make_clip("nothing", noise(1, -80)) is None


def test_a_clip_has_the_level_it_is_given() -> None:
    clip = make_clip("thank_you", load(VOICES / "thank_you.wav"))
    assert clip is not None
    assert active_dbfs(clip.at_level(-23)) == pytest.approx(-23, abs=1)


def test_a_label_moves_with_the_cut() -> None:
    sound = load(VOICES / "hello.wav")
    clip = make_clip("hello", np.concatenate([np.zeros(8_000), sound, np.zeros(8_000)]))
    assert clip is not None
    assert clip.onset_ms == 100, "that much is kept before the onset"
    assert len(clip.sound) / 8 == pytest.approx(clip.end_ms + 100, abs=1)


def test_a_beep_is_no_speech() -> None:
    time_s = np.arange(8_000) / 8_000
    assert is_tone(np.sin(2 * np.pi * 440 * time_s))
    assert not is_tone(load(VOICES / "hello.wav"))


def test_clips_are_of_one_half_of_their_length_and_always_the_same(root: Path) -> None:
    first = list(islice(clips(root, "dev", CLIP_S, 1), 6))
    again = list(islice(clips(root, "dev", CLIP_S, 1), 6))
    assert [clip.name for clip in first] == [clip.name for clip in again]
    assert all(clip.half == "dev" for clip in first)
    assert all(650 <= clip.speech_ms <= 5_000 for clip in first)
    test = {clip.name for clip in clips(root, "test", CLIP_S, 1)}
    assert test.isdisjoint(clip.name for clip in first)


def test_the_model_says_other_things_in_each_half(tmp_path: Path) -> None:
    folder = tmp_path / "sounds" / MODELS[0]
    folder.mkdir(parents=True)
    sounds = [np.random.default_rng(number).standard_normal(9_600) * 0.1 for number in range(12)]
    for number, sound in enumerate(sounds):
        write_wav(folder / f"{number}.wav", sound)
    said = {half: model_speech(tmp_path, half, 60, 1) for half in ("dev", "test")}
    names = {half: {n for n in range(12) if is_in(folder, n, said[half])} for half in said}
    assert names["dev"] | names["test"] == set(range(12))
    assert names["dev"].isdisjoint(names["test"])


def write_wav(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes((sound * 32_767).astype("<i2").tobytes())


def is_in(folder: Path, number: int, speech: np.ndarray) -> bool:
    clip = make_clip("", load(folder / f"{number}.wav"))
    assert clip is not None
    piece = clip.at_level(-20)[4_000:4_100]
    return bool((sliding_window_view(speech, 100) == piece).all(axis=1).any())
