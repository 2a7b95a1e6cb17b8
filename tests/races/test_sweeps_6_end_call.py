"""S6: the model ends the call, and at each offset of its goodbye something else happens.

The model speaks for a second, asks for the end, and says goodbye when it is asked to.  Meanwhile,
at each offset, the caller speaks or coughs, marks are lost, the carrier or the model goes, the
process is told to stop, or somebody else ends the call as well.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio
from trio_websocket import ConnectionClosed

from trio_media.agent.agent import Agent
from trio_media.core.units import MARK_LATE_MS, MARK_LOST_MS

from .attending import Account
from .language import Scene, race, scene
from .test_g_goodbyes import GOODBYE, model_ends_call

FIRST_MS: Final = 1_000
GOODBYE_MS: Final = 800
HEARD_MS: Final = FIRST_MS + GOODBYE_MS  # when all was heard, if nothing else happens
OFFSETS_MS: Final = (*range(10, HEARD_MS, 150), HEARD_MS - 15, HEARD_MS + 5)
CLOSES_WITHIN_MS: Final = 1_000
GONE: Final = (ConnectionClosed, trio.ClosedResourceError, trio.BrokenResourceError)
Act = Callable[[Scene], Awaitable[object]]


async def caller_speaks(s: Scene) -> None:
    """Long enough to want the floor, as both ears hear it."""
    await s.model.wire.hears_start("T2")
    await s.call.caller_speaks(500)
    await s.model.wire.hears_stop("T2")
    await s.model.wire.commits("T2")
    await s.model.wire.transcribes("T2", "Wait, one more thing.")


async def caller_coughs(s: Scene) -> None:
    await s.call.caller_speaks(60)


async def marks_are_lost(s: Scene) -> None:
    s.call.carrier.echoes = False


async def marks_come_late(s: Scene) -> None:
    s.call.carrier.mark_delay_s = 0.7


async def carrier_stops(s: Scene) -> None:
    await s.call.carrier.stop()


async def model_drops(s: Scene) -> None:
    await trio.aclose_forcefully(s.model.wire.websocket._stream)


async def process_stops(s: Scene) -> None:
    """As at the end of a drain."""
    s.call.scope.cancel()


async def model_ends_again(s: Scene) -> None:
    await s.model.wire.calls_tool("R0", "again", "end_call", "{}")


async def application_ends_too(s: Scene) -> None:
    await s.app.attended.hang_up()


OTHERS: Final = (
    caller_coughs,
    marks_are_lost,
    marks_come_late,
    carrier_stops,
    model_drops,
    process_stops,
    model_ends_again,
    application_ends_too,
)


async def begins_to_end(s: Scene) -> None:
    """The first answer, which asks for the end."""
    await s.model.hears("T1", "That is all.")
    await s.model.opens("R0", "I0", FIRST_MS)
    await model_ends_call(s, "R0")


async def answers(s: Scene) -> None:
    """The model answers every create: an id after a while, audio, and its end; until it is cut."""
    wire = s.model.wire
    with contextlib.suppress(AssertionError, *GONE):
        for number in itertools.count(1):
            create = await wire.next_create()
            await trio.sleep(0.2)
            await wire.created(f"R{number}", create)
            await wire.item(f"R{number}", f"I{number}")
            await wire.audio(f"R{number}", f"I{number}", s.numbers.audio(f"I{number}", GOODBYE_MS))
            await trio.sleep(0.1)
            if f"R{number}" not in s.told_of("cancel"):
                await wire.done(f"R{number}")


async def does_at(s: Scene, act: Act, at_ms: int) -> None:
    """Do something at some moment, if there is still a call to do it to."""
    await trio.sleep((at_ms - s.now_ms) / 1_000)
    with contextlib.suppress(*GONE):
        await act(s)


@race("S6", "G115", "G121", "G122", "B40", "P2-79", "P2-89")
@pytest.mark.parametrize("at_ms", OFFSETS_MS)
@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.__name__)
async def test_a_goodbye_ends_the_call_whatever_else_happens_at_any_offset(
    other: Act, at_ms: int
) -> None:
    account = Account()
    agent = Agent(built_in_tools=("end_call",))
    async with scene(agent=agent, account=account) as s:
        await begins_to_end(s)
        s.call.nursery.start_soon(does_at, s, other, at_ms)
        s.call.nursery.start_soon(answers, s)
        with trio.fail_after(15):
            await s.call.ended.wait()
        await s.settle()
        check_end(s, other, at_ms)
        assert account.asked in ([], ["hang_up CA1"])
        assert len(s.told_of("create")) <= 2, "it says goodbye again and again"
        late = [m for at, m in s.call.carrier.came if at - s.zero_ms > s.now_ms]
        assert late == []


def check_end(s: Scene, other: Act, at_ms: int) -> None:
    """When the call is over, why, and what was heard of the goodbye."""
    assert s.call.crash is None
    end = s.call._end
    was_cut = at_ms < HEARD_MS and other in (carrier_stops, process_stops)
    if was_cut:
        assert s.now_ms - at_ms <= CLOSES_WITHIN_MS
        assert end is None or end.reason == "caller_hung_up"
        return
    if other is model_drops and at_ms < HEARD_MS:
        assert end is not None
        assert end.reason in ("end_call", "model_lost")
        assert s.heard["I0"] == FIRST_MS, "what was there to be heard was cut off"
        return
    assert end is None or end.reason in ("end_call", "hung_up")
    assert s.heard == {"I0": FIRST_MS, "I1": GOODBYE_MS}, "the goodbye was not heard to its end"
    slack_ms = {
        caller_coughs: 700,
        marks_are_lost: MARK_LATE_MS + MARK_LOST_MS + 200,
        marks_come_late: 1_200,
    }.get(other, 60)
    assert HEARD_MS <= s.now_ms + 20 <= HEARD_MS + slack_ms + 120  # and the carrier is told


@race("S6", "G116", "P2-81", "P2-85")
@pytest.mark.parametrize("at_ms", OFFSETS_MS)
@pytest.mark.parametrize("is_final", [True, False])
async def test_a_caller_who_speaks_at_any_offset_keeps_the_call_or_does_not(
    is_final: bool, at_ms: int
) -> None:
    agent = Agent(built_in_tools=("end_call",))
    async with scene(agent=agent) as s:
        s.app.attended.was_end_revoked = is_final  # the second time nobody can
        await begins_to_end(s)
        s.call.nursery.start_soon(does_at, s, caller_speaks, at_ms)
        s.call.nursery.start_soon(answers, s)
        with trio.move_on_after(8):
            await s.call.ended.wait()
        is_over = s.call.ended.is_set()
        assert s.call.crash is None
        if is_final:
            assert is_over
            assert s.heard["I1"] == GOODBYE_MS, "a goodbye that nobody can cut was cut"
            return
        assert is_over == (at_ms > HEARD_MS), "it is kept by whoever speaks before its end"
        if not is_over:
            assert s.app.attended.was_end_revoked
            assert sum(GOODBYE in words for words in s.asked_words) <= 1
            assert s.heard[s.numbers.items[-1]] == GOODBYE_MS, "the caller was not answered"
            assert s.told[-1] == "create"
