from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.core.state import State
from trio_media.simulation.driving import CoreCall
from trio_media.simulation.search.cloning import clone
from trio_media.simulation.search.forms import canonical
from trio_media.simulation.search.matters import Frame


def form(call: CoreCall) -> object:
    frame = Frame(call.now_ms, call.core.state.playout.high_ms, is_owed=True, may_hush=True)
    return canonical(call.core.state, frame)


def a_busy_call(at_ms: int = 0) -> CoreCall:
    call = CoreCall()
    call.passes(at_ms)
    call.begins_to_answer(2_000)
    call.passes(500)
    call.server_hears("T1")
    call.asks()
    return call


def test_a_copy_has_the_same_form_and_its_own_records() -> None:
    call = a_busy_call()
    copy = clone(call.core.state)
    before = form(call)
    assert isinstance(copy, State)
    response = copy.book.responses[0]
    assert response is not call.core.state.book.responses[0]
    assert response.items[0].response is response
    assert copy.playout.tracks[0].item is response.items[0]
    assert copy.policy is call.core.state.policy
    copy.playout.sent.clear()
    copy.book.responses[0].calls.add("call")
    copy.turns.turns.clear()
    assert form(call) == before


def test_a_copy_decides_as_its_original_does() -> None:
    call = a_busy_call()
    twin = a_busy_call()
    core = DecisionCore(Policy())
    core.state, core.now_ms = clone(twin.core.state), twin.now_ms
    twin.core = core
    for each in (call, twin):
        each.caller_interrupts()
        each.passes(40_000)
    assert call.log == twin.log


def test_the_same_things_at_another_time_have_the_same_form() -> None:
    assert form(a_busy_call(20_000)) == form(a_busy_call(31_000))


@pytest.mark.parametrize(
    "change",
    [
        lambda call: call.caller_begins(),
        lambda call: call.interrupts(),
        lambda call: call.passes(200),
        lambda call: call.speaks(200),
        lambda call: call.ends(),
        lambda call: call.commits("T1"),
        lambda call: call.asks(),
    ],
)
def test_what_matters_changes_the_form(change: Callable[[CoreCall], object]) -> None:
    call = a_busy_call()
    before = form(call)
    change(call)
    assert form(call) != before


def test_what_is_long_over_does_not_change_the_form() -> None:
    def a_quiet_call(answers: int) -> CoreCall:
        call = CoreCall()
        for number in range(answers):
            call.answers(200 + 200 * number, f"R{number}")
            call.passes(60_000)
        call.core.state.book.responses.clear()
        call.core.state.book.live.clear()
        return call

    assert form(a_quiet_call(1)) == form(a_quiet_call(3))


def test_the_end_of_a_long_wait_changes_the_form_when_it_is_near() -> None:
    call = CoreCall()
    call.asks()
    call.opens()
    call.passes(10_000)
    far = form(call)
    call.passes(5_000)
    assert form(call) == far
    call.passes(12_000)
    assert form(call) != far
