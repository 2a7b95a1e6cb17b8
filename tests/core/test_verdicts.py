"""The names that events use: logs hold them, so they do not change."""

from __future__ import annotations

import enum

import pytest

from trio_media.core import events as ev


@pytest.mark.parametrize("names", [ev.Ended, ev.Verdict, ev.Refusal])
def test_a_name_in_a_log_is_the_name_in_the_code(names: type[enum.Enum]) -> None:
    assert all(name.value == name.name.lower() for name in names)
