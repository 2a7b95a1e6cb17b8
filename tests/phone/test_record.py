"""What is measured from a record."""

from __future__ import annotations

import pytest

from trio_media.phone.record import CallEnd, CallRecord, Onset
from trio_media.phone.wire import new_identity


def test_a_reaction_is_the_first_clear_after_an_onset_over_speech() -> None:
    record = CallRecord(
        identity=new_identity(),
        ended_by=CallEnd.HUNG_UP,
        clears_ms=(90.0, 180.0, 400.0),
        onsets=(Onset(100, True), Onset(200, False), Onset(300, True), Onset(500, True)),
    )
    assert record.reactions_ms() == [80.0, 100.0, None]


def test_a_clear_long_after_belongs_to_something_else() -> None:
    record = CallRecord(
        identity=new_identity(),
        ended_by=CallEnd.HUNG_UP,
        clears_ms=(6_000.0,),
        onsets=(Onset(100, True),),
    )
    assert record.reactions_ms() == [None]


@pytest.mark.parametrize(
    ("ended_by", "violations", "has_failed"),
    [
        (CallEnd.HUNG_UP, (), False),
        (CallEnd.VANISHED, (), False),
        (CallEnd.FAR_END_CLOSED, (), False),
        (CallEnd.HUNG_UP, ("bad",), True),
        (CallEnd.LOST, (), True),
        (CallEnd.REFUSED, (), True),
        (CallEnd.STALLED, (), True),
        (CallEnd.UNREACHABLE, (), True),
    ],
)
def test_a_call_fails_by_its_end_or_by_what_the_server_sent(
    ended_by: CallEnd, violations: tuple[str, ...], has_failed: bool
) -> None:
    record = CallRecord(identity=new_identity(), ended_by=ended_by, violations=violations)
    assert record.has_failed is has_failed
