"""The lines that a caller hears when there is no model to say them: recordings.

Rule 1: a file is read once a process; every call plays the same bytes.
Rule 2: a line is at most `LINE_MS_MAX` long, so that a wrong path costs no memory.

Where the packaged recordings come from: LICENSE.txt beside them.  ``scripts/make_voice`` made them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import attrs

from trio_media.audio.g711 import SAMPLE_RATE_HZ, encode_mulaw
from trio_media.audio.resample import resample
from trio_media.audio.wav import parse_wav
from trio_media.config import Config
from trio_media.core.outcomes import Recorded
from trio_media.errors import ConfigError

LINE_MS_MAX: Final = 30_000  # nobody listens longer to a call that does not go on
FILE_BYTES_MAX: Final = 16 * 1024 * 1024  # 30 s of 48 kHz, stereo, 32 bit are 11.5 MB
RAW_SUFFIXES: Final = (".ulaw", ".mulaw", ".ul", ".pcmu", ".raw")
"""Of files that hold mu-law bytes and nothing else: they cannot be told from other bytes."""
RECONNECT_KEY: Final = "agent.reconnect_line"
LOST_KEY: Final = "agent.lost_line"
SORRY_KEY: Final = "agent.sorry_line"


@attrs.frozen(kw_only=True)
class RecordedLines:
    """What is played when the model is away, or answers nothing.  Raw mu-law, 8 kHz mono."""

    reconnect: bytes = attrs.field(repr=False)
    """That it comes back: One moment, please.  I'll be right with you."""
    lost: bytes = attrs.field(repr=False)
    """That it does not: I'm sorry, we have a technical problem.  Please call again later."""
    sorry: bytes = attrs.field(repr=False)
    """That there is no answer: I'm sorry, I could not answer that.  Please say it again."""


@functools.lru_cache(maxsize=8)
def recorded_lines(
    reconnect_path: str = "", lost_path: str = "", sorry_path: str = ""
) -> RecordedLines:
    """Return the lines; an empty path means the packaged recording.

    Blocks the first time that these paths are asked for.  Raises `ConfigError` as `read_line`.
    """
    return RecordedLines(
        reconnect=_line(reconnect_path, RECONNECT_KEY, "reconnect"),
        lost=_line(lost_path, LOST_KEY, "lost"),
        sorry=_line(sorry_path, SORRY_KEY, "sorry"),
    )


def recorded_words(config: Config) -> Mapping[Recorded, bytes]:
    """What is played to a caller whose model is away, does not come back, or answers nothing.

    Blocks and raises as `recorded_lines` does.
    """
    agent = config.agent
    lines = recorded_lines(agent.reconnect_line, agent.lost_line, agent.sorry_line)
    is_forwarded = agent.lost == "forward" and not agent.lost_line
    parting = lines.reconnect if is_forwarded else lines.lost  # that one tells them to call again
    return {
        Recorded.ONE_MOMENT: lines.reconnect,
        Recorded.GOODBYE: parting,
        Recorded.SORRY: lines.sorry,
    }


def _line(path: str, key: str, name: str) -> bytes:
    return read_line(path, key) if path else packaged(name)


def read_line(path: str, key: str) -> bytes:
    """Read a recording of any common sample rate; return it as raw mu-law, 8 kHz mono.

    A WAV file may hold whatever `audio.wav` reads; raw mu-law is told by its name
    (`RAW_SUFFIXES`).  Blocks.  Raises `ConfigError`, which names the key, the file and what is
    wrong with it.
    """
    file = Path(path).expanduser()
    name = f"{key}: {path}"
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{name}: larger than {FILE_BYTES_MAX} bytes")
        content = file.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{name}: cannot be read: {exc.strerror or exc}") from exc
    return _as_line(content, name, is_raw=file.suffix.lower() in RAW_SUFFIXES)


@functools.cache
def packaged(name: str) -> bytes:
    """Return a recording that is shipped: ``reconnect``, ``lost`` or ``sorry``."""
    file = resources.files("trio_media.call").joinpath("lines", f"{name}.wav")
    return _as_line(file.read_bytes(), name, is_raw=False)


def _as_line(content: bytes, name: str, *, is_raw: bool) -> bytes:
    # A WAV file is one whatever it is called.
    if is_raw and content[:4] != b"RIFF":
        return _bounded(content, len(content) * 1_000 // SAMPLE_RATE_HZ, name)
    audio = parse_wav(content, name=name)
    _bounded(content, audio.duration_ms, name)
    line = encode_mulaw(resample(audio.samples, audio.sample_rate_hz, SAMPLE_RATE_HZ))
    return _bounded(line, audio.duration_ms, name)


def _bounded(line: bytes, length_ms: int, name: str) -> bytes:
    if length_ms > LINE_MS_MAX:
        raise ConfigError(f"{name}: {length_ms} ms long; at most {LINE_MS_MAX} ms are played")
    if not line:
        raise ConfigError(f"{name}: no samples in it")
    return line
