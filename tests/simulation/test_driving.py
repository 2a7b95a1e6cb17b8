from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.promises import BrokenInvariant
from trio_media.simulation.driving import CoreCall


def test_time_passes_from_one_deadline_to_the_next() -> None:
    call = CoreCall()
    call.answers(3_000)
    call.passes(10_000)
    assert call.now_ms == 10_000
    assert call.all(cm.ItemHeard) == [cm.ItemHeard(1, "R1.1", 3_000, 3_000)]
    assert [at_ms for at_ms, c in call.log if isinstance(c, cm.ItemHeard)] == [3_000]


def test_a_stalled_stream_takes_nothing() -> None:
    call = CoreCall(is_stalled=True)
    call.answers(1_000)
    call.passes(2_000)
    assert call.core.state.book.responses[0].heard_ms == 0
    call.is_stalled = False
    call.does(ev.TimePassed())
    call.passes(1_000)
    assert call.core.state.book.responses[0].heard_ms == 1_000


def test_a_carrier_without_marks_is_believed_by_time_alone() -> None:
    call = CoreCall(has_marks=False)
    call.answers(1_000)
    call.passes(5_000)
    assert call.all(cm.ItemHeard) == [cm.ItemHeard(1, "R1.1", 1_000, 1_000)]


def test_every_step_is_checked() -> None:
    call = CoreCall()
    call.answers(1_000)
    call.invariants.ledger.items["R1.1"].heard_ms = 7
    with pytest.raises(BrokenInvariant):
        call.passes(1_000)


def test_what_was_ordered_can_be_asked() -> None:
    call = CoreCall()
    call.begins_to_answer()
    request = call.interrupts()
    assert call.count(cm.CancelResponse) == 1
    assert call.outcome(request) is None
    call.ends("R1", ev.Ended.CANCELLED)
    assert call.outcome(request) is cm.Outcome.CANCELLED


def test_what_became_of_what_was_asked_for_can_be_asked() -> None:
    call = CoreCall()
    words, clip, keys = call.asks(), call.plays_clip(200), call.wants_keys(1)
    assert (call.said(words), call.said(clip), call.keys(keys)) == (None, None, None)
    call.refuses(ev.Refusal.OTHER, 1)
    assert call.said(words) is cm.SpeechOutcome.FAILED
    call.presses("5")
    assert call.keys(keys) == ("5", cm.DigitsOutcome.COMPLETE)
    call.holds()
    ending = call.is_to_end(words=True, leaves=True)
    call.says()
    call.does(ev.TurnTranscribed("T1", ev.Verdict.WORDS))
    assert call.ending(ending) is cm.EndingOutcome.REVOKED
