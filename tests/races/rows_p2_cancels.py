"""Part 2 A to C: what becomes of each case of cancels, late events and creates."""

from __future__ import annotations

from .rows import Impossible, Row

CANCELS = "tests/races/test_p2_cancels.py::"
FLUSH = "tests/races/test_p2_flush.py::"
CREATES = "tests/races/test_p2_creates.py::"
CLAIMS = "tests/test_cancel_claims.py::"

ROWS = (
    # --- A: cancels -------------------------------------------------------------------------
    Row(
        "P2-1",
        "A cancel whose send failed is marked as sent, and nobody may send it again.",
        CLAIMS + "test_a_failed_send_does_not_leave_the_response_marked_as_cancelled",
        CLAIMS + "test_a_failed_cancel_can_be_retried",
    ),
    Row(
        "P2-2",
        "Asking whether a cancel may go out records that it did.",
        CLAIMS + "test_asking_whether_a_cancel_may_go_out_does_not_record_it",
    ),
    Row(
        "P2-3",
        "Other places record a cancel and swallow the failure of its send.",
        CLAIMS + "test_whoever_cancels_a_failed_send_is_retried",
        "tests/races/test_p2_endings.py::test_an_order_is_given_in_one_place",
    ),
    Row(
        "P2-4",
        "An old cancel's error forgets the answer that speaks now.",
        CANCELS + "test_an_old_cancels_error_leaves_the_answer_that_speaks_now_alone",
        CLAIMS + "test_a_late_error_for_an_old_cancel_does_not_forget_the_response_that_speaks_now",
    ),
    Row(
        "P2-5",
        "Several detectors cancel the same answer.",
        CANCELS + "test_whatever_interrupts_at_once_is_one_cancel_and_one_clear",
        CLAIMS + "test_one_guard_serves_every_way_to_cancel",
    ),
    Row(
        "P2-6",
        "An answer that is generated is taken for heard, and cannot be interrupted.",
        CANCELS + "test_what_is_generated_long_before_it_is_heard_can_be_interrupted_all_the_time",
    ),
    Row(
        "P2-7",
        "The end of an item is taken for the end of its answer.",
        CANCELS + "test_an_answer_that_calls_a_tool_after_its_words_can_still_be_cancelled",
        CLAIMS + "test_the_end_of_an_item_is_not_the_end_of_its_response",
    ),
    Row(
        "P2-8",
        "The end of an old answer ends the new one.",
        CANCELS + "test_an_old_answers_end_coming_again_does_not_end_the_next_one",
        CLAIMS + "test_the_end_of_an_old_response_does_not_end_the_new_one",
    ),
    Row(
        "P2-9",
        "Any error resets everything that is known of the answers.",
        CLAIMS + "test_an_error_that_names_nothing_changes_nothing",
    ),
    Row(
        "P2-10",
        "A long answer is given up as stuck while its audio comes.",
        CANCELS + "test_an_answer_of_many_seconds_is_never_taken_for_a_stuck_one",
    ),
    Row(
        "P2-11",
        "A watchdog runs only while the caller's frames come.",
        CANCELS + "test_an_answer_that_stands_still_is_given_up_though_the_caller_says_nothing",
    ),
    Row(
        "P2-12",
        "A mark that a cancel is in flight outlives its attempt, and nobody may cancel any more.",
        CANCELS + "test_whoever_gives_up_waiting_keeps_nobody_from_interrupting",
        CLAIMS + "test_a_cancel_that_can_never_be_sent_is_given_up",
    ),
    Row(
        "P2-13",
        'After "not active" the code waits for something that will not come.',
        CLAIMS + "test_not_active_is_no_error_in_either_order",
        CLAIMS + "test_not_active_without_any_terminal_event_ends_the_wait",
    ),
    Row(
        "P2-14",
        "A watchdog resets an answer in the middle of its cancel.",
        CANCELS + "test_the_deadline_of_an_answer_does_not_disturb_its_cancel",
    ),
    Row(
        "P2-15",
        "The wait for the end of an answer is satisfied by any end.",
        CANCELS + "test_the_end_of_another_answer_is_not_what_an_interruption_waits_for",
    ),
    Row(
        "P2-16",
        "Where the server interrupts by itself, the local silence is forgotten, or we cancel too.",
        CANCELS + "test_the_server_that_interrupts_is_not_helped_and_the_line_is_silent_at_once",
    ),
    Row(
        "P2-17",
        "The caller speaks between a create and its id, and nothing is cancelled.",
        CANCELS + "test_an_answer_can_be_interrupted_by_speech_before_its_first_audio",
    ),
    Row(
        "P2-18",
        "The caller speaks between the id and the first audio, and is ignored.",
        CANCELS + "test_an_answer_can_be_interrupted_by_speech_before_its_first_audio",
    ),
    Row(
        "P2-19",
        "An answer that was created is taken for one that is heard, and its own echo cancels it.",
        CANCELS + "test_a_cough_before_the_first_audio_costs_the_answer_nothing",
    ),
    Row(
        "P2-20",
        "Speech into silence is handled as an interruption.",
        CANCELS + "test_speech_into_silence_interrupts_nothing",
    ),
    Row(
        "P2-21",
        "What silences one answer silences everything until the next one begins.",
        CANCELS + "test_what_silenced_one_answer_does_not_silence_the_next",
    ),
    Row(
        "P2-22",
        "A cancel from another thread blocks it, or runs in a loop that is gone.",
        Impossible(
            "a call runs in one thread, and a cancel is a letter to its owner; other threads "
            "judge voices, write files and logs, and know no call"
        ),
    ),
    Row(
        "P2-23",
        "A slow send of the cancel holds up the silence, and the reader.",
        CANCELS + "test_a_model_that_takes_no_cancel_keeps_neither_silence_nor_reading_waiting",
    ),
    Row(
        "P2-24",
        "The memory of what was cancelled is emptied, and a second cancel is possible.",
        "tests/core/test_responses.py::"
        "test_old_records_are_dropped_but_never_an_open_or_audible_one",
        "tests/core/test_any_order.py::test_nothing_grows_with_the_length_of_a_call",
    ),
    Row(
        "P2-25",
        "A part of the state does not exist yet when an event needs it, and the receiver dies.",
        "tests/core/test_machine.py::test_every_event_in_every_situation_ends_in_peace",
        "tests/core/test_any_order.py::test_no_order_of_any_events_is_too_much",
    ),
    # --- B: late events, flushes ------------------------------------------------------------
    Row(
        "P2-26",
        "Audio of a cancelled answer keeps coming, and is played.",
        FLUSH + "test_audio_of_an_answer_that_was_taken_is_not_heard_however_late_it_comes",
    ),
    Row(
        "P2-27",
        "The verdict on an answer is forgotten at its end, and what comes later is played.",
        FLUSH + "test_audio_of_an_answer_that_was_taken_is_not_heard_however_late_it_comes",
    ),
    Row(
        "P2-28",
        "A flush empties one queue and not the others.",
        FLUSH + "test_an_interruption_empties_every_place_where_audio_waits",
    ),
    Row(
        "P2-29",
        "A frame that was on its way out follows the flush.",
        FLUSH + "test_a_write_in_progress_is_all_that_follows_an_interruption",
    ),
    Row(
        "P2-30",
        "The part of a frame that was left over leads the next answer.",
        FLUSH + "test_nothing_of_an_answers_last_piece_leads_the_next_answer",
    ),
    Row(
        "P2-31",
        "A flush removes the beginning of the next answer.",
        FLUSH + "test_an_interruption_removes_what_it_means_and_not_the_answer_behind",
    ),
    Row(
        "P2-32",
        "An answer is flushed only while it is young.",
        FLUSH + "test_an_answer_can_be_silenced_at_any_age",
    ),
    Row(
        "P2-33",
        "The wall clock is set, and ages jump.",
        Impossible("the only clock is trio's, and the linter refuses the wall clock"),
    ),
    Row(
        "P2-34",
        "Only the last flush is remembered, and another answer is flushed again.",
        FLUSH + "test_an_interruption_removes_what_it_means_and_not_the_answer_behind",
        CLAIMS + "test_flushing_is_idempotent",
    ),
    Row(
        "P2-35",
        "The carrier is not told to clear, and plays on for seconds.",
        FLUSH + "test_an_interruption_empties_every_place_where_audio_waits",
    ),
    Row(
        "P2-36",
        "A mere candidate for speech costs audio.",
        FLUSH + "test_a_noise_costs_a_pause_and_not_a_word",
    ),
    Row(
        "P2-37",
        "Messages name the media stream that was known when a thread began.",
        "tests/races/test_p2_pacing.py::"
        "test_no_model_is_called_and_nothing_is_sent_before_the_media_stream_has_started",
        "tests/telephony/test_twilio.py::test_nothing_can_be_sent_before_start",
    ),
    Row(
        "P2-38",
        "After an interruption the queue drains by itself, which feels seconds late.",
        FLUSH + "test_an_interruption_empties_every_place_where_audio_waits",
    ),
    Row(
        "P2-39",
        "A stall of the output flushes, and sentences are cut.",
        FLUSH + "test_a_carrier_that_stands_still_loses_nothing_of_an_answer",
    ),
    Row(
        "P2-40",
        "The end of the caller's speech is lost, and everything is dropped from then on.",
        CANCELS + "test_what_silenced_one_answer_does_not_silence_the_next",
    ),
    Row(
        "P2-41",
        "What waits for an old answer to drain changes the flags of the new one.",
        FLUSH + "test_answers_taken_one_after_the_other_do_not_share_a_position",
    ),
    # --- C: creates -------------------------------------------------------------------------
    Row(
        "P2-42",
        "An answer is created while another one is active, and is lost.",
        CREATES + "test_what_is_to_be_said_instead_waits_for_the_end_of_what_was_cancelled",
    ),
    Row(
        "P2-43",
        "The reader waits for an end that only it could read.",
        CREATES + "test_what_is_to_be_said_instead_waits_for_the_end_of_what_was_cancelled",
    ),
    Row(
        "P2-44",
        "Many places create, and pass the gate by.",
        "tests/races/test_p2_endings.py::test_an_order_is_given_in_one_place",
        "tests/core/test_promises.py::test_there_is_one_response_at_a_time",
    ),
    Row(
        "P2-45",
        "Both the server and we answer a turn.",
        CREATES + "test_where_the_server_creates_we_do_not",
        "tests/call/test_model_service.py::test_the_flags_follow_from_the_authority",
    ),
    Row(
        "P2-46",
        "A turn is delivered twice, and answered twice.",
        CREATES + "test_a_turn_that_comes_twice_is_answered_once",
    ),
    Row(
        "P2-47",
        "A watchdog asks again while an answer is on its way.",
        CREATES + "test_a_create_is_asked_for_again_only_when_its_time_is_over",
        CREATES + "test_an_answer_that_appears_after_its_time_is_not_heard_beside_the_next",
    ),
    Row(
        "P2-48",
        "A greeting that was put off comes after the conversation has begun.",
        CREATES + "test_a_greeting_is_asked_for_once_whatever_becomes_of_it",
        "tests/core/test_answering.py::"
        "test_a_greeting_is_dropped_when_the_conversation_has_begun_without_it",
    ),
    Row(
        "P2-49",
        "A lock on creating is never released after a failure.",
        CREATES + "test_a_create_is_asked_for_again_only_when_its_time_is_over",
    ),
    Row(
        "P2-50",
        "A guard against loops blocks honest answers.",
        CREATES + "test_no_number_of_answers_is_too_many",
    ),
    Row(
        "P2-51",
        "A flag that was set at the start blocks the greeting.",
        CREATES + "test_what_was_asked_for_before_the_session_is_said_when_it_is_there",
    ),
    Row(
        "P2-52",
        "An answer goes on after the carrier has stopped.",
        CREATES + "test_nothing_follows_when_the_caller_hangs_up_over_an_answer",
        "tests/call/test_run.py::test_nothing_is_written_after_the_goodbye",
    ),
    Row(
        "P2-53",
        "A turn that could not be understood never ends, and blocks every create.",
        CREATES + "test_a_turn_that_nobody_understood_blocks_no_answer",
    ),
    Row(
        "P2-54",
        "An echo cancels an answer before its audio, and nothing follows.",
        CREATES + "test_an_echo_that_took_an_answer_before_its_audio_costs_one_create",
    ),
)
