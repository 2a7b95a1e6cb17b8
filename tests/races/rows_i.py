"""Part 1 I: what becomes of each case of reconnects and limits of sessions."""

from __future__ import annotations

from .rows import Row

HERE = "tests/races/test_i_reconnects.py::"
KEEPING = "tests/call/test_keeping.py::"
OBSERVER = "tests/simulation/calls/test_observer.py::"

ROWS = (
    Row(
        "I136",
        "A session reaches its longest duration, and the call is lost.",
        KEEPING + "test_an_expired_session_is_made_anew",
        KEEPING + "test_a_call_of_three_hours_renews_its_session_unnoticed",
        OBSERVER + "test_a_call_whose_sessions_are_short_is_one_call",
    ),
    Row(
        "I138",
        "A session that comes back brings an answer that was interrupted.",
        HERE + "test_whoever_waits_for_a_session_that_is_lost_is_released",
        "tests/core/test_any_order.py::test_the_loss_of_the_session_closes_what_it_was_doing",
        KEEPING + "test_a_cancelled_answer_does_not_come_back",
    ),
    Row(
        "I139",
        "Whoever reads an answer of a lost session waits for ever.",
        HERE + "test_whoever_waits_for_a_session_that_is_lost_is_released",
        "tests/call/test_owner.py::test_an_interruption_ends_failed_when_the_session_is_lost",
    ),
    Row(
        "I140",
        "A fatal error is answered by connecting again and again.",
        KEEPING + "test_what_is_refused_for_good_is_not_tried_again",
    ),
    Row(
        "I141",
        "After a reconnect everything is told twice.",
        KEEPING + "test_the_next_session_is_told_the_conversation_as_it_was_heard",
    ),
    Row(
        "I142",
        "After a reconnect the caller is not heard.",
        KEEPING + "test_audio_of_the_gap_is_kept_and_sent_in_order",
    ),
    Row(
        "I143",
        "A socket is half open: nothing comes, and what is sent goes nowhere.",
        "tests/races/test_sweeps_7_networks.py::test_a_peer_that_vanishes_at_any_step_is_found_out",
        "tests/call/test_leg.py::test_a_model_that_vanishes_without_a_word_is_found_out",
        HERE + "test_what_is_kept_for_a_model_that_does_not_read_is_bounded",
    ),
    Row(
        "I144",
        "A reader spins when its peer has closed.",
        HERE + "test_a_wire_that_is_closed_is_read_no_more",
    ),
)
