"""Scripts, frame by frame."""

from __future__ import annotations

import pytest

from trio_media.errors import ConfigError
from trio_media.phone.hearing import SILENT_FRAME, Hearing
from trio_media.phone.script import (
    Action,
    CallerFrame,
    CallerScript,
    HangUp,
    Press,
    Say,
    ScriptPlayer,
    Wait,
    WaitForSilence,
    WaitForSpeech,
    WaitUntil,
)

LOUD = bytes([0x20, 0xA0]) * 80
ONE, TWO = b"\x01" * 160, b"\x02" * 160


def played(script: CallerScript, heard: list[bytes], frames: int) -> list[CallerFrame]:
    player, hearing = ScriptPlayer(script), Hearing()
    out = []
    for index in range(frames):
        out.append(player.frame(index * 20, hearing))
        hearing.hear(heard[index] if index < len(heard) else SILENT_FRAME)
    return out


def said(*actions: Action, heard: list[bytes] | None = None, frames: int = 12) -> str:
    """One letter a frame: ``1`` and ``2`` speech, ``.`` silence, ``x`` the end."""
    letters = {ONE: "1", TWO: "2", SILENT_FRAME: "."}
    out = ""
    for frame in played(CallerScript(actions), heard or [], frames):
        out += letters[frame.payload] if frame.act is None else "x"
    return out


def test_clips_follow_each_other_without_a_gap() -> None:
    assert said(Say(ONE * 3), Say(TWO * 2)) == "11122......."


def test_a_wait_is_as_long_as_it_says() -> None:
    assert said(Wait(60), Say(ONE), Wait(40), HangUp())[:7] == "...1..x"


def test_waiting_until_a_time_that_has_passed_is_over_at_once() -> None:
    assert said(Say(ONE * 4), WaitUntil(40), Say(TWO), WaitUntil(140), Say(ONE)) == "11112..1...."


def test_speech_is_waited_for() -> None:
    heard = [SILENT_FRAME] * 2 + [LOUD] * 8
    assert said(WaitForSpeech(60), Say(ONE), heard=heard) == ".....1......"


def test_silence_is_waited_for() -> None:
    heard = [LOUD] * 4
    script = (WaitForSpeech(20), WaitForSilence(60), Say(ONE))
    assert said(*script, heard=heard) == ".......1...."


def test_waiting_for_the_far_end_ends_after_all() -> None:
    assert said(WaitForSpeech(20, timeout_ms=60), Say(ONE)) == "...1........"
    player, hearing = ScriptPlayer(CallerScript((WaitForSpeech(20, timeout_ms=0),))), Hearing()
    player.frame(0, hearing)
    assert player.timeouts == 1


def test_keys_are_pressed_at_their_distance() -> None:
    frames = played(CallerScript((Press("1#", gap_ms=60), Say(ONE))), [], 8)
    assert [frame.keys for frame in frames] == ["1", "", "", "#", "", "", "", ""]
    assert frames[6].payload == ONE


def test_only_the_first_frame_of_a_clip_is_an_onset() -> None:
    frames = played(CallerScript((Wait(20), Say(ONE * 2), Say(TWO))), [], 5)
    assert [frame.is_onset for frame in frames] == [False, True, False, True, False]


def test_a_clip_that_is_no_whole_frame_ends_in_silence() -> None:
    frames = played(CallerScript((Say(b"\x01" * 200),)), [], 3)
    assert frames[1].payload == b"\x01" * 40 + b"\xff" * 120


def test_a_script_begins_again_where_it_says() -> None:
    script = CallerScript((Say(ONE), Wait(20), Say(TWO)), repeats_from=1)
    letters = {ONE: "1", TWO: "2", SILENT_FRAME: "."}
    assert "".join(letters[f.payload] for f in played(script, [], 7)) == "1.2.2.2"


def test_a_script_that_waits_for_nothing_for_ever_does_not_hang() -> None:
    script = CallerScript((Wait(0), WaitUntil(0)), repeats_from=0)
    assert len(played(script, [], 5)) == 5


def test_unknown_clips_and_keys_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"voice 'nobody': one of cancelled, cough"):
        ScriptPlayer(CallerScript((Say("nobody"),)))
    with pytest.raises(ConfigError, match="keys '1E'"):
        Press("1E")
    with pytest.raises(ConfigError, match="keys ''"):
        Press("")
