"""A call that is cancelled, at every point at which it can be, leaves nothing behind."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, memory_stream_pair
from trio_websocket import ConnectionClosed, ConnectionRejected

from trio_media.call.control import Words
from trio_media.call.run import CallOptions, run_call

from .live import GREETS, LiveCall, QuietLog, cancel_after, live_call
from .streams import SpyStream, StallingStream
from .wires import connect_websocket, speech

STEPS_MAX = 5_000


async def talk(call: LiveCall) -> None:
    """A script that has a bit of everything in it."""
    model = await call.start()
    await model.opens("R1", "I1", speech(800))
    await call.caller_speaks(60)
    await trio.sleep(0.3)
    await call.caller_speaks(360)
    await model.turn("T1", "Yes, please.")
    await model.opens("R2", "I2", speech(400))
    await model.calls_tool("R2", "C1", "lookup", "{}")
    await model.done("R2")
    await call.control.speak(Words(text="Goodbye."))
    call.interrupt_soon()
    await trio.sleep(0.1)
    await call.carrier.key("1")
    await call.control.hang_up()
    await call.ended.wait()


async def cancelled_call(scope: trio.CancelScope, wrap: Any, wrap_model: Any) -> bool:
    """Run the script until the scope is cancelled; return whether it came to its end before."""
    async with live_call(GREETS, wrap=wrap, wrap_model=wrap_model, scope=scope) as call:
        with trio.CancelScope() as script:
            call.nursery.start_soon(cancel_after, call.ended, script)
            try:
                await talk(call)
            except (ConnectionClosed, AssertionError, AttributeError):
                assert scope.cancel_called, "it failed, and nobody had cancelled it"
        with trio.fail_after(1):
            await call.ended.wait()
        assert call.crash is None, call.crash
        if call._control is not None:
            assert call.control.is_over
            assert not call.control._posting
        return not scope.cancel_called


@pytest.mark.parametrize("leg", ["carrier", "model"])
async def test_a_cancellation_at_every_operation_of_a_stream(
    autojump_clock: MockClock, leg: str
) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    for stall_at in range(1, STEPS_MAX):
        scope = trio.CancelScope()

        def stalling(stream: trio.abc.Stream, at: int = stall_at, on: Any = scope) -> Any:
            return StallingStream(stream, at, on)

        wraps = (stalling, SpyStream) if leg == "carrier" else (SpyStream, stalling)
        is_whole = await cancelled_call(scope, *wraps)
        assert trio.lowlevel.current_statistics().tasks_living == before
        if is_whole:
            break
    else:
        pytest.fail("the script has no end")
    assert stall_at > 30, "it stalled nowhere"


class CancelAtStep(trio.abc.Instrument):
    """Cancels at the n-th step of the scheduler."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.scope = trio.CancelScope()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


@pytest.mark.parametrize("first", range(1, 12))
async def test_a_cancellation_at_every_step_of_the_scheduler(
    autojump_clock: MockClock, first: int
) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    for step in range(first, STEPS_MAX, 22):
        instrument = CancelAtStep(step)
        trio.lowlevel.add_instrument(instrument)
        is_whole = await cancelled_call(instrument.scope, SpyStream, SpyStream)
        trio.lowlevel.remove_instrument(instrument)
        assert trio.lowlevel.current_statistics().tasks_living == before
        if is_whole:
            break
    else:
        pytest.fail("the script has no end")


async def test_a_call_that_is_cancelled_before_it_begins_closes_its_stream() -> None:
    _, theirs = memory_stream_pair()
    spy = SpyStream(theirs)
    with trio.CancelScope() as scope:
        scope.cancel()
        await run_call(spy, config=GREETS, log=QuietLog())
    assert scope.cancelled_caught
    assert spy.is_closed


async def test_a_tool_that_runs_is_cancelled_with_the_call(autojump_clock: MockClock) -> None:
    seen: list[str] = []

    async def slow(arguments: str) -> str:
        try:
            await trio.sleep_forever()
        finally:
            seen.append("cancelled")
        raise AssertionError

    async with live_call(GREETS, tools={"slow": slow}) as call:
        model = await call.start()
        await model.opens("R1", "I1")
        await model.calls_tool("R1", "C1", "slow", "{}")
        await trio.sleep(1)
        assert seen == []
    assert seen == ["cancelled"]


async def test_a_call_inside_a_cancelled_nursery_raises_nothing_but_cancelled(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_stream_pair()
    spy = SpyStream(theirs)
    with trio.move_on_after(1) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run, spy)
            try:
                await connect_websocket(nursery, ours)
            except ConnectionRejected:
                pytest.fail("refused")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert spy.is_closed


async def _run(stream: trio.abc.Stream) -> None:
    config = attrs.evolve(GREETS, twilio=attrs.evolve(GREETS.twilio, start_timeout_s=50))
    await run_call(stream, config=config, log=QuietLog(), options=CallOptions())
