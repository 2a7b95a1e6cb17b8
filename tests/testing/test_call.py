"""A call is held once, in virtual time, and comes out the same every time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from trio_media.audio.dtmf import tones
from trio_media.simulation.calls.record import Record
from trio_media.testing import Call, ScriptError, StallingStream, make_call, run_virtual

MakeCall = Callable[..., Call]


async def held(call: Call, until_ms: int = 6_000) -> Call:
    call.model.speaks("Good evening, how may I help you today?", length_ms=2_000)
    call.phone.interrupts("A table for two, please.", after_ms=900)
    await call.run(until_ms=until_ms)
    return call


async def held_anew() -> Call:
    call = make_call()
    call.model_network.has_latency(30, jitter_ms=50)
    return await held(call)


def test_the_same_test_gives_the_same_call() -> None:
    first, second = (run_virtual(held_anew, seed=0).record() for _ in range(2))
    assert list(first.lines()) == list(second.lines())


@pytest.mark.parametrize("websockets", [False, True])
async def test_both_wires_tell_the_same_call(make_call: MakeCall, websockets: bool) -> None:
    call = await held(make_call(websockets=websockets))
    assert call.phone.heard.splitlines()[0] == "Good evening, how"
    assert call.model.remembers.splitlines()[0] == "Good evening, how"
    assert call.broken_promises() == []


async def test_calls_in_one_test_share_nothing_but_the_clock(make_call: MakeCall) -> None:
    calls = [await held(make_call()) for _ in range(2)]
    first, second = (call.phone.heard_spans for call in calls)
    assert [span.answer for span in first] == [span.answer for span in second]
    for one, other in zip(first, second, strict=True):
        assert abs(one.at_ms - other.at_ms) <= 20  # the clocks of their frames differ
        assert abs(one.end_ms - other.end_ms) <= 20
    assert calls[0].model.turns == calls[1].model.turns == ["A table for two, please."]


async def test_calls_go_on_at_the_same_time(make_call: MakeCall) -> None:
    one, other = make_call(), make_call(greeting="")
    one.model.speaks("This is one.")
    async with one.running(), other.running():
        await one.at(4_000)
    assert one.phone.heard == "This is one."
    assert other.phone.heard == ""


async def test_a_call_that_ends_early_ends_the_run(call: Call) -> None:
    call.phone.hangs_up(at_ms=1_000)
    await call.run(until_ms=600_000)
    assert call.now_ms <= 2_000
    assert trio.current_time() < 10


async def test_the_application_interrupts_and_learns_the_outcome(call: Call) -> None:
    call.model.speaks("A long story, and a slow one.", length_ms=6_000, pace=1)
    async with call.running():
        await call.until(lambda: call.phone.heard == "A long")
        result = await call.interrupt()
        assert result.outcome.value == "cancelled"
        assert abs(result.heard_ms - call.phone.heard_ms) <= 60
    [interruption] = call.interruptions
    assert interruption.heard == "A long"


async def test_the_application_hangs_up(call: Call) -> None:
    async with call.running():
        await call.at(1_000)
        await call.control.hang_up()
        await call.at(2_000)
        assert call.end_reason
    assert call.now_ms < 2_000


async def test_what_a_test_raises_comes_out_as_it_is(call: Call) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with call.running():
            await call.at(500)
            raise KeyError("mine")
    assert call.end_reason == "caller_hung_up"
    assert call.record().left_open == []


@pytest.mark.trio_media(observe=False)
async def test_what_a_tool_raises_comes_out_of_the_call(make_call: MakeCall) -> None:
    async def breaks(arguments: str) -> str:
        raise ZeroDivisionError("in the tool")

    call = make_call(tools={"breaks": breaks})
    call.model.calls_tool("breaks")
    with pytest.raises(ExceptionGroup) as raised:
        await call.run(until_ms=5_000)
    assert raised.group_contains(ZeroDivisionError, match="in the tool")
    assert any("ZeroDivisionError" in str(broken) for broken in call.broken_promises())


async def test_leaving_is_cancelled_with_the_test(call: Call) -> None:
    with trio.move_on_after(1.0) as scope:
        await call.run(until_ms=60_000)
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(1.0)
    assert call.broken_promises() == []  # nobody can say of a call that was dropped
    assert call.report()


def test_a_call_says_how_it_stands() -> None:
    call = run_virtual(held_anew, seed=0)
    assert repr(call) == "<Call: caller_hung_up>"
    assert repr(make_call()) == "<Call, not held yet>"


async def test_waiting_has_a_limit(call: Call) -> None:
    async with call.running():
        with pytest.raises(AssertionError, match="not within 500 ms, at 5"):
            await call.until(lambda: False, within_ms=500)


async def test_a_call_is_held_once(call: Call) -> None:
    await call.run(until_ms=1_000)
    with pytest.raises(ScriptError, match="held once"):
        await call.run(until_ms=1_000)
    with pytest.raises(ScriptError, match="says: the call is over"):
        call.phone.says("Hello?")
    with pytest.raises(ScriptError, match="speaks: the call is over"):
        call.model.speaks("Hello.")


async def test_what_is_past_is_refused(call: Call) -> None:
    async with call.running():
        await call.at(1_000)
        with pytest.raises(ScriptError, match="says: at_ms=500 is past, the call is at 1000"):
            call.phone.says("Hello?", at_ms=500)
        with pytest.raises(ScriptError, match="at: at_ms=999 is past, the call is at 1000"):
            await call.at(999)


async def test_a_call_that_does_not_run_has_no_hands(call: Call) -> None:
    with pytest.raises(ScriptError, match=r"enter `call\.running"):
        await call.at(0)
    with pytest.raises(ScriptError, match=r"enter `call\.running"):
        _ = call.control
    async with call.running():
        with pytest.raises(ScriptError, match="has not started"):
            _ = call.control
        await call.started()
        assert call.control is not None


def test_calls_are_held_in_virtual_time_only() -> None:
    with pytest.raises(ScriptError, match="virtual time"):
        trio.run(held_anew)


def test_wrappers_need_bytes() -> None:
    with pytest.raises(ScriptError, match="websockets=True"):
        make_call(wrap_model=lambda stream: stream)


@pytest.mark.parametrize("leg", ["carrier", "model"])
async def test_a_call_that_is_dropped_at_any_await_leaves_nothing_open(
    make_call: MakeCall, leg: str
) -> None:
    stall_at, is_through = 0, False
    while not is_through:
        stall_at += 7
        streams: list[StallingStream] = []
        call = make_call(websockets=True)

        def wrap(
            inner: trio.abc.Stream,
            call: Call = call,
            stall_at: int = stall_at,
            streams: list[StallingStream] = streams,
        ) -> StallingStream:
            streams.append(StallingStream(inner, stall_at, call.scope))
            return streams[-1]

        setattr(call, f"wrap_{leg}", wrap)
        await call.run(until_ms=700)
        assert call.record().left_open == []
        assert all(stream.is_closed for stream in streams)
        is_through = streams[0].operations < stall_at
        assert call.scope.cancelled_caught != is_through
    assert stall_at > 20


@pytest.mark.trio_media(observe=False)
async def test_a_clip_that_nobody_heard_is_not_heard(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The observer has ears of its own, also for what an application plays."""
    monkeypatch.setattr(Record, "note_heard", lambda *args: None)
    async with call.running():
        await call.at(3_000)
        result = await (await call.control.play(tones("1234567890"))).wait()
    assert result.was_heard
    assert "clips were heard" in "".join(map(str, call.broken_promises()))
