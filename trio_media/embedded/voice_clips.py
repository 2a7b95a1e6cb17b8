"""The model's voice: clips of natural speech, in each audio format of the protocol.

Rule 1: clips are cut at whole milliseconds, so an offset means the same in every format.
Rule 2: the speech is read, converted and resampled once a process and format.
"""

from __future__ import annotations

import enum
import functools
import importlib.resources
from collections.abc import Mapping
from typing import Final

import attrs
import msgspec

from trio_media.audio.g711 import decode_mulaw, encode_alaw
from trio_media.audio.resample import resample

VOICE_RATE_HZ: Final = 8_000  # what is stored
PCM_RATE_HZ: Final = 24_000  # the only rate of the protocol's audio/pcm


class AudioFormat(enum.Enum):
    """An audio format of the protocol, by its ``type``."""

    PCMU = "audio/pcmu"
    PCMA = "audio/pcma"
    PCM = "audio/pcm"

    @property
    def bytes_per_ms(self) -> int:
        """8 for G.711, 48 for 16-bit samples at 24 kHz."""
        return 48 if self is AudioFormat.PCM else 8


@attrs.frozen(kw_only=True)
class Clip:
    """One piece of speech, within the voice."""

    name: str
    text: str
    offset_ms: int
    length_ms: int
    sound_end_ms: int
    """Where the last sound ends, from the clip's start; the rest is a pause."""


@functools.cache
def clips() -> Mapping[str, Clip]:
    """Return every clip by its name: ``"1"`` to ``"60"`` and the phrases."""
    index = msgspec.json.decode(_read("voice.json"))
    return {entry["name"]: Clip(**entry) for entry in index["clips"]}


def clip_audio(clip: Clip, audio_format: AudioFormat) -> bytes:
    """Return a clip's whole audio."""
    scale = audio_format.bytes_per_ms
    start = clip.offset_ms * scale
    return _voice(audio_format)[start : start + clip.length_ms * scale]


@functools.cache
def _voice(audio_format: AudioFormat) -> bytes:
    stored = _read("voice.ulaw")
    if audio_format is AudioFormat.PCMU:
        return stored
    samples = decode_mulaw(stored)
    if audio_format is AudioFormat.PCMA:
        return encode_alaw(samples)
    # The clips are quiet at both ends, so a filter run over their seams blends nothing audible.
    return resample(samples, VOICE_RATE_HZ, PCM_RATE_HZ).astype("<i2").tobytes()


def _read(name: str) -> bytes:
    return importlib.resources.files("trio_media.embedded").joinpath("voice", name).read_bytes()
