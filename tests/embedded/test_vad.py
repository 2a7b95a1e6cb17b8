from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.g711 import encode_alaw, encode_mulaw
from trio_media.audio.resample import resample
from trio_media.embedded.vad import (
    Framer,
    Levels,
    SpeechBegan,
    SpeechDetector,
    SpeechEnded,
    VadTuning,
)
from trio_media.embedded.voice_clips import AudioFormat, clip_audio, clips

TUNING = VadTuning(threshold=0.5, prefix_padding_ms=300, silence_duration_ms=500)
Edge = SpeechBegan | SpeechEnded


def frames(ms: int, dbfs: float) -> Levels:
    return np.full(ms // 20, dbfs)


def hear(detector: SpeechDetector, *pieces: Levels, tuning: VadTuning = TUNING) -> list[Edge]:
    return detector.hear(np.concatenate(pieces), tuning)


def test_speech_begins_with_the_padding_and_ends_with_the_silence() -> None:
    edges = hear(SpeechDetector(), frames(1_000, -60), frames(400, -20), frames(1_000, -60))
    # Three loud frames of four decide at 1,060 ms; the window began at 980.
    assert edges == [SpeechBegan(680, 980), SpeechEnded(1_400 + 500)]


@pytest.mark.parametrize("silence_ms", [100, 300, 2_000])
def test_the_silence_that_ends_speech_is_the_one_asked_for(silence_ms: int) -> None:
    tuning = VadTuning(threshold=0.5, prefix_padding_ms=0, silence_duration_ms=silence_ms)
    edges = hear(
        SpeechDetector(), frames(400, -20), frames(silence_ms - 20, -60), frames(40, -20),
        frames(3_000, -60), tuning=tuning,
    )  # fmt: skip
    assert [type(edge) for edge in edges] == [SpeechBegan, SpeechEnded]
    assert edges[1].at_ms == 400 + silence_ms - 20 + 40 + silence_ms


def test_padding_never_reaches_into_the_turn_before() -> None:
    tuning = VadTuning(threshold=0.5, prefix_padding_ms=5_000, silence_duration_ms=200)
    edges = hear(
        SpeechDetector(), frames(400, -20), frames(300, -60), frames(400, -20), tuning=tuning
    )
    assert edges == [SpeechBegan(0, 0), SpeechEnded(600), SpeechBegan(600, 680)]


@pytest.mark.parametrize("click_ms", [20, 40])
def test_a_click_is_not_speech(click_ms: int) -> None:
    assert hear(SpeechDetector(), frames(500, -60), frames(click_ms, -10), frames(500, -60)) == []


def test_a_higher_threshold_wants_louder_speech() -> None:
    def is_heard(dbfs: float, threshold: float) -> bool:
        tuning = VadTuning(threshold=threshold, prefix_padding_ms=0, silence_duration_ms=500)
        pieces = frames(500, -70), frames(400, dbfs)
        return bool(hear(SpeechDetector(), *pieces, tuning=tuning))

    assert is_heard(-50, 0.1)
    assert not is_heard(-50, 0.5)
    assert is_heard(-40, 0.5)
    assert not is_heard(-40, 1.0)


def test_steady_noise_becomes_the_floor_and_speech_over_it_is_heard() -> None:
    detector = SpeechDetector()
    edges = hear(detector, frames(10_000, -40))
    assert [type(edge) for edge in edges] == [SpeechBegan, SpeechEnded]
    assert edges[1].at_ms < 5_000
    assert hear(detector, frames(2_000, -40)) == []
    assert hear(detector, frames(200, -22)) != []


def test_loud_speech_without_a_pause_does_not_become_the_floor() -> None:
    edges = hear(SpeechDetector(), frames(500, -60), frames(10_000, -12))
    assert [type(edge) for edge in edges] == [SpeechBegan]


def test_without_detection_only_the_position_moves() -> None:
    detector = SpeechDetector()
    assert detector.hear(frames(1_000, -10), None) == []
    assert detector.heard_ms == 1_000


def test_forgotten_speech_begins_again() -> None:
    detector = SpeechDetector()
    assert len(hear(detector, frames(400, -20))) == 1
    detector.forget_speech()
    assert hear(detector, frames(400, -20)) == [SpeechBegan(400, 400)]


def test_semantic_detection_is_a_silence_by_eagerness() -> None:
    def silence_ms(eagerness: str) -> int:
        turn_detection = {"type": "semantic_vad", "eagerness": eagerness}
        return VadTuning.of(turn_detection).silence_duration_ms

    assert silence_ms("low") > silence_ms("medium") == silence_ms("auto") > silence_ms("high")


def test_the_tuning_is_what_the_settings_say() -> None:
    turn_detection = {
        "type": "server_vad",
        "threshold": 0.7,
        "prefix_padding_ms": 10,
        "silence_duration_ms": 20,
    }
    assert VadTuning.of(turn_detection) == VadTuning(
        threshold=0.7, prefix_padding_ms=10, silence_duration_ms=20
    )


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_real_speech_is_heard_in_every_format(audio_format: AudioFormat) -> None:
    audio = clip_audio(clips()["greeting"], audio_format)
    pause = audio[: 15 * audio_format.bytes_per_ms] * 60  # the quiet before its first sound
    detector, framer = SpeechDetector(), Framer()
    edges = detector.hear(framer.levels(pause + audio + pause, audio_format), TUNING)
    assert [type(edge) for edge in edges] == [SpeechBegan, SpeechEnded]
    assert 560 <= edges[0].at_ms <= 760  # 920 less the padding, give or take
    assert abs(edges[1].at_ms - (900 + clips()["greeting"].sound_end_ms + 500)) <= 200


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_the_level_of_a_sine_is_right_in_every_format(audio_format: AudioFormat) -> None:
    wave = np.sin(2 * np.pi * 400 * np.arange(8_000) / 8_000) * 3_276.8
    samples = wave.astype(np.int16)
    payload = {
        AudioFormat.PCMU: encode_mulaw(samples),
        AudioFormat.PCMA: encode_alaw(samples),
        AudioFormat.PCM: resample(samples, 8_000, 24_000).astype("<i2").tobytes(),
    }[audio_format]
    levels = Framer().levels(payload, audio_format)
    assert len(levels) == 50
    assert levels[5:45] == pytest.approx(-23.0, abs=0.2)


def test_digital_silence_is_quieter_than_anything() -> None:
    assert Framer().levels(b"\xff" * 160, AudioFormat.PCMU).max() < -85


@given(st.lists(st.integers(0, 700), max_size=12))
def test_how_audio_is_cut_makes_no_difference(lengths: list[int]) -> None:
    noise = np.random.default_rng(7).integers(0, 256, sum(lengths), dtype=np.uint8).tobytes()
    framer, pieces, position = Framer(), [], 0
    for length in lengths:
        pieces.append(framer.levels(noise[position : position + length], AudioFormat.PCMU))
        position += length
    whole = Framer().levels(noise, AudioFormat.PCMU)
    assert np.concatenate([np.zeros(0), *pieces]).tolist() == whole.tolist()


def test_a_reset_framer_forgets_the_rest() -> None:
    framer = Framer()
    framer.levels(b"\x00" * 159, AudioFormat.PCMU)
    framer.reset()
    assert len(framer.levels(b"\x00" * 100, AudioFormat.PCMU)) == 0
