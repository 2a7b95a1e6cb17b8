"""Part 1 I: what becomes of each case of reconnects and limits of sessions."""

from __future__ import annotations

from .rows import Row

HERE = "tests/races/test_i_reconnects.py::"
KEEPING = "tests/call/test_keeping.py::"
LOST = "tests/call/test_lost_sessions.py::"
NETWORKS = "tests/races/test_sweeps_7_networks.py::"

ROWS = (
    Row(
        "I136",
        "A session reaches its longest duration, and the call is lost.",
        HERE + "test_a_session_is_renewed_at_a_quiet_moment_before_its_limit",
        KEEPING + "test_a_call_of_three_hours_renews_its_session_unnoticed",
        KEEPING + "test_an_expired_session_is_made_anew",
        "tests/call/test_session_age.py::"
        "test_an_end_that_is_past_or_near_is_a_clock_that_goes_wrong",
    ),
    Row(
        "I138",
        "A session that comes back brings an answer that was interrupted.",
        HERE + "test_an_answer_that_was_interrupted_does_not_come_back",
        HERE + "test_whoever_waits_for_a_session_that_is_lost_is_released",
        "tests/core/test_away.py::test_a_doomed_create_does_not_come_back",
        "tests/core/test_any_order.py::test_the_loss_of_the_session_closes_what_it_was_doing",
    ),
    Row(
        "I139",
        "Whoever reads an answer of a lost session waits for ever.",
        HERE + "test_whoever_waits_for_a_session_that_is_lost_is_released",
        LOST + "test_what_a_dropped_session_had_said_is_decided_on_no_more",
        "tests/call/test_owner.py::test_an_interruption_ends_failed_when_the_session_is_lost",
    ),
    Row(
        "I140",
        "A fatal error is answered by connecting again and again.",
        HERE + "test_a_fatal_error_is_answered_by_no_other_try",
        HERE + "test_a_model_that_is_not_there_is_tried_ever_more_slowly_and_not_for_ever",
        KEEPING + "test_pauses_grow_up_to_a_bound_and_are_never_all_the_same",
        LOST + "test_a_service_that_only_ever_lets_us_wait_is_given_up",
    ),
    Row(
        "I141",
        "After a reconnect everything is told twice.",
        HERE + "test_after_three_sessions_everything_is_told_once",
        LOST + "test_two_losses_within_a_second_ask_and_say_nothing_twice",
        LOST + "test_an_item_of_a_former_session_is_not_truncated_in_this_one",
    ),
    Row(
        "I142",
        "After a reconnect the caller is not heard.",
        HERE + "test_the_next_session_hears_the_caller_from_the_gap_on",
        KEEPING + "test_audio_of_the_gap_is_kept_and_sent_in_order",
        LOST + "test_held_answers_stay_held_in_the_next_session",
    ),
    Row(
        "I143",
        "A socket is half open: nothing comes, and what is sent goes nowhere.",
        NETWORKS + "test_a_peer_that_vanishes_at_any_step_is_found_out",
        "tests/call/test_leg.py::test_a_model_that_vanishes_without_a_word_is_found_out",
        HERE + "test_what_is_kept_for_a_model_that_does_not_read_is_bounded",
    ),
    Row(
        "I144",
        "A reader spins when its peer has closed.",
        HERE + "test_a_wire_that_is_closed_is_read_no_more",
        HERE + "test_a_service_that_closes_each_session_politely_at_once_is_given_up",
    ),
)
