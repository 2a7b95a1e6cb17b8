"""Part 1 A, cancels: what becomes of each case."""

from __future__ import annotations

from .rows import Impossible, Row

CANCELS = "tests/races/test_a_cancels.py::"
OWNERSHIP = "tests/races/test_sweeps_4_ownership.py::"
PERMUTATIONS = "tests/races/test_sweeps_3_permutations.py::"
PHASES = "tests/races/test_sweeps_1_phases.py::"

ROWS = (
    Row(
        "A1",
        "The server and we cancel the same answer, and the error ends the call.",
        CANCELS
        + "test_what_the_server_interrupts_is_not_cancelled_by_us_and_its_error_is_harmless",
        CANCELS + "test_the_end_of_an_answer_alone_says_that_the_server_interrupted_it",
        CANCELS + "test_an_end_that_comes_just_when_we_would_cancel_is_not_cancelled",
        OWNERSHIP + "test_one_party_cancels_and_one_creates",
    ),
    Row(
        "A2",
        '"Not active" comes after the end of what was cancelled, and is taken for a fault.',
        CANCELS + "test_not_active_after_the_end_of_what_was_cancelled_is_harmless",
        PERMUTATIONS + "test_no_order_of_late_events_touches_the_next_answer",
    ),
    Row(
        "A3",
        "The application silences an answer, and its generation runs on.",
        CANCELS + "test_what_we_silence_for_a_reason_of_our_own_we_also_cancel",
    ),
    Row(
        "A4",
        "An interruption between the create and the id: the answer comes all the same.",
        CANCELS + "test_an_answer_interrupted_before_its_id_is_cancelled_by_id_and_never_heard",
        PHASES + "test_an_application_interrupts_at_every_moment",
    ),
    Row(
        "A5",
        "An interruption is lost in a phase that nobody thought of.",
        PHASES + "test_an_application_interrupts_at_every_moment",
        PHASES + "test_speech_that_we_hear_hushes_and_interrupts_at_every_moment",
    ),
    Row(
        "A6",
        "Late audio of what was cancelled before it had an id is played.",
        CANCELS + "test_an_answer_interrupted_before_its_id_is_cancelled_by_id_and_never_heard",
    ),
    Row(
        "A7",
        "The late end of one answer makes the next one uninterruptible.",
        CANCELS + "test_a_late_end_of_the_last_answer_leaves_the_next_one_as_it_is",
        PERMUTATIONS + "test_no_order_of_late_events_touches_the_next_answer",
    ),
    Row(
        "A8",
        "A cancel for an answer that is over hits the next one.",
        CANCELS + "test_nothing_is_cancelled_for_an_answer_that_is_over_so_the_next_one_survives",
    ),
    Row(
        "A9",
        "One cancel without an id, several open answers: none ends.",
        CANCELS + "test_open_answers_are_heard_one_by_one_and_each_is_cancelled_by_its_id",
    ),
    Row(
        "A10",
        "Two answers are heard mixed, and an interruption ends one of them.",
        CANCELS + "test_open_answers_are_heard_one_by_one_and_each_is_cancelled_by_its_id",
        CANCELS + "test_an_answer_that_pauses_between_its_items_is_not_mixed_with_another",
    ),
    Row(
        "A11",
        "An interruption comes before what was asked for could be sent, and is lost.",
        CANCELS + "test_an_interruption_drops_what_was_asked_for_before_the_model_was_there",
    ),
    Row(
        "A12",
        "We repeat the server's interruption, and hit the answer that follows.",
        CANCELS + "test_nothing_is_cancelled_for_an_answer_that_is_over_so_the_next_one_survives",
        OWNERSHIP + "test_one_party_cancels_and_one_creates",
    ),
    Row(
        "A13",
        "Several detectors and several onsets: several cancels.",
        CANCELS + "test_a_storm_of_reasons_cancels_once",
        CANCELS + "test_speech_heard_by_both_ears_cancels_once_and_says_what_was_heard",
    ),
    Row(
        "A14",
        "The server cancels on speech, so nobody cancels for any other reason.",
        OWNERSHIP + "test_one_party_cancels_and_one_creates",
    ),
    Row(
        "A15",
        "An interruption that was meant for the last answer hits the next one.",
        CANCELS + "test_an_interruption_that_meant_an_older_answer_leaves_the_newer_one_alone",
    ),
    Row(
        "A17",
        "Protected speech is interrupted all the same.",
        CANCELS + "test_protected_speech_is_neither_cancelled_nor_cleared_nor_truncated",
    ),
    Row(
        "A18",
        "Interrupting what is over or interrupted already raises.",
        CANCELS + "test_an_interruption_is_defined_in_every_state_and_again",
    ),
    Row(
        "A19",
        "A protected entry of the queue stops an interruption half way.",
        CANCELS + "test_what_is_kept_in_the_queue_is_said_after_an_interruption_and_no_more",
    ),
    Row(
        "A20",
        "A cancel goes out while nothing is open, and its error blocks the conversation.",
        CANCELS + "test_an_interruption_is_defined_in_every_state_and_again",
        CANCELS + "test_not_active_after_the_end_of_what_was_cancelled_is_harmless",
    ),
    Row(
        "A21",
        "A cancel that is never acknowledged ends the call.",
        CANCELS + "test_a_cancel_that_nobody_acknowledges_silences_all_the_same_and_ends_nothing",
    ),
    Row(
        "A22",
        "A cancel of speech cancels tools too; a late end clears what is played now.",
        CANCELS + "test_silence_waits_neither_for_a_tool_nor_for_a_model_that_does_not_read",
        CANCELS + "test_a_late_end_of_the_last_answer_leaves_the_next_one_as_it_is",
    ),
    Row(
        "A23",
        "Silence waits behind slow work or a full queue.",
        CANCELS + "test_silence_waits_neither_for_a_tool_nor_for_a_model_that_does_not_read",
    ),
    Row(
        "A24",
        "A task swallows its own cancellation and outlives the call.",
        "tests/call/test_cancellations.py::test_a_cancellation_at_every_step_of_the_scheduler",
        "tests/call/test_cancellations.py::test_a_cancellation_at_every_operation_of_a_stream",
    ),
    Row(
        "A25",
        "Somebody waits for the end of an answer that was interrupted before it was heard.",
        CANCELS + "test_an_answer_interrupted_before_its_first_audio_ends_and_blocks_nothing",
    ),
    Row(
        "A26",
        "The state changes between a check and its use.",
        Impossible("one task decides, and its code never waits between a check and its use"),
        "tests/test_architecture.py::test_only_some_parts_know_trio",
    ),
    Row(
        "A27",
        "A flag of an old interruption eats the next answer.",
        CANCELS + "test_after_an_interruption_the_next_answer_is_heard_to_its_end_and_no_more",
    ),
    Row(
        "A28",
        "The gate opens before the carrier is cleared, and the old answer goes on.",
        CANCELS + "test_after_an_interruption_the_next_answer_is_heard_to_its_end_and_no_more",
    ),
    Row(
        "A30",
        "The caller goes on after a turn was ended too early; the next answer is silent.",
        CANCELS + "test_a_caller_who_goes_on_before_the_answer_is_heard_gets_the_next_answer",
    ),
    Row(
        "A31",
        "Several agents in a row hand over while the caller speaks, and nobody listens.",
        Impossible("one agent attends a call to its end: there is no handing over between agents"),
        "tests/races/test_f_marks.py::"
        "test_tools_that_all_take_the_floor_at_once_leave_one_voice_and_an_ear",
    ),
    Row(
        "A32",
        "Noise interrupts every answer before it is heard, and at last nobody speaks.",
        CANCELS + "test_noise_that_cancels_answers_before_they_are_heard_silences_nobody_for_ever",
    ),
)
