"""The media stream of a call, against a websocket library that is not ours."""

from __future__ import annotations

from trio_media.phone import CallEnd, CallerScript, HangUp, Press, Say, Vanish, Wait
from trio_media.telephony import twiml
from trio_media.testing.carrier import CallScript, EndedBy, Human, Machine
from trio_media.testing.carrier.script import tone

from .world import World, open_world

LOUD = tone(440, 300)


def connecting(world: World, *after: twiml.Verb) -> None:
    world.server.answers["/voice"] = twiml.connect_stream(
        world.server.media_url, {"token": "t<&>"}, after
    )


def part(*actions: Say | Wait | Press | HangUp | Vanish) -> CallScript:
    return CallScript(callee=Human(parts=(CallerScript(actions),)))


async def test_a_person_is_heard_and_hangs_up() -> None:
    async with open_world() as world:
        world.carrier.otherwise = part(Say(LOUD), Press("7"), Wait(60), HangUp())
        connecting(world, twiml.Say("never"))
        call = await world.place()
        await call.wait_over()
        (start,) = world.server.starts
        assert (start["callSid"], start["accountSid"]) == (call.call_sid, call.account_sid)
        assert start["customParameters"] == {"token": "t<&>"}
        assert "dtmf" in world.server.messages
        assert world.server.messages[-1] == "stop"
        assert (call.ended_by, call.verbs) == (EndedBy.PERSON, ["Connect"])
        assert LOUD in call.streams[0].caller_audio


async def test_a_person_vanishes() -> None:
    async with open_world() as world:
        world.carrier.otherwise = part(Wait(60), Vanish())
        connecting(world)
        call = await world.place()
        await call.wait_over()
        assert call.ended_by is EndedBy.PERSON
        assert "stop" not in world.server.messages


async def test_what_follows_the_stream_is_done_when_the_server_closes_it() -> None:
    async with open_world() as world:
        connecting(world, twiml.Say("sorry"), twiml.Hangup())
        world.server.closes_after = 5
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Connect", "Say", "Hangup"]
        assert call.streams[0].ended_by is CallEnd.FAR_END_CLOSED
        assert call.problems == []


async def test_a_stream_that_cannot_be_opened_is_told_and_the_call_goes_on() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = twiml.connect_stream(
            "ws://127.0.0.1:1/media", {}, [twiml.Say("sorry")]
        )
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Connect", "Say"]
        assert "could not be reached" in call.problems[0]


async def test_what_the_person_hears_is_kept_while_they_hear_it() -> None:
    async with open_world() as world:
        connecting(world)
        world.server.plays = LOUD
        call = await world.place()
        await call.until(lambda call: call.heard_ms >= 280)
        assert LOUD[:1_600] in call.heard
        call.hang_up()
        await call.wait_over()
        assert call.ended_by is EndedBy.PERSON
        assert world.server.messages[-1] == "stop"


async def test_an_end_by_the_api_is_a_stop_and_a_close() -> None:
    async with open_world() as world:
        connecting(world, twiml.Say("never"))
        call = await world.place()
        await world.carrier.until(lambda _: bool(world.server.starts))
        await call.until(lambda call: len(call.heard) > 160)
        await world.rest.hang_up(call.call_sid)
        await call.wait_over()
        assert (call.ended_by, call.verbs) == (EndedBy.REST, ["Connect"])
        assert world.server.messages[-1] == "stop"


async def test_each_stream_has_its_part() -> None:
    async with open_world() as world:
        parts = CallerScript((Wait(600_000),)), CallerScript((Wait(40), HangUp()))
        world.carrier.otherwise = CallScript(callee=Human(parts=parts))
        connecting(world, twiml.Redirect("/voice"))
        world.server.closes_after = 5
        call = await world.place()
        await call.until(lambda call: len(call.streams) == 1)
        world.server.closes_after = None
        await call.wait_over()
        assert call.ended_by is EndedBy.PERSON
        assert len({record.identity.stream_sid for record in call.streams}) == 2
        assert {record.identity.call_sid for record in call.streams} == {call.call_sid}


async def test_the_action_of_a_connect_takes_the_place_of_what_follows() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = (
            f"<Response><Connect action='/after'><Stream url='{world.server.media_url}'/>"
            "</Connect><Say>never</Say></Response>"
        )
        world.server.answers["/after"] = "<Response><Hangup/></Response>"
        world.server.closes_after = 3
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Connect", "Hangup"]


async def test_a_machine_greets_beeps_records_and_hangs_up() -> None:
    async with open_world() as world:
        machine = Machine(greeting=LOUD, records_s=0.1)
        world.carrier.otherwise = CallScript(callee=machine)
        connecting(world)
        call = await world.place(machine_detection="Enable", amd_callback=world.server.url + "/amd")
        await call.wait_over()
        said = call.streams[0].caller_audio
        assert LOUD in said
        assert tone(1_000, 400) in said
        assert call.ended_by is EndedBy.PERSON
