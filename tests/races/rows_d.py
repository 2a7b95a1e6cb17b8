"""Part 1 D, creates: what becomes of each case."""

from __future__ import annotations

from .rows import Row

CREATES = "tests/races/test_d_creates.py::"
TOOLS = "tests/races/test_sweeps_5_tools.py::"

ROWS = (
    Row(
        "D77",
        "A create follows its cancel before the cancelled response is over.",
        CREATES
        + "test_what_is_asked_for_after_a_cancel_goes_out_when_the_cancelled_answer_is_over",
        CREATES + "test_a_turn_after_a_cancel_is_answered_though_the_end_is_never_told",
    ),
    Row(
        "D78",
        "What is asked for after an interruption is lost.",
        CREATES
        + "test_what_is_asked_for_after_a_cancel_goes_out_when_the_cancelled_answer_is_over",
    ),
    Row(
        "D80",
        "Two lines are asked for at once.",
        "tests/races/test_c_stale_audio.py::"
        "test_two_lines_asked_for_at_once_are_said_one_after_the_other",
        "tests/call/test_control.py::test_several_requests_are_said_in_order_one_after_the_other",
    ),
    Row(
        "D81",
        "Each of several tools sends a create of its own.",
        TOOLS + "test_all_results_of_an_answer_lead_to_one_create_after_all_of_them",
        TOOLS + "test_every_call_has_one_result_and_every_result_is_answered",
    ),
    Row(
        "D82",
        "A create that meets an open response is an error, and is lost.",
        CREATES + "test_a_create_that_another_answer_blocks_goes_out_again_with_its_words",
        CREATES + "test_a_turn_after_a_cancel_is_answered_though_the_end_is_never_told",
    ),
    Row(
        "D83",
        "Nobody is told that a create was rejected.",
        CREATES + "test_whoever_waits_for_a_create_that_is_rejected_is_told_at_once",
        CREATES + "test_a_turn_whose_create_is_rejected_is_answered_soon_all_the_same",
    ),
    Row(
        "D84",
        "A create overtakes the change of the session that it needs.",
        CREATES + "test_speech_that_needs_another_session_waits_until_that_is_confirmed",
        "tests/races/test_f_marks.py::"
        "test_what_is_said_of_a_result_waits_for_the_session_that_it_needs",
    ),
    Row(
        "D85",
        "An end that is malformed or never comes blocks every other answer.",
        CREATES + "test_an_end_that_names_nothing_frees_the_way_for_the_next_answer",
        CREATES + "test_an_answer_that_never_ends_is_given_up_and_the_next_one_goes_out",
    ),
    Row(
        "D87",
        "The call of an unknown tool gets no output, or an answer that nobody wants.",
        "tests/call/test_tools.py::test_an_unknown_tool_is_answered_with_what_is_wrong",
    ),
    Row(
        "D88",
        "A line that is asked for before the session is ready is lost.",
        CREATES + "test_what_is_asked_for_before_the_session_is_ready_is_said_in_order_after_it",
    ),
    Row(
        "D89",
        "An answer is asked for while another is heard.",
        CREATES + "test_what_is_asked_for_over_protected_speech_waits_until_that_was_heard",
        "tests/races/test_c_stale_audio.py::"
        "test_two_lines_asked_for_at_once_are_said_one_after_the_other",
    ),
    Row(
        "D90",
        "An answer that comes after its create was given up is played.",
        CREATES + "test_an_answer_that_appears_after_its_create_was_given_up_is_never_heard",
    ),
)
