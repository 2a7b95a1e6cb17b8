"""Part 1 C, stale audio: what becomes of each case."""

from __future__ import annotations

from .rows import Row

STALE = "tests/races/test_c_stale_audio.py::"

ROWS = (
    Row(
        "C60",
        "Generation is over, so what the caller still hears is not cleared.",
        STALE + "test_what_was_generated_long_ago_and_is_still_heard_is_cleared_without_a_cancel",
    ),
    Row(
        "C61",
        "A clear waits for a response to be active.",
        STALE + "test_what_was_generated_long_ago_and_is_still_heard_is_cleared_without_a_cancel",
    ),
    Row(
        "C62",
        "An interruption does not reach the carrier.",
        STALE + "test_every_interruption_clears_once_and_what_waited_is_not_said_later",
    ),
    Row(
        "C63",
        "Audio that was on its way when the cancel went out is played.",
        STALE + "test_what_comes_of_an_answer_after_its_cancel_is_neither_heard_nor_recorded",
    ),
    Row(
        "C64",
        "An interruption meets audio that is queued and not yet playing.",
        STALE + "test_a_hush_while_the_wire_is_stuck_lets_only_the_write_in_progress_out",
    ),
    Row(
        "C65",
        "Some buffer below has no flush, and nothing limits it.",
        "tests/call/test_outboxes.py::test_the_carrier_never_holds_more_than_the_lead",
    ),
    Row(
        "C66",
        "Observers get audio that the wire never got.",
        STALE + "test_what_comes_of_an_answer_after_its_cancel_is_neither_heard_nor_recorded",
        "tests/call/test_heard.py::test_observers_are_told_what_the_caller_hears_and_only_that",
    ),
    Row(
        "C67",
        "Audio does not say whose it is.",
        STALE + "test_the_late_words_of_one_answer_do_not_mix_with_the_next_and_do_not_mute_it",
        "tests/realtime/test_openai.py::test_audio_that_belongs_nowhere_is_ignored",
    ),
    Row(
        "C68",
        "What waited to be said is said in the next turn.",
        STALE + "test_every_interruption_clears_once_and_what_waited_is_not_said_later",
    ),
    Row(
        "C69",
        "The service interrupts by itself, and nobody here notices.",
        STALE + "test_an_end_that_only_says_that_the_server_heard_the_caller_interrupts",
    ),
    Row(
        "C70",
        "One flag for all mutes the new answer or unmutes the old one.",
        STALE + "test_the_late_words_of_one_answer_do_not_mix_with_the_next_and_do_not_mute_it",
    ),
    Row(
        "C71",
        "A carrier that returns no marks stops the conversation.",
        STALE + "test_a_carrier_that_returns_no_marks_hears_every_answer_to_its_end",
    ),
    Row(
        "C72",
        "Two who speak at once are mixed.",
        STALE + "test_two_lines_asked_for_at_once_are_said_one_after_the_other",
    ),
    Row(
        "C73",
        "A clear waits behind the audio that it should remove.",
        STALE + "test_a_clear_overtakes_all_audio_that_is_not_written",
    ),
    Row(
        "C74",
        "A carrier that takes nothing blocks whoever interrupts.",
        STALE + "test_a_carrier_that_takes_nothing_any_more_holds_up_no_interruption",
    ),
    Row(
        "C75",
        "A pause outlives the speech that it paused.",
        STALE + "test_a_hush_whose_answer_ends_in_it_does_not_outlive_it",
    ),
    Row(
        "C76",
        "Interruptions in quick succession leave something open each.",
        STALE + "test_six_interruptions_before_any_word_leave_nothing_behind",
    ),
)
