"""What the caller notices."""

from __future__ import annotations

from trio_media.phone.hearing import SILENT_FRAME, Hearing, is_loud
from trio_media.phone.voices import load_voice

LOUD = bytes([0x20, 0xA0]) * 80


def heard(*frames: bytes) -> Hearing:
    hearing = Hearing()
    for frame in frames:
        hearing.hear(frame)
    return hearing


def test_speech_is_counted_while_it_lasts() -> None:
    hearing = heard(*[SILENT_FRAME] * 5, *[LOUD] * 4)
    assert hearing.is_audible
    assert (hearing.audible_ms, hearing.silent_ms) == (80, 0)
    assert hearing.first_audible_at_ms == 100


def test_a_short_pause_is_part_of_speech() -> None:
    hearing = heard(LOUD, *[SILENT_FRAME] * 15, LOUD)
    assert hearing.audible_ms == 340


def test_a_long_pause_ends_speech() -> None:
    hearing = heard(LOUD, *[SILENT_FRAME] * 16)
    assert (hearing.audible_ms, hearing.silent_ms, hearing.is_audible) == (0, 320, False)
    hearing.hear(LOUD)
    assert hearing.audible_ms == 20


def test_both_zeros_and_a_faint_line_are_silence() -> None:
    assert not is_loud(SILENT_FRAME)
    assert not is_loud(b"\x7f" * 160)
    assert not is_loud(b"\xf5\x75" * 80)
    assert is_loud(LOUD)
    assert not is_loud(b"")


def test_a_human_voice_is_heard() -> None:
    clip = load_voice("one_moment")
    frames = [clip[i : i + 160] for i in range(0, len(clip) - 159, 160)]
    assert sum(map(is_loud, frames)) > 0.7 * len(frames)
