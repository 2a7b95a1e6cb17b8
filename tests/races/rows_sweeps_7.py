"""The sweeps of bad networks and of churn."""

from __future__ import annotations

from .rows import Row

NETWORKS = "tests/races/test_sweeps_7_networks.py::"

ROWS = (
    Row(
        "S7",
        "A bad network on either side, at every step of a call.",
        NETWORKS + "test_a_wire_that_ends_at_any_step_ends_the_call_in_time",
        NETWORKS + "test_a_peer_that_vanishes_at_any_step_is_found_out",
        NETWORKS + "test_a_peer_that_reads_no_more_at_any_step_is_found_out",
        NETWORKS + "test_a_peer_that_reads_late_at_any_step_keeps_its_call",
    ),
    Row(
        "S9",
        "Thousands of calls that end at any moment, and what is left of them.",
        "tests/races/test_sweeps_9_churn.py::test_nothing_is_left_of_any_number_of_calls",
    ),
)
