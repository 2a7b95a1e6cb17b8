"""What the floor says is done."""

from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.core.acting import act, heed_floor
from trio_media.core.events import Reason
from trio_media.core.floor import Verb

from .driver import Call, active, hushed, kinds


def acted(call: Call, verb: Verb) -> list[type[cm.Command]]:
    act(call.core.state, verb, call.now_ms, Reason.LOCAL_SPEECH)
    return kinds(call.core.state.out)


def test_nothing_is_done_about_nothing(call: Call) -> None:
    active(call)
    assert acted(call, Verb.NOTHING) == []


def test_a_hush_silences(call: Call) -> None:
    active(call)
    assert acted(call, Verb.HUSH) == [cm.ClearCarrier, cm.Hushed]


def test_a_resume_goes_on(call: Call) -> None:
    hushed(call)
    assert acted(call, Verb.RESUME) == [cm.Resumed]


def test_a_take_takes(call: Call) -> None:
    active(call)
    assert cm.Taken in acted(call, Verb.TAKE)


def test_a_take_of_what_is_gone_ends_the_hush_that_silenced_it(call: Call) -> None:
    hushed(call)
    for response in call.core.state.book.live:
        response.is_muted = True
    assert acted(call, Verb.TAKE) == [cm.Resumed]
    assert call.core.state.out == [cm.Resumed(was_false=False)]


def test_a_take_of_nothing_does_nothing(call: Call) -> None:
    assert acted(call, Verb.TAKE) == []


def test_every_deadline_of_the_floor_up_to_now_is_heeded(call: Call) -> None:
    hushed(call)
    call.caller_stops()
    heed_floor(call.core.state, call.now_ms + 10_000)
    assert kinds(call.core.state.out) == [cm.Resumed]
