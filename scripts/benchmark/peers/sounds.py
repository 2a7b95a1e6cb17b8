"""A tone, which ears and level meters take for speech."""

from __future__ import annotations

import math
from array import array
from typing import Final

TONE_HZ: Final = 300
AMPLITUDE: Final = 9_000  # of 32,768


def pcm_tone(seconds: float, rate_hz: int = 24_000) -> bytes:
    """Return the tone as 16-bit PCM."""
    step = math.tau * TONE_HZ / rate_hz
    samples = (int(AMPLITUDE * math.sin(step * n)) for n in range(int(rate_hz * seconds)))
    return array("h", samples).tobytes()


def mulaw_tone(seconds: float) -> bytes:
    """Return the tone as G.711 mu-law, 8 kHz.  Source: ITU-T G.711."""
    return bytes(map(_mulaw, array("h", pcm_tone(seconds, 8_000))))


def _mulaw(sample: int) -> int:
    sign, level = (0x80, -sample) if sample < 0 else (0, sample)
    level = min(level, 32_635) + 0x84
    exponent = level.bit_length() - 8
    return ~(sign | exponent << 4 | level >> exponent + 3 & 0x0F) & 0xFF
