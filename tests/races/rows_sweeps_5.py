"""The sweeps S5, S6 and S8: where they are."""

from __future__ import annotations

from .rows import Row

TOOLS = "tests/races/test_sweeps_5_tools.py::"
END_CALL = "tests/races/test_sweeps_6_end_call.py::"
ENDINGS = "tests/races/test_sweeps_6_endings.py::"
NOISE = "tests/races/test_sweeps_8_noise.py::"

ROWS = (
    Row(
        "S5",
        "One to three tools, and an interruption at every gap.",
        TOOLS + "test_every_call_has_one_result_and_every_result_is_answered",
        TOOLS + "test_results_and_a_service_that_interrupts_and_answers_by_itself_do_not_collide",
        TOOLS + "test_all_results_of_an_answer_lead_to_one_create_after_all_of_them",
        "tests/races/test_sweeps_5_marks.py::"
        "test_tools_with_marks_and_an_interruption_at_every_offset",
    ),
    Row(
        "S6",
        "A hang-up while something else happens, in every phase.",
        ENDINGS + "test_a_hang_up_ends_the_call_in_time_whatever_else_happens",
        END_CALL + "test_a_goodbye_ends_the_call_whatever_else_happens_at_any_offset",
        END_CALL + "test_a_caller_who_speaks_at_any_offset_keeps_the_call_or_does_not",
    ),
    Row(
        "S8",
        "A minute of noise, and then a caller who wants an answer.",
        NOISE + "test_after_a_minute_of_noise_the_caller_is_answered",
        NOISE + "test_after_a_minute_of_noise_a_service_that_acts_by_itself_is_heard",
        NOISE + "test_a_minute_of_coughs_costs_a_long_answer_little_and_none_of_its_words",
    ),
)
