from __future__ import annotations

import pytest
import trio

from trio_media.errors import CallRefused
from trio_media.server.admission import REFUSALS, Admission
from trio_media.server.lateness import WINDOW, LoopLateness


def late() -> LoopLateness:
    lateness = LoopLateness()
    for _ in range(WINDOW):
        lateness.add(1_000)
    return lateness


def test_the_limit_is_exact_and_a_slot_comes_back() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with admission.slot(), admission.slot():
        assert admission.active == 2
        with pytest.raises(CallRefused, match="full"), admission.slot():
            raise AssertionError("a third call")
        assert admission.active == 2
    assert admission.active == 0
    assert admission.refusal() is None


def test_a_slot_comes_back_from_a_call_that_crashes() -> None:
    admission = Admission(max_calls=1, lateness=LoopLateness())
    with pytest.raises(RuntimeError), admission.slot():
        raise RuntimeError
    assert admission.active == 0


def test_a_late_process_takes_no_call() -> None:
    assert Admission(max_calls=1, lateness=late()).refusal() == "late"


def test_draining_is_the_reason_above_all_others_and_each_has_words() -> None:
    admission = Admission(max_calls=1, lateness=late())
    admission.drain()
    assert admission.refusal() == "draining"
    assert set(REFUSALS) == {"draining", "full", "late"}


async def test_drained_is_when_the_last_call_has_ended_and_not_before() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with trio.fail_after(1):
        with admission.slot():
            admission.drain()
            with trio.move_on_after(0) as scope:
                await admission.wait_drained()
            assert scope.cancelled_caught
        await admission.wait_drained()


async def test_an_idle_server_is_not_drained_until_it_is_told_to() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with admission.slot():
        pass
    with trio.move_on_after(0) as scope:
        await admission.wait_drained()
    assert scope.cancelled_caught
    admission.drain()
    with trio.fail_after(1):
        await admission.wait_drained()


def test_ended_calls_are_counted_whatever_ended_them() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with admission.slot():
        assert admission.ended == 0
    with pytest.raises(ZeroDivisionError), admission.slot():
        raise ZeroDivisionError
    assert admission.ended == 2
