"""Part 1 K: what becomes of each case of recordings, transcripts and history."""

from __future__ import annotations

from .rows import Row

HERE = "tests/races/test_k_recording.py::"
WAV = "tests/recording/test_wav_writer.py::"
KEPT = HERE + "test_what_is_kept_of_the_model_is_what_was_heard_and_when"

ROWS = (
    Row(
        "K166",
        "The two sides of a recording drift apart, or silence is left out.",
        KEPT,
        WAV + "test_both_channels_are_aligned_on_the_calls_axis",
        WAV + "test_a_stalled_process_keeps_every_frame_in_its_place",
    ),
    Row(
        "K167",
        "A recording holds speech that nobody heard.",
        KEPT,
        "tests/call/test_heard.py::test_observers_are_told_what_the_caller_hears_and_only_that",
        "tests/call/test_heard.py::test_what_the_model_is_told_is_what_the_recording_holds",
    ),
    Row(
        "K168",
        "The caller's words are written down behind the answer that they caused.",
        HERE + "test_a_turn_stands_where_it_began_however_late_its_words_come",
    ),
    Row(
        "K170",
        "What is kept of the history holds an answer that was cancelled later.",
        "tests/call/test_keeping.py::test_a_session_that_was_told_too_much_is_told_better",
    ),
    Row(
        "K172",
        "The last words of an answer are cut, because they fill no frame.",
        HERE + "test_a_tail_of_less_than_a_frame_is_heard",
        "tests/call/test_owner.py::test_audio_is_said_in_frames_and_the_tail_is_padded",
    ),
    Row(
        "K173",
        "The end of speech is told twice.",
        HERE + "test_events_that_come_twice_are_one_event",
        "tests/audio/test_ear.py::test_edges_alternate_whatever_is_heard",
    ),
)
