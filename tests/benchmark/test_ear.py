"""The model misses no frame that is missing, and hears turns as server VAD does."""

from __future__ import annotations

import base64
from array import array

import pytest
from ear import SILENCE_FRAMES, SPEECH_FRAMES, Ear, Turn
from hypothesis import given
from hypothesis import strategies as st
from stamps import Blank
from tally import Tally

CALL = 7


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def ear(tally: Tally) -> Ear:
    return Ear(1, tally)


def frame(number: int, *, is_speech: bool = False) -> bytes:
    """A frame as a phone sends it."""
    return base64.b64decode(Blank(b"\xff" * 160).stamped(is_speech, number, CALL))


def speech(count: int, first: int = 0) -> bytes:
    return b"".join(frame(first + n, is_speech=True) for n in range(count))


def quiet(count: int, first: int = 0) -> bytes:
    return b"".join(frame(first + n) for n in range(count))


def test_a_session_learns_whose_call_it_is(ear: Ear) -> None:
    assert ear.call == 1
    ear.hear(frame(0))
    assert ear.call == CALL


@given(st.lists(st.integers(1, 500), min_size=1))
def test_frames_are_the_same_however_a_bridge_cuts_them(cuts: list[int]) -> None:
    tally = Tally()
    ear = Ear(1, tally)
    audio, at = quiet(20), 0
    for length in cuts:
        ear.hear(audio[at : at + length])
        at += length
    ear.hear(audio[at:])
    assert (tally.frames, tally.unstamped_frames, tally.missing) == (20, 0, 0)
    assert len(tally.frame_us) == 20
    assert tally.audio_ms == pytest.approx(400)


def test_frames_that_are_missing_are_counted_also_where_numbers_begin_again(
    ear: Ear, tally: Tally
) -> None:
    for number in (0xFFFC, 0xFFFD, 2, 3):
        ear.hear(frame(number))
    assert (tally.missing, tally.out_of_order) == (4, 0)


def test_a_frame_that_comes_again_or_late_is_out_of_order(ear: Ear, tally: Tally) -> None:
    for number in (5, 6, 6, 5):
        ear.hear(frame(number))
    assert (tally.missing, tally.out_of_order) == (0, 2)


def test_a_turn_begins_with_speech_and_ends_with_silence(ear: Ear, tally: Tally) -> None:
    assert ear.hear(speech(SPEECH_FRAMES - 1)) == []
    assert len(tally.onsets) == 1
    assert ear.hear(speech(1)) == [Turn.BEGAN]
    assert ear.hear(speech(50)) == []
    assert ear.hear(quiet(SILENCE_FRAMES - 1)) == []
    assert ear.hear(quiet(1)) == [Turn.ENDED]
    assert ear.hear(quiet(100)) == []
    assert ear.hear(speech(SPEECH_FRAMES)) == [Turn.BEGAN]


def test_a_pause_in_speech_ends_no_turn_and_is_no_onset(ear: Ear, tally: Tally) -> None:
    ear.hear(speech(10))
    assert ear.hear(quiet(20) + speech(10)) == []
    assert len(tally.onsets) == 1


def test_speech_with_a_gap_is_still_speech(ear: Ear) -> None:
    assert ear.hear(speech(2) + quiet(3) + speech(SPEECH_FRAMES - 2)) == [Turn.BEGAN]


def test_a_click_is_no_turn(ear: Ear) -> None:
    assert ear.hear((speech(2) + quiet(30)) * 5) == []


def test_audio_that_was_changed_is_heard_by_its_loudness(ear: Ear, tally: Tally) -> None:
    ear.is_pcm = True
    loud, silent = array("h", [3_000] * 480).tobytes(), array("h", [20] * 480).tobytes()
    assert ear.hear(silent * 5 + loud * SPEECH_FRAMES) == [Turn.BEGAN]
    assert ear.hear(silent * SILENCE_FRAMES) == [Turn.ENDED]
    assert tally.unstamped_frames == tally.frames == 5 + SPEECH_FRAMES + SILENCE_FRAMES
    assert ear.call == 1


def test_unstamped_mulaw_is_heard_by_its_loudness(ear: Ear) -> None:
    assert ear.hear(b"\x20" * 160 * SPEECH_FRAMES) == [Turn.BEGAN]


def test_a_reset_forgets(ear: Ear, tally: Tally) -> None:
    ear.hear(speech(10))
    tally.reset()
    assert (tally.frames, tally.onsets, list(tally.frame_us)) == (0, [], [])
    ear.hear(frame(10))
    assert tally.plain()["frames"] == 1
