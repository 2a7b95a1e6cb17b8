"""Part 1 F, tools: what becomes of each case."""

from __future__ import annotations

from .rows import Row

TOOLS = "tests/races/test_f_tools.py::"
MARKS = "tests/races/test_f_marks.py::"
SWEEP = "tests/races/test_sweeps_5_tools.py::"

ROWS = (
    Row(
        "F107",
        "A result is lost in an interruption, and the tool runs twice.",
        MARKS + "test_a_model_that_calls_again_because_it_was_interrupted_books_once",
        TOOLS + "test_a_result_reaches_the_model_once_whoever_interrupts",
        TOOLS + "test_a_call_that_the_model_repeats_in_its_answer_is_made_once",
    ),
    Row(
        "F108",
        "A call without an output blocks the session.",
        TOOLS + "test_a_call_that_crosses_its_cancel_is_not_made_and_has_its_one_output",
        SWEEP + "test_every_call_has_one_result_and_every_result_is_answered",
    ),
    Row(
        "F109",
        "A result that waits for the end of speech is cleared with it.",
        TOOLS + "test_a_result_reaches_the_model_once_whoever_interrupts",
    ),
    Row(
        "F110",
        "A flush takes results with it.",
        TOOLS + "test_a_result_reaches_the_model_once_whoever_interrupts",
    ),
    Row(
        "F111",
        "A long tool holds up the ear, the silence or the next answer.",
        TOOLS + "test_a_long_tool_slows_down_neither_the_ear_nor_the_silence",
        MARKS + "test_a_long_tool_is_spoken_of_and_who_interrupts_that_is_heard_as_fast_as_ever",
        MARKS + "test_a_filler_and_a_result_are_never_both_in_the_air",
    ),
    Row(
        "F112",
        "The model answers without waiting for a result, and invents it.",
        MARKS + "test_an_answer_waits_for_the_result_where_the_tool_asks_for_it",
        MARKS + "test_an_answer_that_is_held_by_a_tool_that_never_returns_comes_at_last",
    ),
    Row(
        "F113",
        "Arguments that were cut off are run.",
        TOOLS + "test_arguments_that_are_not_complete_are_never_run",
    ),
    Row(
        "F114",
        "A call that was cancelled, or never returns, has no end.",
        MARKS + "test_a_tool_that_gives_way_has_its_one_output_at_once_and_no_late_result",
        TOOLS + "test_a_tool_that_never_returns_is_given_up_and_says_so_once",
        TOOLS + "test_a_tool_that_interrupts_the_answer_that_called_it_settles_like_any_other",
        "tests/call/test_cancellations.py::test_a_tool_that_runs_is_cancelled_with_the_call",
    ),
)
