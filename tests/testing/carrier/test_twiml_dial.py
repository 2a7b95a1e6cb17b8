"""Dialling somebody else, and meeting in a conference."""

from __future__ import annotations

import pytest

from trio_media.telephony import twiml
from trio_media.testing.carrier import CallScript, DialDone, DialOutcome, EndedBy
from trio_media.testing.carrier.script import DialStatus

from .world import FROM, World, open_world

DESK = "+15550004444"


def dialling(world: World, **changes: str) -> None:
    dial = twiml.Dial(target=twiml.Number(DESK), caller_id=FROM, **changes)
    world.server.answers["/voice"] = twiml.voice_response([dial, twiml.Say("nobody")])


@pytest.mark.parametrize("status", ["completed", "busy", "no-answer", "failed"])
async def test_the_action_is_told_what_became_of_a_dial(status: DialStatus) -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(dials={DESK: DialOutcome(status=status, lasts_s=0.01)})
        dialling(world, action_url="/dialled")
        world.server.answers["/dialled"] = lambda form: twiml.voice_response(
            [twiml.Say(form["DialCallStatus"])]
        )
        call = await world.place()
        await call.wait_over()
        assert [(verb.name, verb.text) for verb in call.twiml_done] == [
            ("Dial", DESK),
            ("Say", status),
        ]
        assert call.twiml_done[0].attributes["callerId"] == FROM
        assert call.dials == [DialDone(target=DESK, status=status)]
        assert world.server.forms("/dialled")[0]["DialCallDuration"] == "0"


async def test_without_an_action_the_next_verb_is_done() -> None:
    async with open_world() as world:
        dialling(world)
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Dial", "Say"]


async def test_a_dial_that_lasts_ends_with_the_call() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(dials={DESK: DialOutcome(lasts_s=None)})
        dialling(world, action_url="/dialled")
        call = await world.place()
        await call.until(lambda call: call.verbs == ["Dial"])
        call.hang_up()
        await call.wait_over()
        assert (call.ended_by, call.dials) == (EndedBy.PERSON, [])
        assert world.server.forms("/dialled") == []


async def test_a_number_may_stand_in_the_dial_itself() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = f"<Response><Dial> {DESK} </Dial></Response>"
        call = await world.place()
        await call.wait_over()
        assert call.dials == [DialDone(target=DESK, status="completed")]


async def test_two_calls_meet_in_a_conference_until_one_ends_it() -> None:
    """A warm transfer: the caller waits, the agent comes, and leaves for good."""
    async with open_world() as world:
        waits = twiml.Conference(name="r", starts_on_enter=False, wait_url="")
        world.server.answers["/caller"] = twiml.voice_response([twiml.Dial(target=waits)])
        ends = twiml.Conference(name="r", ends_on_exit=True)
        world.server.answers["/agent"] = twiml.voice_response([twiml.Dial(target=ends)])
        caller = await world.place(url=world.server.url + "/caller")
        await world.carrier.until(lambda carrier: carrier.room("r") is not None)
        room = world.carrier.room("r")
        assert room is not None
        assert room.call_sids == [caller.call_sid]
        assert not room.is_started
        assert caller.twiml_done[0].attributes["waitUrl"] == ""
        agent = await world.place(url=world.server.url + "/agent")
        await world.carrier.until(lambda _: len(room.present) == 2)
        assert room.is_started
        agent.hang_up()
        await agent.wait_over()
        await caller.wait_over()
        assert room.is_over
        assert (agent.ended_by, caller.ended_by) == (EndedBy.PERSON, EndedBy.TWIML)
        assert caller.dials == [DialDone(target="r", status="completed")]


async def test_a_stay_in_a_conference_may_have_a_length() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(dials={"r": DialOutcome(lasts_s=0.01)})
        room = twiml.Dial(target=twiml.Conference(name="r"))
        world.server.answers["/voice"] = twiml.voice_response([room, twiml.Say("bye")])
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Dial", "Say"]
