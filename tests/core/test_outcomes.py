"""The names of causes and outcomes: logs hold them, so they do not change."""

from __future__ import annotations

import enum

import pytest

from trio_media.core import commands as cm
from trio_media.core import outcomes

NAMES = [c for c in vars(outcomes).values() if isinstance(c, type) and issubclass(c, enum.Enum)]


@pytest.mark.parametrize("names", [n for n in NAMES if n is not enum.Enum])
def test_a_name_in_a_log_is_the_name_in_the_code(names: type[enum.Enum]) -> None:
    assert all(name.value == name.name.lower() for name in names)
    assert getattr(cm, names.__name__) is names


def test_every_wait_can_end_with_the_call() -> None:
    for names in (cm.Outcome, cm.SpeechOutcome, cm.DigitsOutcome):
        assert "CALL_ENDED" in names.__members__
    assert cm.EndingOutcome.ENDED.value == "ended"
