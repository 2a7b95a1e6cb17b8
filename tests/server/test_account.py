"""The carrier's account, as calls ask for it."""

from __future__ import annotations

import pytest
import trio

from trio_media import Agent
from trio_media.errors import LocalProtocolError, NotAnswered, RestLost, RestRefused
from trio_media.server.account import TwilioAccount, with_transfer_end
from trio_media.telephony.twiml import Dial, Hangup, Number, Say
from trio_media.testing.carrier import (
    Busy,
    CallScript,
    DialOutcome,
    EndedBy,
    NoAnswer,
    RestFault,
)

from .world import DESK, FROM, open_world

TALK = [Say("A caller."), Dial(target=Number(DESK))]
TO_DESK = [Dial(target=Number(DESK))]


async def test_a_call_is_handed_over_by_one_request() -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        account = TwilioAccount(world.dialing)
        call = await world.call(dials={DESK: DialOutcome(status="no-answer")})
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        await account.redirect(call.call_sid, TO_DESK)
        await call.wait_over()
        assert len(world.updates(call)) == 1
        assert call.verbs == ["Connect", "Dial", "Say", "Hangup"]


async def test_a_call_that_is_over_cannot_be_handed_over_but_hung_up() -> None:
    async with open_world() as world:
        account = TwilioAccount(world.dialing)
        call = await world.call()
        call.hang_up()
        await call.wait_over()
        with pytest.raises(RestRefused):
            await account.redirect(call.call_sid, TO_DESK)
        with pytest.raises(RestRefused):
            await account.redirect("CAunknown", TO_DESK)
        with pytest.raises(LocalProtocolError):
            await account.redirect(call.call_sid, [Say("")])
        await account.hang_up(call.call_sid)
        await account.hang_up("CAunknown")


async def test_who_is_called_hears_what_was_said_and_is_still_there() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(dials={DESK: DialOutcome(lasts_s=None)})
        account = TwilioAccount(world.dialing)
        call_sid = await account.place("+15550001111", TALK, from_=FROM, ring_s=30)
        call = await world.carrier.nth_call(0)
        assert call.call_sid == call_sid
        await call.until(lambda call: call.verbs == ["Say", "Dial"])
        await account.hang_up(call_sid)
        await call.wait_over()
        assert call.ended_by is EndedBy.REST


@pytest.mark.parametrize(("callee", "status"), [(Busy(), "busy"), (NoAnswer(), "no-answer")])
async def test_who_does_not_answer_is_no_call(callee: Busy | NoAnswer, status: str) -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(callee=callee)
        with pytest.raises(NotAnswered, match=status):
            await TwilioAccount(world.dialing).place(DESK, TALK, from_=FROM, ring_s=30)
        assert [one.method for one in world.carrier.requests] == ["POST"]


async def test_a_phone_stops_ringing_when_nobody_waits_any_more() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(ring_s=30)
        async with trio.open_nursery() as nursery:
            place = TwilioAccount(world.dialing).place

            async def wait() -> None:
                await place(DESK, TALK, from_=FROM, ring_s=30)

            nursery.start_soon(wait)
            call = await world.carrier.nth_call(0)
            await call.until(lambda call: call.status == "ringing")
            (dialed,) = world.dialing._dialed.values()
            await dialed.settled.wait()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await call.wait_over()
        assert call.status == "canceled"
        assert world.updates(call) == ["completed"]


async def test_a_carrier_that_takes_no_call_says_so() -> None:
    async with open_world() as world:
        account = TwilioAccount(world.dialing)
        world.carrier.fail_next(RestFault.TOO_MANY, retry_after_s=60)
        with pytest.raises((RestRefused, RestLost)):
            await account.place(DESK, TALK, from_=FROM, ring_s=30)
        with pytest.raises(LocalProtocolError):
            await account.place("nobody", TALK, from_=FROM, ring_s=30)
        assert world.carrier.calls == []


def test_only_a_dial_that_says_nothing_itself_is_followed_by_a_question() -> None:
    own = Dial(target=Number(DESK), action_url="https://other.example/x")
    verbs = [Say("A"), Dial(target=Number(DESK)), own, Hangup()]
    first, asked, kept, last = with_transfer_end(verbs, "https://calls.example")
    assert (first, kept, last) == (verbs[0], own, verbs[3])
    assert isinstance(asked, Dial)
    assert asked.action_url == "https://calls.example/twilio/transferred"
    assert with_transfer_end(verbs, "") == verbs
