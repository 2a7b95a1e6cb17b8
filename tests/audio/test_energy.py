from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from trio_media.audio.detector import Detector, SpeechEdge, SpeechTransition
from trio_media.audio.energy import EnergyDetector
from trio_media.audio.g711 import encode_mulaw

BEGAN, CONFIRMED, ENDED = SpeechEdge.BEGAN, SpeechEdge.CONFIRMED, SpeechEdge.ENDED

_: type[Detector] = EnergyDetector  # conformance, checked by mypy


def noise(seconds: float, dbfs: float, seed: int = 1) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 32_768 * 10 ** (dbfs / 20), int(seconds * 8_000))


def hear(audio: NDArray[np.float64], *, size: int = 160) -> list[SpeechTransition]:
    detector = EnergyDetector(320)
    payload = encode_mulaw(audio.clip(-32_000, 32_000).astype(np.int16))
    return [
        transition
        for start in range(0, len(payload), size)
        for transition in detector.hear(payload[start : start + size], start // 8)
    ]


def edges(found: list[SpeechTransition]) -> list[SpeechEdge]:
    return [transition.edge for transition in found]


def burst_at(at_s: float, burst: NDArray[np.float64], *, total_s: float) -> NDArray[np.float64]:
    audio = noise(total_s, -62)
    start = int(at_s * 8_000)
    audio[start : start + len(burst)] += burst
    return audio


@pytest.mark.parametrize("dbfs", [-70, -55, -40, -25, -15])
def test_steady_noise_is_never_an_onset(dbfs: float) -> None:
    assert hear(noise(10, dbfs)) == []


def test_a_hum_is_never_an_onset() -> None:
    hum = 2_000 * np.sin(2 * np.pi * 100 * np.arange(80_000) / 8_000)
    assert hear(hum + noise(10, -60)) == []


@pytest.mark.parametrize("step_dbfs", [-45, -30, -15])
def test_noise_that_steps_up_is_learned_within_two_seconds(step_dbfs: float) -> None:
    found = hear(np.concatenate([noise(4, -60), noise(10, step_dbfs, seed=2)]))
    assert edges(found) in ([BEGAN, ENDED], [BEGAN, CONFIRMED, ENDED])
    assert found[-1].at_ms <= 6_000


def test_noise_that_stepped_down_leaves_the_ear_sharp() -> None:
    quieter = np.concatenate([noise(4, -25), noise(1, -60, seed=2), noise(0.3, -32, seed=3)])
    assert edges(hear(quieter)) == [BEGAN]


def test_speech_over_noise_is_an_onset_within_sixty_ms() -> None:
    (began, *_) = hear(burst_at(3.0, noise(0.5, -20, seed=5), total_s=4))
    assert began.edge is BEGAN
    assert 3_020 <= began.at_ms <= 3_060


def test_half_a_second_is_confirmed_within_four_hundred_ms_of_its_onset() -> None:
    found = hear(burst_at(3.0, noise(0.5, -20, seed=5), total_s=4))
    assert edges(found) == [BEGAN, CONFIRMED, ENDED]
    assert 3_300 <= found[1].at_ms <= 3_400
    assert 3_600 <= found[2].at_ms <= 3_660


@pytest.mark.parametrize("at_s", [3.0, 3.005, 3.01, 3.019])
def test_a_cough_is_an_onset_but_never_confirmed(at_s: float) -> None:
    envelope = np.exp(-np.arange(2_000) / 900)
    found = hear(burst_at(at_s, noise(0.25, -12, seed=6) * envelope, total_s=4))
    assert edges(found) == [BEGAN, ENDED]


def test_clicks_within_a_frame_are_no_onset() -> None:
    audio = noise(10, -62)
    for second in range(2, 9):
        audio[second * 8_000 + 40 : second * 8_000 + 90] += noise(50 / 8_000, -10)
    assert hear(audio) == []


@pytest.mark.parametrize("tone_ms", [50, 80, 200])
@pytest.mark.parametrize("offset", [0, 37, 80, 121])
def test_keys_are_no_onset(tone_ms: int, offset: int) -> None:
    time_s = np.arange(tone_ms * 8) / 8_000
    key = 6_000 * (np.sin(2 * np.pi * 770 * time_s) + np.sin(2 * np.pi * 1_336 * time_s))
    assert hear(burst_at(3.0 + offset / 8_000, key, total_s=4)) == []


@pytest.mark.parametrize("size", [1, 100, 333, 8_000])
def test_the_cut_of_the_audio_makes_no_difference(size: int) -> None:
    audio = burst_at(1.0, noise(0.5, -20, seed=5), total_s=2)
    assert hear(audio, size=size) == hear(audio)


def test_a_frame_costs_a_small_part_of_its_time() -> None:
    """Not a benchmark: a bound that only a mistake exceeds."""
    frame = encode_mulaw(noise(0.02, -20).astype(np.int16))
    detector = EnergyDetector(320)
    began_s = time.process_time()
    for index in range(2_000):
        detector.hear(frame, 20 * index)
    assert (time.process_time() - began_s) / 2_000 < 200e-6
