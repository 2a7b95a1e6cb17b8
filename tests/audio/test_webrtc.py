from __future__ import annotations

import importlib.util
import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from trio_media.audio import webrtc
from trio_media.audio.detector import Detector, SpeechEdge, SpeechTransition
from trio_media.audio.energy import EnergyDetector
from trio_media.audio.g711 import encode_mulaw
from trio_media.audio.webrtc import WebRtcDetector, make_onset_detector

BEGAN, CONFIRMED, ENDED = SpeechEdge.BEGAN, SpeechEdge.CONFIRMED, SpeechEdge.ENDED

_: type[Detector] = WebRtcDetector  # conformance, checked by mypy

FORMANTS_HZ = ((730, 1_090, 2_440), (270, 2_290, 3_010), (570, 840, 2_410), (530, 1_840, 2_480))

needs_webrtc = pytest.mark.skipif(
    importlib.util.find_spec("webrtcvad") is None, reason="webrtcvad is not installed"
)


def noise(seconds: float, dbfs: float, seed: int = 1) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 32_768 * 10 ** (dbfs / 20), int(seconds * 8_000))


def vowel(formants_hz: tuple[int, ...], seconds: float, pitch_hz: float) -> NDArray[np.float64]:
    """Glottal pulses through one resonance a formant."""
    count = int(seconds * 8_000)
    pulses = np.zeros(count)
    phase = np.cumsum(pitch_hz * (1 + 0.03 * np.sin(np.arange(count) / 900)) / 8_000)
    pulses[np.flatnonzero(np.diff(np.floor(phase)))] = 1.0
    time_s = np.arange(240) / 8_000
    response = np.sum(
        [np.exp(-time_s * 260) * np.sin(2 * np.pi * hz * time_s) for hz in formants_hz], axis=0
    )
    ramp = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / 160)
    shaped: NDArray[np.float64] = np.convolve(pulses, response)[:count] * ramp
    return shaped


def sentence(seconds: float, *, dbfs: float = -20, pitch_hz: float = 120) -> NDArray[np.float64]:
    """Vowels of 180 ms with closures of 40 ms between them."""
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < seconds * 8_000:
        parts += [vowel(FORMANTS_HZ[len(parts) // 2 % 4], 0.18, pitch_hz), np.zeros(320)]
    voice = np.concatenate(parts)[: int(seconds * 8_000)]
    scale: float = 32_768 * 10 ** (dbfs / 20) / np.sqrt(np.mean(voice**2))
    return voice * scale


def in_line(sound: NDArray[np.float64], at_s: float = 3.0, floor_dbfs: float = -62) -> bytes:
    """Mu-law of a sound on a line with noise, and a second more."""
    audio = noise(at_s + len(sound) / 8_000 + 1, floor_dbfs, seed=9)
    start = int(at_s * 8_000)
    audio[start : start + len(sound)] += sound
    return encode_mulaw(audio.clip(-32_000, 32_000).astype(np.int16))


def hear(payload: bytes) -> list[SpeechTransition]:
    detector = WebRtcDetector(320)
    return [
        transition
        for start in range(0, len(payload), 160)
        for transition in detector.hear(payload[start : start + 160], start // 8)
    ]


def edges(found: list[SpeechTransition]) -> list[SpeechEdge]:
    return [transition.edge for transition in found]


@needs_webrtc
@pytest.mark.parametrize("pitch_hz", [95, 120, 210])
@pytest.mark.parametrize("dbfs", [-14, -24, -34])
@pytest.mark.parametrize("at_s", [3.0, 3.007, 3.013])
def test_a_sentence_begins_is_confirmed_and_ends(pitch_hz: float, dbfs: float, at_s: float) -> None:
    found = hear(in_line(sentence(1.5, dbfs=dbfs, pitch_hz=pitch_hz), at_s))
    assert edges(found) == [BEGAN, CONFIRMED, ENDED]
    began_ms, confirmed_ms, ended_ms = (t.at_ms - int(at_s * 1_000) for t in found)
    assert 20 <= began_ms <= 100
    assert 300 <= confirmed_ms <= 420
    assert 1_540 <= ended_ms <= 1_680


@needs_webrtc
def test_a_sentence_is_heard_over_loud_noise() -> None:
    found = hear(in_line(sentence(1.5, dbfs=-20), floor_dbfs=-33))
    assert edges(found)[:2] == [BEGAN, CONFIRMED]


@needs_webrtc
def test_a_short_cough_is_never_confirmed() -> None:
    cough = noise(0.25, -12, seed=6) * np.exp(-np.arange(2_000) / 900)
    assert CONFIRMED not in edges(hear(in_line(cough)))


@needs_webrtc
@pytest.mark.parametrize("dbfs", [-70, -60, -45, -25])
def test_steady_noise_is_never_an_onset(dbfs: float) -> None:
    payload = encode_mulaw(noise(10, dbfs).clip(-32_000, 32_000).astype(np.int16))
    assert hear(payload) == []


@needs_webrtc
def test_hiss_below_the_gate_does_not_prolong_speech() -> None:
    """WebRTC's detector alone holds on for three frames; the line was silent, so no floor helps."""
    audio = np.concatenate([np.zeros(24_000), sentence(1.06), noise(1, -57)])
    began, confirmed, ended = hear(encode_mulaw(audio.astype(np.int16)))
    assert (began.edge, confirmed.edge, ended.edge) == (BEGAN, CONFIRMED, ENDED)
    assert 4_160 <= ended.at_ms <= 4_200


@needs_webrtc
def test_a_key_is_no_onset() -> None:
    time_s = np.arange(1_600) / 8_000
    key = 6_000 * (np.sin(2 * np.pi * 697 * time_s) + np.sin(2 * np.pi * 1_477 * time_s))
    assert hear(in_line(key)) == []


@needs_webrtc
def test_the_cut_of_the_audio_makes_no_difference() -> None:
    payload = in_line(sentence(1.0))
    assert WebRtcDetector(320).hear(payload, 0) == hear(payload)


@needs_webrtc
def test_webrtc_is_the_detector_where_it_is_installed() -> None:
    assert isinstance(make_onset_detector(320), WebRtcDetector)


def test_without_webrtc_energy_takes_its_place_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webrtc, "webrtcvad", None)
    monkeypatch.setattr(webrtc, "_energy_was_logged", False)
    with caplog.at_level(logging.WARNING):
        detectors = [make_onset_detector(320) for _ in range(3)]
    assert all(isinstance(detector, EnergyDetector) for detector in detectors)
    assert [record.name for record in caplog.records] == ["trio_media.audio.webrtc"]
    with pytest.raises(ImportError, match="webrtcvad-wheels"):
        WebRtcDetector(320)
