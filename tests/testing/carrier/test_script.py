"""Who answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trio_media.audio.g711 import decode_mulaw
from trio_media.audio.wav import write_wav
from trio_media.errors import ConfigError
from trio_media.phone import CallerScript, HangUp, Say, Wait
from trio_media.phone.script import ScriptPlayer
from trio_media.testing.carrier import Human, Machine, mulaw_of_wav
from trio_media.testing.carrier.script import BEEP_HZ, BEEP_MS, tone


def test_a_tone_has_its_pitch_and_length() -> None:
    samples = decode_mulaw(tone(BEEP_HZ, BEEP_MS)).astype(np.float64)
    assert len(samples) == BEEP_MS * 8
    loudest = np.argmax(np.abs(np.fft.rfft(samples)))
    assert loudest * 8_000 / len(samples) == BEEP_HZ


def test_a_clip_that_does_not_exist_is_named_before_any_call() -> None:
    with pytest.raises(ConfigError, match="'no-such'"):
        Human(parts=(CallerScript((Say("no-such"),)),))
    voice = ScriptPlayer(CallerScript())
    assert Human(parts=(voice,)).parts == (voice,)


def test_a_machine_greets_beeps_records_and_hangs_up() -> None:
    machine = Machine(greeting=b"\x20" * 160, records_s=2)
    actions = (Say(machine.greeting), Say(tone(BEEP_HZ, BEEP_MS)), Wait(2_000), HangUp())
    assert machine.part(greets=True).actions == actions
    assert machine.part(greets=False).actions == actions[2:]


def test_a_machine_may_greet_with_a_voice_or_a_file(tmp_path: Path) -> None:
    assert Machine(greeting="hello").part(greets=True).actions[0] == Say("hello")
    with pytest.raises(ConfigError, match="'no-such'"):
        Machine(greeting="no-such")
    path = tmp_path / "greeting.wav"
    write_wav(path, decode_mulaw(tone(440, 100)), 8_000)
    assert mulaw_of_wav(path) == tone(440, 100)


def test_a_machine_may_not_beep() -> None:
    assert len(Machine(beeps=False).part(greets=True).actions) == 3
