"""Part 1 I: what becomes of each case of reconnects and limits of sessions."""

from __future__ import annotations

from .rows import Due, Row

HERE = "tests/races/test_i_reconnects.py::"
RECONNECTS = Due("reconnects and session limits")

ROWS = (
    Row("I136", "A session reaches its longest duration, and the call is lost.", RECONNECTS),
    Row(
        "I138",
        "A session that comes back brings an answer that was interrupted.",
        HERE + "test_whoever_waits_for_a_session_that_is_lost_is_released",
        "tests/core/test_any_order.py::test_the_loss_of_the_session_closes_what_it_was_doing",
        RECONNECTS,
    ),
    Row(
        "I139",
        "Whoever reads an answer of a lost session waits for ever.",
        HERE + "test_whoever_waits_for_a_session_that_is_lost_is_released",
        "tests/call/test_owner.py::test_an_interruption_ends_failed_when_the_session_is_lost",
    ),
    Row("I140", "A fatal error is answered by connecting again and again.", RECONNECTS),
    Row("I141", "After a reconnect everything is told twice.", RECONNECTS),
    Row("I142", "After a reconnect the caller is not heard.", RECONNECTS),
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
