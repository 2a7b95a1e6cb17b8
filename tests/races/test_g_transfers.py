"""Part 1 G: transfers that leave somebody behind, two hang-ups, keys that cost the media stream.

What is asked of the carrier's account is seen on `Account`; `test_g_carrier.py` has the server and
its real account, with a carrier on this machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio
from trio_websocket import ConnectionClosed

from trio_media.agent.agent import Agent
from trio_media.audio.dtmf import tones
from trio_media.core.units import LEAVE_MS
from trio_media.telephony.twiml import Conference, Dial, Hangup, Number

from .attending import CALLEE_SID, Account, Waiting
from .language import Scene, race, scene

TO: Final = "+15551234567"
OURS: Final = "+15550000001"
BRIEF: Final = "A guest wants a table."


async def warm(s: Scene, **how: object) -> Waiting:
    """The caller is to be handed over to somebody who is told what it is about."""
    ask = s.app.attended.transfer_warm
    return await s.app.asks(ask, TO, brief=BRIEF, caller_id=OURS, **how)


# --- one hang-up ------------------------------------------------------------------------------


async def hangs_up_now(s: Scene) -> None:
    await s.app.asks(s.app.attended.hang_up, after="now")


async def hangs_up(s: Scene) -> None:
    await s.app.asks(s.app.attended.hang_up, if_interrupted="hang_up")


async def model_ends(s: Scene) -> None:
    await s.model.calls_tool("R1", "C9", "end_call", "{}")


async def carrier_tells(s: Scene) -> None:
    """By its status callback."""
    await s.call.control.caller_left()


async def stream_stops(s: Scene) -> None:
    await s.call.carrier.stop()


async def says_if_asked(s: Scene, length_ms: int) -> None:
    """The model says what it is asked for first, if it is asked."""
    with contextlib.suppress(AssertionError, ConnectionClosed):  # the call is over first
        await s.model.says("R1", "I1", length_ms)


ENDS: Final = (hangs_up_now, hangs_up, model_ends, carrier_tells, stream_stops)


@race("G121", "P2-89")
@pytest.mark.parametrize("first", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize("gap_ms", [0, 20, 150])
async def test_however_many_end_a_call_the_carrier_is_told_once(
    first: Callable[[Scene], Awaitable[None]], gap_ms: int
) -> None:
    account = Account()
    agent = Agent(built_in_tools=("end_call",))
    async with scene(agent=agent, account=account) as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 1_000)
        await s.at(500)
        await first(s)
        await s.after(gap_ms)
        with s.at_once():
            for other in ENDS:
                with contextlib.suppress(ConnectionClosed):
                    await other(s)
        await s.call.until_end()
        assert s.call.crash is None
        assert account.asked in ([], ["hang_up CA1"])
        for spy in (s.call.spy, s.call.model_spy):
            assert sum(write[:1] == b"\x88" for write in spy.writes) <= 1


@race("G120", "G121")
@pytest.mark.parametrize("has_account", [True, False])
async def test_a_call_that_we_end_is_ended_at_the_carrier_too(has_account: bool) -> None:
    account = Account() if has_account else None
    left: list[object] = []
    how = {"left": lambda call_sid, onward: left.append(onward)}
    async with scene(agent=Agent(), account=account, **how) as s:
        await s.app.asks(s.app.attended.hang_up)
        await s.call.until_end()
    assert left == [(Hangup(),)], "the verbs that follow the media stream hang up as well"
    if account is not None:
        assert account.asked == ["hang_up CA1"]


@race("G120")
async def test_a_caller_whose_model_is_lost_is_not_left_in_silence() -> None:
    account = Account()
    left: list[object] = []
    how = {"left": lambda call_sid, onward: left.append(onward)}
    async with scene(agent=Agent(), account=account, **how) as s:
        await s.at(500)
        await trio.aclose_forcefully(s.model.wire.websocket._stream)
        assert (await s.call.until_end()).reason == "model_lost"
    assert left == [None], "the words of the TwiML that follows are said"
    assert account.asked == [], "they would be cut off"


@race("G121")
async def test_a_carrier_that_does_not_answer_keeps_nobody() -> None:
    account = Account(takes_ms=10**9)
    async with scene(agent=Agent(), account=account) as s:
        await s.app.asks(s.app.attended.hang_up)
        await s.at(500)
        assert s.call.carrier.closed_ms is not None, "both legs are closed meanwhile"
        await s.call.until_end()
        assert s.now_ms <= 12_000
        assert account.asked == ["hang_up CA1"]


# --- transfers --------------------------------------------------------------------------------


@race("G125")
@pytest.mark.parametrize("at_ms", [0, 100, 1_000, 1_999, 2_001, 2_500, 3_990, 4_010, 4_080, 4_150])
@pytest.mark.parametrize("by", ["caller", "application", "force", "model"])
async def test_whoever_was_called_is_never_left_alone_when_the_call_ends(
    by: str, at_ms: int
) -> None:
    account = Account()
    async with scene(agent=Agent(), account=account) as s:
        await warm(s, say="Please hold.")
        s.call.nursery.start_soon(says_if_asked, s, 2_000)
        await s.at(at_ms)
        if s.call.ended.is_set():
            pass
        elif by == "caller":
            with contextlib.suppress(ConnectionClosed):
                await s.call.carrier.stop()
        elif by == "application":
            await s.call.control.hang_up()
        elif by == "force":
            s.call.scope.cancel()
        else:
            await trio.aclose_forcefully(s.model.wire.websocket._stream)
        await s.call.ended.wait()
        await s.after(500)
        is_joined = bool(account.verbs)
        if by == "force" and account.asked[-1] == "redirect CA1":
            return  # whether it was done cannot be known by a process that is cut off meanwhile
        assert is_joined or not account.legs, "somebody is on the telephone, alone"
        if is_joined:
            [dial] = account.verbs
            assert isinstance(dial, Dial)
            assert isinstance(dial.target, Conference)
            assert f"hang_up {CALLEE_SID}" not in account.asked
        assert account.asked.count(f"place {TO}") == 1


@race("G125", "P2-81")
@pytest.mark.parametrize("at_ms", [500, 2_500, 3_500])
async def test_a_caller_who_wants_to_stay_stays_and_the_other_is_let_go(at_ms: int) -> None:
    account = Account()
    async with scene(agent=Agent(), account=account) as s:
        waiting = await warm(s, say="Please hold.")
        s.call.nursery.start_soon(says_if_asked, s, 2_000)
        await s.at(at_ms)
        await s.model.hears_start("T1")
        await s.caller.speaks(600)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.transcribes("T1", "No, stay!")
        await s.at(20_000)
        if at_ms < 2_000:
            assert s.call.ended.is_set(), "nothing was being ended yet, so it went on"
            assert account.legs == {CALLEE_SID}
        else:
            assert waiting.outcome == "revoked"
            assert not s.call.ended.is_set()
            assert account.legs == set()
            assert account.verbs == []


@race("G125")
@pytest.mark.parametrize("why", ["not answered", "refused"])
async def test_a_transfer_that_fails_leaves_the_call_as_it_was(why: str) -> None:
    account = Account(is_answered=why != "not answered", refuses=why == "refused")
    async with scene(agent=Agent(), account=account) as s:
        waiting = await warm(s)
        await s.at(3_000)
        assert waiting.outcome == "failed"
        assert account.legs == set()
        await s.model.hears("T1", "Hello?")
        await s.model.says("R1", "I1", 500)
        await s.after(LEAVE_MS)
        assert not s.call.ended.is_set()
        assert s.heard == {"I1": 500}


@race("G125", "P2-87")
async def test_nobody_speaks_and_nothing_is_created_while_a_caller_is_handed_over() -> None:
    account = Account(takes_ms=3_000)
    async with scene(agent=Agent(), account=account, silence_s=1) as s:
        await s.app.asks(s.app.attended.transfer, TO, say="One moment.")
        await s.model.says("R1", "I1", 1_000)
        await s.at(1_500)
        told = list(s.told)
        await s.model.hears("T1", "Hello?")
        await s.call.until_end()
        assert s.told == told
        assert account.verbs == [Dial(target=Number(TO), timeout_s=30)]


# --- keys that we send ------------------------------------------------------------------------


@race("G126")
async def test_keys_that_we_send_are_heard_in_the_media_stream_and_nothing_replaces_it() -> None:
    account = Account()
    agent = Agent(built_in_tools=("send_digits",))
    async with scene(agent=agent, account=account) as s:
        await s.model.hears("T1", "Press two for sales.")
        await s.model.opens("R1", "I1", 500)
        await s.model.calls_tool("R1", "C1", "send_digits", '{"digits": "2w#"}')
        await s.model.done("R1")
        await s.at(1_000)
        await s.caller.speaks(600)
        await s.at(4_000)
        assert account.asked == [], "the call was told to do something else"
        assert not s.call.ended.is_set()
        assert tones("2w#") in s.call.carrier.heard(), "a protected clip, whole and once"
        assert s.told_of("output") == ["C1"]
        await s.model.hears("T2", "Sales, good morning.")
        await s.model.says("R2", "I2", 500)
        await s.after(600)
        assert s.heard["I2"] == 500
