"""Part 1 J: what becomes of each case of leaks, load and shutdown."""

from __future__ import annotations

from .rows import Row

HERE = "tests/races/test_j_leaks.py::"
RUN = "tests/call/test_run.py::"
CHURN = "tests/races/test_sweeps_9_churn.py::test_nothing_is_left_of_any_number_of_calls"
LEAVES = HERE + "test_a_caller_who_leaves_while_the_model_speaks_leaves_nothing_running"

ROWS = (
    Row("J146", "The caller leaves while the model speaks, and the call never ends.", LEAVES),
    Row(
        "J147",
        "A carrier that closed its half holds up the end.",
        LEAVES,
        RUN + "test_both_legs_are_closed_within_a_second_though_a_peer_does_not_read",
    ),
    Row(
        "J148",
        "A signal in the middle of a call hangs the process.",
        "tests/call/test_cancellations.py::test_a_cancellation_at_every_step_of_the_scheduler",
        "tests/server/test_process.py::test_a_second_signal_ends_a_live_call_at_once",
    ),
    Row("J149", "The model's socket outlives the call.", LEAVES),
    Row(
        "J150",
        "A second call breaks the first.",
        HERE + "test_two_calls_at_once_know_nothing_of_each_other",
    ),
    Row("J151", "Tasks of a call are not cancelled at its end.", CHURN),
    Row(
        "J152", "Memory grows with every call.", CHURN, RUN + "test_two_hundred_calls_leave_nothing"
    ),
    Row(
        "J153",
        "Memory grows with every interruption.",
        HERE + "test_many_interruptions_of_long_answers_keep_nothing",
        "tests/call/test_desk.py::test_nothing_piles_up_over_many_interruptions",
    ),
    Row(
        "J154",
        "A recording is held in memory.",
        "tests/recording/test_wav_writer.py::test_hours_of_a_call_take_no_more_memory_than_minutes",
    ),
    Row(
        "J155",
        "A loop spins after the end, or while nothing happens.",
        HERE + "test_a_call_in_which_nothing_happens_hardly_runs",
        "tests/races/test_i_reconnects.py::test_a_wire_that_is_closed_is_read_no_more",
    ),
    Row(
        "J156",
        "One call more makes all of them stutter.",
        "tests/server/test_admission.py::test_a_late_process_takes_no_call_but_one_alone",
        "tests/server/test_lateness.py::"
        "test_a_loop_that_is_hardly_ever_idle_is_late_before_its_timers_are",
        "tests/server/test_lateness.py::test_the_loop_is_sampled_ten_times_a_second",
        "tests/server/test_serving.py::"
        "test_a_call_over_the_limit_gets_503_and_says_when_to_come_back",
    ),
    Row(
        "J157",
        "A slot is lost when a call is cancelled; two calls take the last one.",
        CHURN,
        "tests/server/test_admission.py::test_the_limit_is_exact_and_a_slot_comes_back",
    ),
    Row(
        "J159",
        "A peer that reads slowly makes memory grow.",
        HERE + "test_a_carrier_that_reads_slowly_costs_little_memory_and_then_the_call",
        "tests/call/test_outboxes.py::"
        "test_a_carrier_that_does_not_read_is_found_dead_and_holds_little",
        "tests/call/test_inbound.py::"
        "test_the_oldest_audio_is_dropped_and_counted_while_the_model_does_not_read",
    ),
    Row(
        "J160",
        "Whoever waits for something of a call is not woken by its end.",
        HERE + "test_whoever_waits_is_woken_by_any_end",
        "tests/call/test_control.py::test_an_interruption_that_finds_no_room_ends_with_the_call",
    ),
    Row(
        "J161",
        "Every session leaves a thread.",
        CHURN,
        "tests/recording/test_disk.py::test_files_take_no_threads_from_others",
        "tests/races/test_p2_agents.py::test_tools_that_run_in_threads_leave_none_behind",
    ),
    Row(
        "J162",
        "A shutdown drops the calls that live.",
        "tests/server/test_serving.py::test_a_drain_takes_no_call_keeps_those_it_has_and_answers",
        "tests/server/test_draining.py::test_a_second_signal_ends_the_wait",
        "tests/wire/test_processes.py::test_a_signal_lets_a_live_call_finish_and_no_other_begin",
    ),
    Row(
        "J163",
        "The end waits for somebody who was interrupted, or cannot come twice.",
        HERE + "test_whoever_waits_is_woken_by_any_end",
        "tests/call/test_watch.py::test_a_goodbye_is_bounded_also_when_it_is_cancelled",
    ),
    Row(
        "J164",
        "A mark does not come back, and everything waits for it.",
        HERE + "test_marks_that_never_come_back_hold_up_nothing",
        "tests/call/test_owner.py::"
        "test_a_carrier_that_loses_marks_is_believed_less_but_the_call_goes_on",
    ),
)
