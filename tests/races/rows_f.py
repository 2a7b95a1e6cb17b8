"""Part 1 F, tools: what becomes of each case."""

from __future__ import annotations

from .rows import Due, Row

TOOLS = "tests/races/test_f_tools.py::"
SWEEP = "tests/races/test_sweeps_5_tools.py::"

ROWS = (
    Row(
        "F107",
        "A result is lost in an interruption, and the tool runs twice.",
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
        Due("agents and tools API"),
    ),
    Row(
        "F112",
        "The model answers without waiting for a result, and invents it.",
        Due("agents and tools API"),
    ),
    Row(
        "F113",
        "Arguments that were cut off are run.",
        TOOLS + "test_arguments_that_are_not_complete_are_never_run",
    ),
    Row(
        "F114",
        "A call that was cancelled, or never returns, has no end.",
        TOOLS + "test_a_tool_that_never_returns_is_given_up_and_says_so_once",
        TOOLS + "test_a_tool_that_interrupts_the_answer_that_called_it_settles_like_any_other",
        "tests/call/test_cancellations.py::test_a_tool_that_runs_is_cancelled_with_the_call",
    ),
)
