"""The observer of a call: it knows every command, and nothing comes after the end."""

from __future__ import annotations

import typing

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import NOTES, BrokenInvariant, Invariants
from trio_media.core.policy import Policy
from trio_media.core.remembering import KNOWN_MAX

from .driver import Call, active


def test_every_command_is_noted_or_promises_nothing() -> None:
    promises_nothing = {cm.ReleaseAudio, cm.EndModelSession, cm.RenewSession, cm.SendText}
    assert set(NOTES) | promises_nothing == set(typing.get_args(cm.Command))
    assert not set(NOTES) & promises_nothing


def test_a_broken_promise_is_an_assertion_that_names_it() -> None:
    invariants = Invariants(Policy())
    with pytest.raises(AssertionError, match=r"^silence: a clear for nothing$"):
        invariants.observe(ev.TimePassed(), [cm.ClearCarrier(2)], 0)


@pytest.mark.parametrize("end", [ev.HangUpRequested(), ev.CallEnded()])
def test_nothing_comes_after_the_end(call: Call, end: ev.Event) -> None:
    active(call)
    call.does(end)
    call.invariants.observe(ev.TimePassed(), [], call.now_ms)
    with pytest.raises(BrokenInvariant, match="end: commands after the end"):
        call.invariants.observe(ev.TimePassed(), [cm.RunTool("call")], call.now_ms)


def test_what_comes_in_after_the_end_is_nobodys_business(call: Call) -> None:
    active(call)
    call.does(ev.CallEnded())
    call.invariants.observe(ev.InterruptRequested(1, ev.Reason.TOOL), [], call.now_ms + 100_000)
    assert call.invariants.ledger.waiting_requests == {}


def test_the_observer_forgets_what_nothing_names_any_more(call: Call) -> None:
    for number in range(200):
        call.answers(20, f"R{number}")
        call.passes(300)
        call.says(f"T{number}")
        call.opens(f"S{number}")
        call.ends(f"S{number}")
    ledger = call.invariants.ledger
    assert len(ledger.responses) == KNOWN_MAX
    assert len(ledger.items) <= KNOWN_MAX
    assert len(ledger.turns) == KNOWN_MAX
    assert len(ledger.flying) == 0


def test_the_observer_remembers_what_is_still_heard(call: Call) -> None:
    call.answers(60_000)
    for number in range(100):
        call.server_opens(f"X{number}")
        call.ends(f"X{number}")
    call.passes(65_000)
    assert call.heard() == {"R1.1": 60_000}


def test_owed_answers_are_counted_anew_when_one_was_heard_to_its_end(call: Call) -> None:
    call.asks()
    call.opens()
    call.does(ev.ItemAdded("R1", "R1.2", is_speech=True))  # it never gets any audio
    call.speaks(400)
    call.does(ev.ItemAudioDone("R1", "R1.1"))
    call.ends()
    call.invariants.ledger.recoveries = 1
    call.passes(1_000)
    assert call.heard() == {"R1.1": 400}
    assert call.invariants.ledger.recoveries == 0
