"""The tone of the model is what our own codec would make of it."""

from __future__ import annotations

import numpy as np
from sounds import mulaw_tone, pcm_tone
from stamps import is_loud

from trio_media.audio.g711 import encode_mulaw


def test_the_tone_is_mulaw_as_our_codec_has_it() -> None:
    samples = np.frombuffer(pcm_tone(0.2, 8_000), dtype=np.int16)
    assert mulaw_tone(0.2) == encode_mulaw(samples)


def test_the_tone_is_as_long_and_as_loud_as_speech() -> None:
    assert len(pcm_tone(0.2)) == 9_600
    assert len(mulaw_tone(0.2)) == 1_600
    assert is_loud(mulaw_tone(0.02))
