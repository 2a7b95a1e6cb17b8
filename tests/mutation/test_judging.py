"""Judging: the likely killers come first."""

from __future__ import annotations

import judging
import pytest


def test_a_modules_own_tests_come_first_and_then_the_quickest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needed_s = {
        "tests/core/test_turns.py::quick": 0.1,
        "tests/core/test_my_turns.py::quick": 0.0,
        "tests/core/test_floor.py::quick": 0.2,
        "tests/core/test_turns.py::slow": 2.0,
    }
    monkeypatch.setattr(judging, "_needed_s", needed_s)
    assert sorted(needed_s, key=lambda nodeid: judging.order(nodeid, "turns")) == [
        "tests/core/test_turns.py::quick",
        "tests/core/test_turns.py::slow",
        "tests/core/test_my_turns.py::quick",
        "tests/core/test_floor.py::quick",
    ]
