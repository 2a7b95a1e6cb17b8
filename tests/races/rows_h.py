"""Part 1 H, beginnings: what becomes of each case."""

from __future__ import annotations

from .rows import Impossible, Row

BEGINNINGS = "tests/races/test_h_beginnings.py::"

ROWS = (
    Row(
        "H129",
        "A status callback replaces what the call was told to do.",
        "tests/server/test_serving.py::test_the_status_callback_is_taken",
        "tests/races/test_g_carrier.py::"
        "test_status_callbacks_change_nothing_of_what_a_call_was_told_to_do",
    ),
    Row(
        "H130",
        "A media stream never comes, and its call counts for ever.",
        Impossible(
            "a slot belongs to a media stream's connection, and what a webhook promises ends by "
            "itself"
        ),
        "tests/races/test_g_carrier.py::"
        "test_calls_whose_media_stream_never_comes_take_no_place_from_those_that_do",
        "tests/server/test_reception.py::test_a_call_that_does_not_come_is_forgotten",
        "tests/call/test_run.py::test_a_media_stream_that_does_not_start_is_closed",
        "tests/server/test_admission.py::"
        "test_a_promise_ends_when_nobody_comes_and_when_it_is_taken_back",
        "tests/server/test_admission.py::test_a_slot_comes_back_from_a_call_that_crashes",
    ),
    Row(
        "H131",
        "Audio is sent before the media stream has a name.",
        BEGINNINGS + "test_nothing_is_sent_to_anybody_before_the_media_stream_has_started",
    ),
    Row(
        "H132",
        "What the caller says before the session is ready is lost.",
        BEGINNINGS + "test_what_the_caller_says_before_the_session_is_ready_reaches_the_model",
        "tests/call/test_inbound.py::"
        "test_the_oldest_audio_is_dropped_and_counted_while_the_model_does_not_read",
    ),
    Row(
        "H133",
        "A session is asked for, or an answer, before the one before was confirmed.",
        BEGINNINGS + "test_a_greeting_is_asked_for_once_however_often_the_session_is_confirmed",
        "tests/call/test_model_session.py::test_nothing_is_said_before_the_session_is_created",
        "tests/call/test_model_session.py::test_nothing_is_created_before_the_session_is_confirmed",
        "tests/server/test_preparing.py::test_the_session_is_agreed_on_and_nothing_else_is_said",
    ),
    Row(
        "H134",
        "Pieces that are no whole frames stutter.",
        BEGINNINGS + "test_audio_in_pieces_of_any_size_is_played_in_whole_frames_without_a_gap",
    ),
    Row(
        "H135",
        "The greeting is said again at every change of the session.",
        BEGINNINGS + "test_a_greeting_is_asked_for_once_however_often_the_session_is_confirmed",
        BEGINNINGS + "test_a_greeting_that_was_interrupted_is_not_said_again",
    ),
)
