from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.simulation.carrier import LATE_MS, Carrier, Due


def a_carrier(*lengths_ms: int) -> Carrier:
    carrier = Carrier()
    for seq, length_ms in enumerate(lengths_ms, start=1):
        carrier.took(cm.PlayAudio(seq, 1, "I", 0, length_ms))
        carrier.took(cm.SendMark(1, seq))
    return carrier


def test_a_mark_comes_back_when_what_is_before_it_was_played() -> None:
    carrier = a_carrier(200, 300)
    assert carrier.write(1_000) == 2
    assert not carrier.is_write_due
    assert carrier.due(1_199) == []
    assert carrier.due(1_200) == [Due(1, 1, 1_200)]
    assert carrier.due(9_000) == [Due(1, 2, 1_500)]


def test_a_mark_alone_is_no_audio() -> None:
    carrier = Carrier()
    carrier.took(cm.SendMark(1, 1))
    assert carrier.write(50) is None
    assert carrier.due(50) == [Due(1, 1, 50)]


def test_a_clear_throws_everything_away_and_sends_its_marks_back() -> None:
    carrier = a_carrier(200, 200)
    carrier.write(0)
    carrier.took(cm.PlayAudio(3, 1, "I", 0, 200))
    carrier.took(cm.ClearCarrier(2))
    assert not carrier.is_write_due
    assert carrier.due(9_000) == []
    assert [mark.number for mark in carrier.stale] == [1]
    assert carrier.epoch == 2


def test_a_late_mark_is_overtaken_by_none_that_is_later() -> None:
    carrier = a_carrier(200, 200)
    carrier.write(0)
    carrier.delay_first()
    assert [(mark.number, mark.at_ms) for mark in carrier.marks] == [(2, 400), (1, 200 + LATE_MS)]


def test_what_matters_of_it_is_relative_to_now() -> None:
    early, late = a_carrier(200), a_carrier(200)
    early.write(0)
    late.write(5_000)
    assert early.form(100, 1) == late.form(5_100, 1)
    assert early.form(100, 1) != early.form(101, 1)


def test_other_commands_are_none_of_its_business() -> None:
    carrier = Carrier()
    carrier.took(cm.Resumed())
    assert not carrier.is_write_due
