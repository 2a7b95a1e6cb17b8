"""The end of a call: nothing is open, nobody waits.  How endings get there: `test_leaving`."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import SpeechOutcome
from trio_media.core.units import ENDING_SILENT_MS

from .driver import Call, active, hushed, over_audible

ENDS = (ev.HangUpRequested(), ev.CallEnded())


@pytest.mark.parametrize("end", ENDS)
def test_whoever_waits_for_words_keys_or_an_end_has_an_outcome(call: Call, end: ev.Event) -> None:
    active(call)
    words = [call.request, call.asks(), call.plays_clip(400), call.is_to_end(words=True) + 1]
    keys = call.wants_keys()
    call.does(end)
    assert None not in [call.said(request) for request in words]
    assert call.keys(keys) is not None
    assert not call.core.state.book.open()


def test_what_was_heard_to_its_end_is_said_before_the_call_ends(call: Call) -> None:
    """Its bytes are kept for a resume until then."""
    call.answers(400)
    call.is_to_end()
    call.passes(400)
    assert call.heard() == {"R1.1": 400}
    assert call.all(cm.EndCall) == [cm.EndCall("done")]


def test_what_is_still_audible_when_the_caller_hangs_up_is_not_said_to_be_heard(call: Call) -> None:
    over_audible(call)
    call.does(ev.CallEnded())
    assert call.heard() == {}
    assert call.said(1) is SpeechOutcome.CALL_ENDED


def test_words_that_were_heard_are_not_said_to_be_cut_off_by_the_end(call: Call) -> None:
    request = call.is_to_end(words=True)
    call.opens()
    call.speaks(400)
    call.ends()
    call.passes(400)
    assert call.said(request + 1) is SpeechOutcome.HEARD


def test_words_that_were_all_but_heard_are_heard_when_we_hang_up(call: Call) -> None:
    call.answers(400)
    call.passes(300)
    call.does(ev.HangUpRequested())
    assert call.said(1) is SpeechOutcome.HEARD


def test_words_that_are_cut_off_because_the_wait_is_over_ended_with_the_call(call: Call) -> None:
    request = call.asks()
    call.opens()
    call.is_to_end()
    call.passes(ENDING_SILENT_MS)
    assert call.said(request) is SpeechOutcome.CALL_ENDED


def test_a_call_without_a_session_ends_when_all_of_it_was_heard(call: Call) -> None:
    hushed(call)
    call.model_is_lost()
    call.passes(300)
    assert call.all(cm.EndCall) == []
    call.passes(10_000)
    assert call.all(cm.EndCall) == [cm.EndCall("model_lost")]


def test_an_answer_that_waits_when_the_call_ends_is_nobodys_request(call: Call) -> None:
    active(call)
    call.says()
    call.transcribed(ev.Verdict.WORDS)
    assert call.core.state.creates.queue
    call.does(ev.CallEnded())
    assert [e.request for e in call.all(cm.SpeechEnded)] == [1]
