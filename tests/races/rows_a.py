"""Part 1 A: what becomes of each case."""

from __future__ import annotations

from .rows import Row

ROWS = (
    Row(
        "A4",
        "An interruption before the id of a created response is known.",
        "tests/races/test_a_cancels.py::"
        "test_an_answer_interrupted_before_its_id_is_cancelled_by_id_and_never_heard",
    ),
)
