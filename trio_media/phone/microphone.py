"""A person at the computer as the caller, through the optional ``sounddevice`` package.

PortAudio calls us in threads of its own, so between them and the phone there is nothing but two
bounded queues whose ends are atomic.
"""

from __future__ import annotations

import contextlib
import importlib
from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from trio_media.audio.g711 import SAMPLE_RATE_HZ, decode_mulaw, encode_mulaw
from trio_media.errors import ConfigError
from trio_media.phone.hearing import FRAME_BYTES, SILENT_FRAME, Hearing
from trio_media.phone.script import CallerFrame

QUEUED_FRAMES_MAX: Final = 10  # 200 ms: what is older is dropped, for a conversation cannot wait


class Microphone:
    """A `CallerVoice` that speaks what the microphone hears."""

    def __init__(self) -> None:
        self._spoken: deque[bytes] = deque(maxlen=QUEUED_FRAMES_MAX)
        self._heard: deque[bytes] = deque(maxlen=QUEUED_FRAMES_MAX)

    def frame(self, at_ms: int, hearing: Hearing) -> CallerFrame:
        """Return the next 20 ms of the microphone; silence if it has none yet."""
        try:
            return CallerFrame(self._spoken.popleft())
        except IndexError:
            return CallerFrame()

    def hear(self, frame: bytes) -> None:
        """Give 20 ms to the loudspeaker."""
        self._heard.append(frame)

    def exchange(self, recorded: bytes, playing: bytearray, *_: object) -> None:
        """Serve PortAudio: take a block of 16-bit samples and fill another.  Any thread."""
        self._spoken.append(encode_mulaw(np.frombuffer(recorded, dtype=np.int16)))
        try:
            frame = self._heard.popleft()
        except IndexError:
            frame = SILENT_FRAME
        playing[:] = decode_mulaw(frame).tobytes()


@contextlib.contextmanager
def open_microphone() -> Iterator[Microphone]:
    """Open the default microphone and loudspeaker for as long as the block runs.

    Raises `ConfigError` when the package or a device is missing.
    """
    try:
        sounddevice = importlib.import_module("sounddevice")
    except (ImportError, OSError) as exc:  # OSError: the package without PortAudio's library
        raise ConfigError(
            f"the microphone needs sounddevice ({exc}): pip install 'trio_media[microphone]'"
        ) from exc
    microphone = Microphone()
    try:
        device = sounddevice.RawStream(
            samplerate=SAMPLE_RATE_HZ,
            blocksize=FRAME_BYTES,  # one byte of mu-law is one sample
            channels=1,
            dtype="int16",
            callback=microphone.exchange,
        )
    except sounddevice.PortAudioError as exc:
        raise ConfigError(f"no microphone and loudspeaker at 8 kHz: {exc}") from exc
    with device:
        yield microphone
