"""The microphone, with a stand-in for PortAudio."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from trio_media.errors import ConfigError
from trio_media.phone.hearing import SILENT_FRAME, Hearing
from trio_media.phone.microphone import QUEUED_FRAMES_MAX, Microphone, open_microphone


def block(value: int) -> bytes:
    return np.full(160, value, dtype=np.int16).tobytes()


def test_what_is_recorded_is_spoken_and_what_is_heard_is_played() -> None:
    microphone, playing = Microphone(), bytearray(320)
    microphone.hear(b"\x80" * 160)
    microphone.exchange(block(-32_124), playing, 160, None, None)
    assert bytes(playing) == block(32_124)
    assert microphone.frame(0, Hearing()).payload == b"\x00" * 160
    assert microphone.frame(20, Hearing()).payload == SILENT_FRAME
    microphone.exchange(block(0), playing)
    assert bytes(playing) == block(0)


def test_what_is_too_old_is_dropped() -> None:
    microphone = Microphone()
    for value in range(QUEUED_FRAMES_MAX + 5):
        microphone.exchange(block(1_000 * value), bytearray(320))
    frames = [microphone.frame(0, Hearing()).payload for _ in range(QUEUED_FRAMES_MAX + 1)]
    assert frames[-1] == SILENT_FRAME
    assert frames[0] != microphone.frame(0, Hearing()).payload


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with (
        pytest.raises(ConfigError, match=r"trio_media\[microphone\]"),
        open_microphone(),
    ):
        pass


def test_a_missing_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class PortAudioError(Exception):
        pass

    def refuse(**_: Any) -> None:
        raise PortAudioError("no default device")

    stand_in = types.SimpleNamespace(RawStream=refuse, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in)
    with pytest.raises(ConfigError, match="no default device"), open_microphone():
        pass
