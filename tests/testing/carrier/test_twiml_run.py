"""TwiML, verb by verb."""

from __future__ import annotations

import pytest
import trio

from trio_media.telephony import twiml
from trio_media.testing.carrier import CallScript, EndedBy

from .world import open_world


async def test_verbs_are_done_in_order_and_noted_with_what_they_say() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = twiml.voice_response(
            [
                twiml.Say("a & b"),
                twiml.Play(digits="1w2"),
                twiml.Play(url="/tune.wav"),
                twiml.Pause(3),
                twiml.Hangup(),
                twiml.Say("never"),
            ]
        )
        call = await world.place()
        await call.wait_over()
        assert [(verb.name, verb.text) for verb in call.twiml_done] == [
            ("Say", "a & b"),
            ("Play", "1w2"),
            ("Play", "/tune.wav"),
            ("Pause", "3"),
            ("Hangup", ""),
        ]
        assert call.ended_by is EndedBy.TWIML


async def test_a_redirect_is_fetched_relative_and_by_its_method() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = twiml.voice_response(
            [twiml.Redirect("next?a=1&b=2", "GET"), twiml.Say("never")]
        )
        world.server.answers["/next"] = twiml.voice_response([twiml.Redirect("/last")])
        world.server.answers["/last"] = "<Response><Say>bye</Say></Response>"
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Redirect", "Redirect", "Say"]
        assert [path for path, _ in world.server.asked if path != "/status"] == [
            "/voice",
            "/next",
            "/last",
        ]
        (queried,) = world.server.forms("/next")
        assert (queried["a"], queried["b"], queried["CallSid"]) == ("1", "2", call.call_sid)
        assert [asked.purpose for asked in call.asked if asked.purpose != "status"] == [
            "voice",
            "redirect",
            "redirect",
        ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (404, "404 instead of 200"),
        ("no TwiML", "not TwiML"),
        ("<html/>", "<html> instead of"),
        ("<Response>" + "x" * 70_000 + "</Response>", "over 65536 bytes"),
        ("<Response><Connect/></Response>", "without a <Stream>"),
        ("<Response><Connect><Stream url='ftp://x'/></Connect></Response>", "ftp://x"),
    ],
)
async def test_instructions_that_cannot_be_had_or_read_end_the_call(
    answer: str | int, problem: str
) -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = answer
        call = await world.place()
        await call.wait_over()
        assert call.ended_by is EndedBy.APPLICATION_ERROR
        assert problem in call.problems[0]


async def test_a_server_that_is_not_there_ends_the_call() -> None:
    async with open_world() as world:
        call = await world.place(url="http://127.0.0.1:1/voice")
        await call.wait_over()
        assert call.ended_by is EndedBy.APPLICATION_ERROR
        assert "ConnectError" in call.problems[0]
        assert call.callbacks("voice")[0].status is None


async def test_a_call_in_whose_instructions_cannot_be_had_has_failed() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = 500
        call = await world.carrier.call(world.server.url + "/voice")
        await call.wait_over()
        assert call.statuses == ["queued", "ringing", "failed"]


async def test_a_verb_that_is_not_known_is_passed_over_and_told() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = "<Response><Gather/><Say>x</Say></Response>"
        call = await world.place()
        await call.wait_over()
        assert call.verbs == ["Gather", "Say"]
        assert call.problems == ["<Gather> is not known here and was passed over"]


@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
async def test_a_call_that_comes_in_is_rejected_unanswered(reason: str, status: str) -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = f"<Response><Reject reason='{reason}'/></Response>"
        call = await world.carrier.call(world.server.url + "/voice")
        await call.wait_over()
        assert call.statuses == ["queued", "ringing", status]
        assert call.ended_by is EndedBy.REJECTED


async def test_a_call_that_was_answered_can_only_be_ended_by_a_reject() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = "<Response><Say>x</Say><Reject/></Response>"
        call = await world.carrier.call(world.server.url + "/voice")
        await call.wait_over()
        assert (call.status, call.ended_by) == ("completed", EndedBy.TWIML)


async def test_other_twiml_takes_the_place_of_what_is_being_done() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(verb_s=600)
        world.server.answers["/voice"] = "<Response><Pause/><Say>never</Say></Response>"
        world.server.answers["/next"] = "<Response><Hangup/></Response>"
        call = await world.place()
        await call.until(lambda call: call.verbs == ["Pause"])
        await world.rest.redirect(
            call.call_sid, f"<Response><Redirect>{world.server.url}/next</Redirect></Response>"
        )
        await call.wait_over()
        assert call.verbs == ["Pause", "Redirect", "Hangup"]


async def test_an_end_is_not_held_up_by_a_server_that_does_not_answer() -> None:
    async with open_world() as world:
        world.server.silent.add("/voice")
        call = await world.place()
        await world.carrier.until(lambda _: call.status == "in-progress")
        while not world.server.forms("/voice"):
            await trio.lowlevel.checkpoint()
        await world.rest.hang_up(call.call_sid)
        await call.wait_over()
        assert call.ended_by is EndedBy.REST
        assert call.problems == []


async def test_twiml_that_cannot_be_read_ends_the_call_that_was_sent_to_it() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(verb_s=600)
        world.server.answers["/voice"] = "<Response><Pause/></Response>"
        call = await world.place()
        await call.until(lambda call: call.verbs == ["Pause"])
        await world.rest.redirect(call.call_sid, "<Nonsense/>")
        await call.wait_over()
        assert call.ended_by is EndedBy.APPLICATION_ERROR
