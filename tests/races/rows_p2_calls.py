"""Part 2 D, E and G: what becomes of each case of greetings, pacing and sessions."""

from __future__ import annotations

from .rows import Impossible, Row

GREETING = "tests/races/test_p2_greeting.py::"
PACING = "tests/races/test_p2_pacing.py::"
ENDINGS = "tests/races/test_p2_endings.py::"
RUN = "tests/call/test_run.py::"
BURST = PACING + "test_a_burst_of_half_a_minute_is_heard_whole_and_in_order"
AGENTS = "tests/races/test_p2_agents.py::"

ROWS = (
    # --- D: greetings and detection ---------------------------------------------------------
    Row(
        "P2-55",
        "An echo or a noise cancels the greeting.",
        GREETING + "test_an_echo_just_after_the_greeting_began_does_not_cut_it",
        "tests/call/test_owner.py::test_protected_speech_is_not_interrupted",
    ),
    Row(
        "P2-56",
        "A greeting that fails leaves its lock, and the caller is not heard for the whole call.",
        GREETING + "test_a_greeting_that_comes_to_nothing_locks_nothing",
    ),
    Row(
        "P2-57",
        "A greeting that was only asked for counts as being played, and never is.",
        GREETING + "test_a_greeting_that_comes_to_nothing_locks_nothing",
    ),
    Row(
        "P2-58",
        "A greeting is protected until it is generated, and its tail is cut.",
        GREETING + "test_a_protected_greeting_is_protected_to_its_last_word",
    ),
    Row(
        "P2-59",
        "The caller's audio is held back while the model speaks.",
        GREETING + "test_the_caller_is_heard_while_the_model_speaks",
    ),
    Row(
        "P2-60",
        "The guard against echoes is too short for some lines, and too long for others.",
        GREETING + "test_an_echo_just_after_the_greeting_began_does_not_cut_it",
        "tests/audio/test_echo.py::test_what_is_nothing_but_echo_is_known_and_silenced",
    ),
    Row(
        "P2-61",
        "Detectors interrupt before they know the noise of the line.",
        GREETING + "test_a_noise_in_the_first_second_costs_no_answer",
        "tests/call/test_listening.py::test_what_is_no_voice_hushes_at_most",
    ),
    Row(
        "P2-62",
        'Clicks interrupt; or a short "no" does not.',
        GREETING + "test_how_long_speech_must_last_is_a_setting",
        GREETING + "test_a_short_word_over_the_model_is_answered_when_it_was_a_word",
        "tests/audio/test_onset.py::test_single_frames_are_no_onset",
    ),
    Row(
        "P2-63",
        "A transcript that comes late cancels a newer answer.",
        GREETING + "test_a_transcript_that_comes_late_cancels_no_newer_answer",
        "tests/core/test_floor.py::test_words_take_nothing_that_came_after_them",
    ),
    Row(
        "P2-64",
        "A first transcript that makes no sense blocks all answers.",
        GREETING + "test_a_turn_into_silence_is_answered_whatever_was_understood",
    ),
    Row(
        "P2-65",
        "A limit on the rate drops a frame of the caller each second.",
        GREETING + "test_no_frame_of_the_caller_is_dropped_at_the_usual_rate_and_above_it",
    ),
    Row(
        "P2-66",
        "Flags of one call are there in the next.",
        GREETING + "test_a_call_inherits_nothing_of_the_one_before",
    ),
    # --- E: pacing --------------------------------------------------------------------------
    Row(
        "P2-67",
        "Pieces of any length are sent as if they were frames.",
        PACING + "test_audio_that_comes_in_any_pieces_is_heard_exactly",
    ),
    Row("P2-68", "A queue that is full loses the newest frame as well as the oldest.", BURST),
    Row(
        "P2-69",
        "A burst is cut down, and sentences jump.",
        BURST,
        "tests/races/test_p2_flush.py::test_a_carrier_that_stands_still_loses_nothing_of_an_answer",
    ),
    Row(
        "P2-70",
        "What is late after a stall is sent in a hurry, and sounds fast.",
        PACING + "test_what_is_late_after_a_stall_does_not_come_at_once",
        "tests/call/test_outboxes.py::test_the_carrier_never_holds_more_than_the_lead",
    ),
    Row(
        "P2-71",
        "Logging in the sending loop holds it up for seconds.",
        "tests/test_log_output.py::"
        "test_a_reader_that_stands_still_stops_nobody_and_learns_what_it_missed",
        "tests/recording/test_keeping.py::test_a_disk_that_hangs_keeps_nobody_waiting",
        "tests/call/test_listening.py::test_a_slow_voice_model_delays_no_hush_and_no_audio",
    ),
    Row(
        "P2-72",
        "The sender dies of a bug, and the call goes on in silence.",
        RUN + "test_an_observer_that_crashes_ends_the_call_loudly",
        RUN + "test_a_detector_that_crashes_ends_the_call_loudly",
    ),
    Row(
        "P2-73",
        "A sender that waits for room holds frames which an interruption cannot reach.",
        "tests/races/test_p2_flush.py::"
        "test_a_write_in_progress_is_all_that_follows_an_interruption",
        "tests/call/test_outboxes.py::test_the_clear_follows_a_stalled_write_directly",
    ),
    Row(
        "P2-74",
        "A message to the carrier has the wrong shape, or names no stream.",
        "tests/telephony/test_twilio.py::test_media_carries_its_payload_and_nothing_else",
    ),
    Row(
        "P2-75",
        "The model speaks before the media stream has started, and its first words are lost.",
        PACING + "test_no_model_is_called_and_nothing_is_sent_before_the_media_stream_has_started",
    ),
    Row(
        "P2-76",
        "Frames are dropped, and no counter says so.",
        PACING + "test_every_frame_that_came_in_is_forwarded_or_counted",
    ),
    Row(
        "P2-77",
        "The model counts as silent while seconds of its audio wait.",
        "tests/races/test_p2_cancels.py::"
        "test_what_is_generated_long_before_it_is_heard_can_be_interrupted_all_the_time",
    ),
    Row(
        "P2-78",
        "The last part of a frame is lost, or leads the next answer.",
        "tests/races/test_p2_flush.py::test_nothing_of_an_answers_last_piece_leads_the_next_answer",
    ),
    # --- G: sessions, configuration, records ------------------------------------------------
    Row(
        "P2-96",
        "The service rejects the whole session, and the call goes on with its defaults.",
        ENDINGS + "test_no_audio_and_no_create_goes_to_a_session_that_is_not_confirmed",
        "tests/call/test_model_session.py::test_a_session_that_is_not_ours_is_refused",
    ),
    Row(
        "P2-97",
        "A session that exists is taken for the session that was asked for.",
        ENDINGS + "test_no_audio_and_no_create_goes_to_a_session_that_is_not_confirmed",
    ),
    Row(
        "P2-98",
        "The session is asked for before anybody reads the answer.",
        ENDINGS + "test_no_audio_and_no_create_goes_to_a_session_that_is_not_confirmed",
    ),
    Row(
        "P2-99",
        "A second change of the session resets what was agreed.",
        ENDINGS + "test_a_change_of_the_session_asks_for_nothing_that_was_agreed_already",
    ),
    Row(
        "P2-100",
        "Wrong names or values of parameters lead to errors, or to silence.",
        "tests/realtime/test_openai.py::test_a_session_is_asked_for_as_the_sdk_types_it",
        "tests/realtime/test_openai.py::test_keys_become_text_of_the_caller",
    ),
    Row(
        "P2-101",
        "Our instructions are put into the caller's mouth.",
        ENDINGS + "test_what_we_want_said_is_never_put_into_the_callers_mouth",
    ),
    Row(
        "P2-102",
        "The TwiML records instead of connecting; or the stream sends other tracks.",
        "tests/telephony/test_twiml.py::"
        "test_a_connected_media_stream_is_written_as_the_sdk_writes_it",
        "tests/call/test_inbound.py::"
        "test_marks_of_others_and_the_outbound_track_are_nobodys_business",
    ),
    Row(
        "P2-103",
        "A tool's result is answered while the caller speaks.",
        ENDINGS + "test_a_tools_result_is_not_answered_while_the_caller_speaks",
    ),
    Row(
        "P2-104",
        "A database in the path of a call holds it up.",
        Impossible("there is no database, and what is kept is written by other tasks"),
    ),
    Row(
        "P2-105",
        "What detects machines answers before anybody listens; a start comes late.",
        RUN + "test_a_media_stream_that_does_not_start_is_closed",
        AGENTS + "test_a_machine_that_is_known_before_anybody_listens_is_met_all_the_same",
        AGENTS + "test_a_verdict_that_comes_late_stops_the_greeting_and_leaves_the_message",
        "tests/races/test_g_carrier.py::"
        "test_a_machine_is_met_whether_the_verdict_or_the_media_stream_is_first",
    ),
    Row(
        "P2-106",
        "A cache of prompts gives one customer's prompt to another.",
        AGENTS + "test_every_call_is_told_what_is_decided_for_its_own_number_and_direction",
        "tests/server/test_reception.py::test_settings_of_one_call_never_reach_another",
    ),
    Row(
        "P2-107",
        "Jobs that record are started twice, and never end.",
        "tests/recording/test_keeping.py::test_a_recording_ends_when_its_call_does",
    ),
    Row(
        "P2-108",
        "One call with two streams leaves two records, or half of one.",
        "tests/recording/test_keeping.py::test_a_second_stream_of_a_call_overwrites_nothing",
    ),
)
