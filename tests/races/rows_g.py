"""Part 1 G, endings, transfers and keys: what becomes of each case."""

from __future__ import annotations

from .rows import Row

ENDINGS = "tests/races/test_g_endings.py::"
GOODBYES = "tests/races/test_g_goodbyes.py::"
TRANSFERS = "tests/races/test_g_transfers.py::"
CARRIER = "tests/races/test_g_carrier.py::"
END_CALL = "tests/races/test_sweeps_6_end_call.py::"
SWEEP = "tests/races/test_sweeps_6_endings.py::"

ROWS = (
    Row(
        "G115",
        "The call is hung up when the goodbye is generated, not when it is heard.",
        GOODBYES + "test_a_call_ends_when_its_goodbye_was_heard_and_not_when_it_was_generated",
        END_CALL + "test_a_goodbye_ends_the_call_whatever_else_happens_at_any_offset",
    ),
    Row(
        "G116",
        "The caller speaks into the goodbye, which is then said for ever.",
        GOODBYES + "test_a_caller_keeps_the_call_by_speaking_into_the_goodbye_but_not_for_ever",
        END_CALL + "test_a_caller_who_speaks_at_any_offset_keeps_the_call_or_does_not",
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
        GOODBYES + "test_a_goodbye_waits_for_a_result_and_what_is_said_of_it_but_not_for_ever",
    ),
    Row(
        "G120",
        "The media stream ends, and the caller stays on a silent line.",
        "tests/server/test_serving.py::test_the_webhook_connects_the_call_to_us",
        TRANSFERS + "test_a_call_that_we_end_is_ended_at_the_carrier_too",
        TRANSFERS + "test_a_caller_whose_model_is_lost_is_not_left_in_silence",
        CARRIER + "test_a_call_that_the_agent_ends_is_over_at_the_carrier_and_it_is_told_once",
        "tests/testing/carrier/test_stand_in.py::"
        "test_when_the_server_closes_the_stream_the_verbs_after_it_are_done",
    ),
    Row(
        "G121",
        "The carrier is told twice to hang up.",
        TRANSFERS + "test_however_many_end_a_call_the_carrier_is_told_once",
        CARRIER + "test_a_call_that_the_agent_ends_is_over_at_the_carrier_and_it_is_told_once",
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
        TRANSFERS + "test_whoever_was_called_is_never_left_alone_when_the_call_ends",
        CARRIER + "test_nobody_is_left_on_the_line_when_a_caller_hangs_up_in_a_warm_transfer",
    ),
    Row(
        "G126",
        "Keys that we send replace the media stream.",
        TRANSFERS + "test_keys_that_we_send_are_heard_in_the_media_stream_and_nothing_replaces_it",
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
        CARRIER + "test_a_server_that_drains_places_no_call_in_whatever_way",
        "tests/server/test_dialing.py::test_a_draining_server_dials_nobody",
    ),
)
