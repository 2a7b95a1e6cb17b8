"""What each event does at once: what is particular about single ones.  The rest: `test_machine`."""

from __future__ import annotations

import typing

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core import machine
from trio_media.core.happening import HANDLERS
from trio_media.core.policy import Policy

from .driver import SERVER, Call, active


def test_every_event_has_its_function() -> None:
    assert set(HANDLERS) == set(typing.get_args(ev.Event))
    assert machine.HANDLERS is HANDLERS


def test_what_was_heard_late_was_heard_when_it_was_said(call: Call) -> None:
    active(call)
    call.does(ev.LocalSpeechBegan(at_ms=350))
    assert call.core.state.floor.speech_since_ms == 350


def test_nothing_is_heard_before_it_is_said(call: Call) -> None:
    with pytest.raises(AssertionError, match="heard before it was said"):
        call.does(ev.LocalSpeechBegan(at_ms=1))


def test_a_server_that_acts_is_told_not_to_while_answers_are_held() -> None:
    call = Call(SERVER)
    call.holds()
    assert [f.server_acts for f in call.all(cm.SetTurnFlags)] == [False]
    call.confirms(server_acts=False)
    call.passes(10_000)
    assert call.count(cm.SetTurnFlags) == 1, "it does not get its authority back meanwhile"
    call.holds(is_held=False)
    assert [f.server_acts for f in call.all(cm.SetTurnFlags)] == [False, True]


def test_a_server_that_acts_only_from_then_on_is_told_not_to_as_well() -> None:
    call = Call(SERVER, is_ready=False)
    call.holds()
    assert call.count(cm.SetTurnFlags) == 0
    call.confirms(server_acts=True)
    assert [f.server_acts for f in call.all(cm.SetTurnFlags)] == [False]


def test_a_hold_tells_nothing_to_a_server_that_does_not_act(call: Call) -> None:
    call.holds()
    call.confirms(server_acts=False)
    assert call.count(cm.SetTurnFlags) == 0


def test_what_was_written_a_while_ago_is_heard_in_part_already() -> None:
    core = machine.DecisionCore(Policy())
    core.handle(ev.SessionReady(server_acts=False), 0)
    core.handle(ev.ResponseCreated("R", None), 0)
    core.handle(ev.AudioReceived("R", "I", 400), 0)
    core.handle(ev.CarrierWrote(1, 20), 100)
    assert core.state.playout.high_ms == 80
