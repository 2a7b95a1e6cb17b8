"""One call: what is wanted of it, and what it becomes."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from trio_media.phone import CallerScript, Wait
from trio_media.testing.carrier import CallScript, EndedBy, Human, Machine
from trio_media.testing.carrier.calls import (
    End,
    Order,
    Replace,
    StandInCall,
    pause,
    unless_interrupted,
)
from trio_media.testing.carrier.changes import Changes
from trio_media.testing.carrier.script import tone


def make(**changes: Any) -> StandInCall:
    return StandInCall(
        **{
            "call_sid": "CA1",
            "account_sid": "AC1",
            "from_": "+15550001111",
            "to": "+15550002222",
            "direction": "outbound-api",
            "order": Order(status_callback="http://h/s", status_events=frozenset({"answered"})),
            "script": CallScript(),
            "changes": Changes(),
            **changes,
        }
    )


async def test_the_newest_wish_counts_and_an_end_is_not_taken_back() -> None:
    call = make()
    assert call.take_update() is None
    call.ask(Replace(url="http://h/1"))
    call.ask(Replace(url="http://h/2"))
    assert call.interrupted.is_set()
    assert call.take_update() == Replace(url="http://h/2")
    assert not call.interrupted.is_set()
    call.hang_up()
    call.ask(Replace(url="http://h/3"))
    assert call.take_update() == End(by=EndedBy.PERSON)


async def test_the_first_end_is_the_end() -> None:
    call = make()
    call.end(EndedBy.BUSY, "busy")
    call.end(EndedBy.REST)
    assert (call.status, call.ended_by) == ("busy", EndedBy.BUSY)
    assert call.is_over


@pytest.mark.parametrize(
    ("by", "status"),
    [
        (EndedBy.PERSON, "canceled"),
        (EndedBy.REST, "canceled"),
        (EndedBy.APPLICATION_ERROR, "failed"),
    ],
)
async def test_a_call_is_completed_only_if_it_was_answered(by: EndedBy, status: str) -> None:
    unanswered, answered = make(), make()
    unanswered.end(by)
    assert unanswered.status == status
    answered.become("in-progress")
    answered.end(by)
    assert answered.status == "completed"


async def test_only_callbacks_that_were_asked_for_are_kept() -> None:
    call = make()
    call.become("ringing")
    assert not call.has_told
    call.become("in-progress")
    (told,) = call.take_told()
    assert (told.event, told.form["SequenceNumber"]) == ("answered", "0")
    assert not call.has_told
    silent = make(order=Order())
    silent.end(EndedBy.BUSY, "busy")
    assert not silent.has_told


async def test_a_pause_ends_with_the_wish_for_something_else(
    autojump_clock: trio.abc.Clock,
) -> None:
    call = make()
    began_at = trio.current_time()
    await pause(call, 2)
    assert trio.current_time() - began_at == 2
    call.hang_up()
    await pause(call, 600)
    assert trio.current_time() - began_at == 2


async def test_what_takes_time_is_left_for_something_else(autojump_clock: trio.abc.Clock) -> None:
    call = make()

    async def ten_seconds() -> str:
        await trio.sleep(10)
        return "done"

    assert await unless_interrupted(call, ten_seconds) == "done"
    async with trio.open_nursery() as nursery:
        began_at = trio.current_time()
        nursery.start_soon(trio.sleep, 1)
        nursery.cancel_scope.deadline = trio.current_time() + 100
        call.hang_up()
        assert await unless_interrupted(call, ten_seconds) is None
        assert trio.current_time() == began_at


async def test_waiting_in_vain_tells_the_call(autojump_clock: trio.abc.Clock) -> None:
    call = make()
    with pytest.raises(trio.TooSlowError, match="CA1"):
        await call.until(lambda call: call.is_over, timeout_s=1)
    with pytest.raises(trio.TooSlowError, match="not within 2 s"):
        await call.wait_over(timeout_s=2)


async def test_each_stream_has_its_part_and_then_there_is_silence() -> None:
    one, two = CallerScript((Wait(1),)), CallerScript((Wait(2),))
    call = make(script=CallScript(callee=Human(parts=(one, two))))
    assert [call.next_part() for _ in range(3)] == [one, two, CallerScript()]


@pytest.mark.parametrize(
    ("order", "greets"),
    [
        (Order(), True),
        (Order(machine_detection="Enable"), True),
        (Order(machine_detection="DetectMessageEnd", amd_callback="http://h/amd"), True),
        (Order(machine_detection="DetectMessageEnd"), False),
    ],
)
async def test_a_machine_has_greeted_before_the_end_of_its_message(
    order: Order, greets: bool
) -> None:
    machine = Machine(greeting=tone(440, 100))
    call = make(order=order, script=CallScript(callee=machine))
    assert call.next_part() == machine.part(greets=greets)
    assert call.next_part() == CallerScript()


async def test_what_is_heard_is_counted_where_it_is_loud() -> None:
    call = make()
    call.hear(tone(440, 20))
    call.hear(b"\xff" * 160)
    assert (call.heard_ms, len(call.heard)) == (20, 320)
