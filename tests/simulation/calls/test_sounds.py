"""Audio that says what it is."""

from __future__ import annotations

import pytest

from trio_media.audio.beep import BeepDetector
from trio_media.simulation.calls.sounds import (
    CLIPS_FROM,
    CallerPiece,
    Sound,
    Span,
    caller_frame,
    caller_pieces,
    clip_audio,
    model_audio,
    pieces_of,
    sound_of,
    spans_of,
)

SILENCE = b"\xff" * 8


def test_the_models_voice_says_which_item_and_which_millisecond_it_is() -> None:
    payload = SILENCE * 3 + model_audio(7, 1_000, 20) + SILENCE * 2 + model_audio(300, 70_000, 5)
    assert spans_of(payload) == [(3, Span(7, 1_000, 1_020)), (25, Span(300, 70_000, 70_005))]


def test_a_jump_within_an_item_is_seen() -> None:
    payload = model_audio(1, 0, 10) + model_audio(1, 20, 10)
    assert [span for _, span in spans_of(payload)] == [Span(1, 0, 10), Span(1, 20, 30)]


def test_silence_holds_no_voice() -> None:
    assert spans_of(SILENCE * 20) == []
    assert spans_of(b"") == []


def test_torn_voice_is_an_error() -> None:
    payload = model_audio(1, 0, 10)
    with pytest.raises(ValueError, match="no whole milliseconds"):
        spans_of(payload[:-1])
    with pytest.raises(ValueError, match="torn"):
        spans_of(payload[4:-4])


def test_audio_without_labels_is_a_clip_of_somebodys() -> None:
    tone = bytes(range(8)) * 5
    payload = model_audio(1, 0, 10) + tone + SILENCE * 2 + clip_audio(3, 4)
    pieces = pieces_of(payload)
    assert pieces == [(0, Span(1, 0, 10)), (10, tone), (17, Span(CLIPS_FROM + 3, 0, 4))]
    assert [piece.name for _, piece in pieces if isinstance(piece, Span)] == ["item_1", "clip_3"]
    with pytest.raises(ValueError, match="neither"):
        spans_of(payload)


def test_a_beep_is_a_tone_that_says_which_frame_it_is() -> None:
    detector = BeepDetector()
    sounds = [Sound.QUIET] * 10 + [Sound.BEEP] * 20 + [Sound.QUIET] * 10
    frames = [caller_frame(number, sound) for number, sound in enumerate(sounds, 1_000)]
    assert sum(detector.hear(frame) for frame in frames) == 1
    assert [piece.number for piece in caller_pieces(b"".join(frames))] == list(range(1_000, 1_040))
    assert [sound_of(frame) for frame in frames] == sounds


def test_the_callers_frames_are_found_among_silence() -> None:
    payload = caller_frame(5, Sound.QUIET) + SILENCE * 37 + caller_frame(6, Sound.VOICE)
    assert caller_pieces(payload + SILENCE) == [
        CallerPiece(5, Sound.QUIET, 20),
        CallerPiece(None, Sound.QUIET, 37),
        CallerPiece(6, Sound.VOICE, 20),
        CallerPiece(None, Sound.QUIET, 1),
    ]


def test_a_torn_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="torn"):
        caller_pieces(caller_frame(5, Sound.COUGH)[:-8])
