"""The sweeps S1 to S4: where they are."""

from __future__ import annotations

from .rows import Row

OWNERSHIP = "tests/races/test_sweeps_4_ownership.py::"
PERMUTATIONS = "tests/races/test_sweeps_3_permutations.py::"
TWO_ITEMS = "tests/races/test_sweeps_2_two_items.py::"
PHASES = "tests/races/test_sweeps_1_phases.py::"

ROWS = (
    Row(
        "S1",
        "An interruption at every 10 ms of every phase.",
        PHASES + "test_an_application_interrupts_at_every_moment",
        PHASES + "test_a_key_interrupts_at_every_moment",
        PHASES + "test_speech_that_the_server_hears_interrupts_at_every_moment",
        PHASES + "test_speech_that_we_hear_hushes_and_interrupts_at_every_moment",
    ),
    Row(
        "S2",
        "An answer of two items, a storm of echoes, a second interruption.",
        TWO_ITEMS + "test_a_second_interruption_after_the_storm_of_echoes_tells_the_truth_again",
        TWO_ITEMS + "test_each_item_is_told_for_itself_wherever_the_caller_interrupts",
    ),
    Row(
        "S3",
        "The end, the refusal, late audio and the next answer in every order.",
        PERMUTATIONS + "test_no_order_of_late_events_touches_the_next_answer",
        PERMUTATIONS + "test_an_item_that_is_late_too_changes_nothing_in_any_order",
        PERMUTATIONS + "test_in_no_order_a_create_of_ours_goes_out_before_the_first_answer_is_over",
    ),
    Row(
        "S4",
        "Who cancels and who creates: every authority, reason and phase.",
        OWNERSHIP + "test_one_party_cancels_and_one_creates",
        OWNERSHIP + "test_a_session_that_gives_the_rights_to_another_is_refused_at_the_start",
        OWNERSHIP + "test_a_session_that_divides_the_rights_later_is_refused_too",
    ),
)
