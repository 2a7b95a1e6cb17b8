from __future__ import annotations

import numpy as np
import pytest

from trio_media.audio.g711 import decode_alaw, decode_mulaw
from trio_media.embedded.voice_clips import AudioFormat, clip_audio, clips

NAMES = [str(number) for number in range(1, 61)] + ["greeting", "heard", "nothing", "all_right"]


def test_the_voice_knows_sixty_numbers_and_its_phrases() -> None:
    assert set(clips()) == set(NAMES)
    assert clips()["21"].text == "twenty-one"
    assert clips()["60"].text == "sixty"


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_whole_frames_of_speech_between_silences(name: str) -> None:
    clip = clips()[name]
    assert clip.length_ms % 20 == 0
    assert 400 <= clip.length_ms <= 2_000
    assert clip.sound_end_ms + 100 <= clip.length_ms
    samples = decode_mulaw(clip_audio(clip, AudioFormat.PCMU)).astype(np.float64)
    sound = samples[20 * 8 : clip.sound_end_ms * 8]
    level_dbfs = 20 * np.log10(np.sqrt((sound**2).mean()) / 32_768)
    assert -24 <= level_dbfs <= -18
    assert np.abs(samples[: 15 * 8]).max() <= 8
    assert np.abs(samples[clip.sound_end_ms * 8 + 8 :]).max() <= 8


@pytest.mark.parametrize("name", ["1", "greeting"])
def test_every_format_holds_the_same_speech(name: str) -> None:
    clip = clips()[name]
    mulaw = decode_mulaw(clip_audio(clip, AudioFormat.PCMU)).astype(np.float64)
    alaw = decode_alaw(clip_audio(clip, AudioFormat.PCMA)).astype(np.float64)
    pcm = np.frombuffer(clip_audio(clip, AudioFormat.PCM), "<i2").astype(np.float64)
    assert len(pcm) == 3 * len(mulaw) == 3 * len(alaw)
    assert np.corrcoef(mulaw, alaw)[0, 1] > 0.999
    assert np.corrcoef(mulaw, pcm[::3])[0, 1] > 0.99


def test_resampled_speech_has_no_images_above_the_old_band() -> None:
    pcm = np.frombuffer(clip_audio(clips()["greeting"], AudioFormat.PCM), "<i2")
    power = np.abs(np.fft.rfft(pcm.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(pcm), 1 / 24_000)
    assert power[hz > 4_300].sum() < 1e-4 * power.sum()
