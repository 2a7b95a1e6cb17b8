"""Part 1 G, endings, transfers and keys: what becomes of each case."""

from __future__ import annotations

from .rows import Due, Row

ENDINGS = "tests/races/test_g_endings.py::"
SWEEP = "tests/races/test_sweeps_6_endings.py::"

ROWS = (
    Row(
        "G115",
        "The call is hung up when the goodbye is generated, not when it is heard.",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G116",
        "The caller speaks into the goodbye, which is then said for ever.",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G117",
        "Whoever ends the call is ended by it before it has.",
        ENDINGS + "test_a_tool_that_hangs_up_ends_the_call_in_good_order",
        ENDINGS + "test_whoever_hangs_up_and_is_cancelled_for_it_has_hung_up",
    ),
    Row(
        "G118",
        "Something that holds the model back holds up the end too.",
        ENDINGS + "test_hanging_up_waits_for_nothing_that_holds_the_model_back",
    ),
    Row(
        "G119",
        "The goodbye overtakes a result that is still awaited.",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G120",
        "The media stream ends, and the caller stays on a silent line.",
        "tests/server/test_serving.py::test_the_webhook_connects_the_call_to_us",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G121",
        "The carrier is told twice to hang up.",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G122",
        "Something is written after the end.",
        ENDINGS + "test_nothing_is_said_on_either_wire_once_the_end_is_decided",
        "tests/call/test_run.py::test_nothing_is_written_after_the_goodbye",
    ),
    Row(
        "G123",
        "An interruption throws the end away.",
        ENDINGS + "test_speech_that_meets_a_hang_up_neither_stops_nor_repeats_it",
        SWEEP + "test_a_hang_up_ends_the_call_in_time_whatever_else_happens",
    ),
    Row(
        "G124",
        "The end overtakes what is being written.",
        "tests/call/test_run.py::test_the_write_in_progress_is_finished_before_the_goodbye",
        "tests/call/test_run.py::test_a_forced_end_drops_both_legs_at_once",
    ),
    Row(
        "G125",
        "The caller hangs up during a transfer, and the other leg stays.",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G126",
        "Keys that we send replace the media stream.",
        Due("calls' endings, transfer, outbound"),
    ),
    Row(
        "G127",
        "A key interrupts and is lost.",
        ENDINGS + "test_keys_that_interrupt_are_told_each_once_and_in_order",
        ENDINGS + "test_keys_over_protected_speech_are_told_though_they_interrupt_nothing",
    ),
    Row(
        "G128",
        "A server that takes no more calls still makes some.",
        Due("calls' endings, transfer, outbound"),
    ),
)
