from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import trio_media.phone.voices
from trio_media.audio import silero
from trio_media.audio.g711 import encode_mulaw
from trio_media.audio.levels import amplitudes
from trio_media.audio.silero import (
    BATCH_MAX,
    CHUNK_MS,
    CHUNK_SAMPLES,
    CONTEXT_SAMPLES,
    SileroModel,
    VoiceTrack,
    judge,
)
from trio_media.audio.wav import read_wav
from trio_media.errors import JudgeLost

VOICES = Path(trio_media.phone.voices.__file__).parent


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel()


def voice(name: str) -> bytes:
    audio = read_wav(VOICES / f"{name}.wav")
    assert audio.sample_rate_hz == 8_000
    return encode_mulaw(audio.samples)


def probabilities(model: SileroModel, mulaw: bytes) -> list[float]:
    track = VoiceTrack()
    out: list[float] = []
    for start in range(0, len(mulaw), 160):
        track.feed(mulaw[start : start + 160], start // 8)
        while track.is_waiting:
            out.append(judge(model, [track])[0].probability)
    return out


@pytest.mark.parametrize("name", ["hello", "hold_on", "one_moment", "thank_you"])
def test_a_human_voice_is_one(model: SileroModel, name: str) -> None:
    heard = probabilities(model, voice(name))
    assert sum(p >= 0.5 for p in heard) * CHUNK_MS >= 400


@pytest.mark.parametrize("dbfs", [-60, -40, -20])
def test_noise_silence_and_a_cough_are_none(model: SileroModel, dbfs: int) -> None:
    noise = np.random.default_rng(1).standard_normal(24_000) * 32_768 * 10 ** (dbfs / 20)
    mulaw = encode_mulaw(np.clip(noise, -32_768, 32_767).astype(np.int16))
    assert max(probabilities(model, mulaw)) < 0.5
    assert max(probabilities(model, b"\xff" * 16_000)) < 0.5
    assert max(probabilities(model, voice("cough") + b"\xff" * 1_600)) < 0.5


def test_a_batch_says_what_each_says_by_itself(model: SileroModel) -> None:
    names = ["hello", "hold_on", "sorry", "cancelled"]
    alone = [probabilities(model, voice(name))[:12] for name in names]
    tracks = [VoiceTrack() for _ in names]
    for track, name in zip(tracks, names, strict=True):
        track.feed(voice(name)[: 12 * CHUNK_SAMPLES], 0)
    together = [judge(model, tracks) for _ in range(12)]
    for number, expected in enumerate(alone):
        got = [verdicts[number].probability for verdicts in together]
        assert got == pytest.approx(expected, abs=1e-3)


def test_a_verdict_has_the_time_of_its_audio(model: SileroModel) -> None:
    track = VoiceTrack()
    track.feed(bytes(4 * CHUNK_SAMPLES), 1_000)
    ends_ms = [judge(model, [track])[0].end_ms for _ in range(4)]
    assert ends_ms == [1_032, 1_064, 1_096, 1_128]
    assert not track.is_waiting


def test_a_verdict_has_the_level_of_its_audio(model: SileroModel) -> None:
    track = VoiceTrack()
    track.feed(encode_mulaw(np.full(CHUNK_SAMPLES, 3_276, np.int16)), 0)
    assert judge(model, [track])[0].dbfs == pytest.approx(-20, abs=0.3)


def test_chunks_follow_each_other_with_their_context() -> None:
    track = VoiceTrack()
    for start in range(0, 3 * CHUNK_SAMPLES, 100):
        track.feed(bytes(range(start % 200, start % 200 + 50)) * 2, start // 8)
    first, second = track.take(), track.take()
    assert len(first.heard) == CHUNK_SAMPLES + CONTEXT_SAMPLES
    assert not amplitudes(first.heard)[:CONTEXT_SAMPLES].any()
    assert second.heard[:CONTEXT_SAMPLES] == first.heard[-CONTEXT_SAMPLES:]


def test_a_gap_begins_anew_and_jitter_does_not() -> None:
    track = VoiceTrack()
    track.feed(bytes(400), 0)
    track.feed(bytes(400), 70)  # 20 ms late
    assert track.take().end_ms == 32
    track.feed(bytes(100), 1_000)
    assert not track.is_waiting
    track.feed(bytes(200), 1_012)
    assert track.take().end_ms == 1_032


def test_what_is_forgotten_is_not_judged_and_what_follows_begins_anew(model: SileroModel) -> None:
    track = VoiceTrack()
    track.feed(voice("hello")[: 4 * CHUNK_SAMPLES], 0)
    judge(model, [track])
    assert (track.waiting, track.newest_ms) == (3, 4 * CHUNK_MS)
    track.forget()
    assert (track.is_waiting, track.waiting) == (False, 0)
    track.feed(bytes(CHUNK_SAMPLES), 4 * CHUNK_MS)
    chunk = track.take()
    assert chunk.end_ms == 5 * CHUNK_MS
    assert not chunk.state.any()
    assert not amplitudes(chunk.heard)[:CONTEXT_SAMPLES].any()


def test_a_verdict_that_comes_after_a_gap_is_not_remembered(model: SileroModel) -> None:
    track = VoiceTrack()
    track.feed(bytes(256), 0)
    chunk = track.take()
    [(_, state)] = model.run([chunk])
    track.feed(bytes(256), 5_000)
    track.remember(chunk, state)
    assert not track.take().state.any()


def test_only_so_many_at_once(model: SileroModel) -> None:
    with pytest.raises(AssertionError, match="at once"):
        model.run([])
    track = VoiceTrack()
    track.feed(bytes(CHUNK_SAMPLES), 0)
    with pytest.raises(AssertionError, match="at once"):
        model.run([track.take()] * (BATCH_MAX + 1))


def test_a_machine_without_onnxruntime_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(silero, "onnxruntime", None)
    with pytest.raises(JudgeLost, match="pip install onnxruntime"):
        SileroModel()


def test_a_model_that_fails_says_so_in_our_words(
    model: SileroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = VoiceTrack()
    track.feed(bytes(CHUNK_SAMPLES), 0)
    chunk = track.take()
    monkeypatch.setattr(model, "_rate_hz", np.zeros(3))
    with pytest.raises(JudgeLost, match="failed"):
        model.run([chunk])


def test_the_models_licence_is_beside_it() -> None:
    folder = Path(silero.__file__).parent
    assert (folder / silero.MODEL_FILE).stat().st_size > 1_000_000
    assert "MIT License" in (folder / "LICENSE.txt").read_text()


def test_a_caller_keeps_nothing_of_others_and_of_what_was_judged(model: SileroModel) -> None:
    tracks = [VoiceTrack() for _ in range(3)]
    for track in tracks:
        track.feed(b"\x20" * 400, 0)
    judge(model, tracks)
    for track in tracks:
        assert track._state.base is None, "it is a view of more"


def test_the_library_of_the_voice_model_tells_nobody_of_itself() -> None:
    script = (
        "import os, trio_media.audio.silero\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
        "assert 'onnxruntime' in __import__('sys').modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env=environment)
