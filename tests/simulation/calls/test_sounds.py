"""Audio that says what it is."""

from __future__ import annotations

import pytest

from trio_media.simulation.calls.sounds import (
    CallerPiece,
    Sound,
    Span,
    caller_frame,
    caller_pieces,
    model_audio,
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
    with pytest.raises(ValueError, match="neither"):
        spans_of(payload[4:-4])


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
