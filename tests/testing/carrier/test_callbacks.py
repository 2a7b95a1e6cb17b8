"""Callbacks in scripted disorder, and who has answered."""

from __future__ import annotations

import pytest

from trio_media.telephony.call_status import CallProgress, CallStatus
from trio_media.testing.carrier import CallbackFaults, CallScript, Human, Machine
from trio_media.testing.carrier.script import Callee

from .world import World, open_world

BYE = "<Response><Say>bye</Say></Response>"


def told(world: World) -> list[str]:
    return [form["CallStatus"] for form in world.server.forms("/status")]


async def test_callbacks_come_in_the_order_of_the_script() -> None:
    async with open_world() as world:
        order = ("completed", "ringing", "answered")
        world.carrier.otherwise = CallScript(callbacks=CallbackFaults(order=order))
        world.server.answers["/voice"] = BYE
        call = await world.place()
        await call.wait_over()
        assert told(world) == ["completed", "ringing", "in-progress", "initiated"]
        assert [form["SequenceNumber"] for form in world.server.forms("/status")] == [
            *("3", "1", "2", "0")
        ]
        progress = CallProgress()
        for status in told(world):
            progress.heard(status)
        assert progress.status is CallStatus.COMPLETED


@pytest.mark.parametrize(("copies", "count"), [(0, 0), (2, 8)])
async def test_callbacks_are_lost_and_repeated(copies: int, count: int) -> None:
    async with open_world() as world:
        faults = CallbackFaults(copies=copies, delay_s=0.001)
        world.carrier.otherwise = CallScript(callbacks=faults)
        world.server.answers["/voice"] = BYE
        call = await world.place()
        await call.wait_over()
        assert len(told(world)) == count


async def test_a_call_does_not_wait_for_its_callbacks() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(callbacks=CallbackFaults(delay_s=600))
        world.server.answers["/voice"] = BYE
        call = await world.place()
        await call.until(lambda call: call.is_over)
        assert told(world) == []
        assert not call.over.is_set()


async def test_a_callback_that_is_not_taken_is_told_and_not_repeated() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = BYE
        world.server.answers["/status"] = 500
        call = await world.place()
        await call.wait_over()
        assert call.problems == ["status callback: 500"] * 4
        assert [asked.status for asked in call.callbacks()] == [500] * 4


async def test_the_twiml_waits_for_the_verdict_where_nobody_is_told_later() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(callee=Machine(), amd_after_s=0.01)
        world.server.answers["/voice"] = BYE
        call = await world.place(machine_detection="Enable")
        await call.wait_over()
        assert world.server.forms("/voice")[0]["AnsweredBy"] == "machine_start"
        assert call.answered_by == "machine_start"


async def test_an_end_is_not_held_up_by_the_verdict() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(amd_after_s=600)
        call = await world.place(machine_detection="Enable")
        await call.until(lambda call: call.status == "in-progress")
        await world.rest.hang_up(call.call_sid)
        await call.wait_over()
        assert world.server.forms("/voice") == []


@pytest.mark.parametrize(
    ("callee", "detection", "scripted", "verdict"),
    [
        (Human(), "Enable", "", "human"),
        (Human(), "Enable", "fax", "fax"),
        (Machine(), "Enable", "", "machine_start"),
        (Machine(), "DetectMessageEnd", "", "machine_end_beep"),
        (Machine(beeps=False), "DetectMessageEnd", "", "machine_end_silence"),
    ],
)
async def test_the_verdict_is_posted_while_the_call_goes_on(
    callee: Callee, detection: str, scripted: str, verdict: str
) -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(
            callee=callee, answered_by=scripted, amd_after_s=0.01, verb_s=600
        )
        world.server.answers["/voice"] = BYE
        call = await world.place(
            machine_detection=detection, amd_callback=world.server.url + "/amd"
        )
        await call.until(lambda call: bool(call.callbacks("amd")))
        assert call.verbs == ["Say"]
        (form,) = world.server.forms("/amd")
        assert (form["AnsweredBy"], form["CallSid"]) == (verdict, call.call_sid)
        assert form["MachineDetectionDuration"] == "10"
        assert call.answered_by == verdict
        world.server.answers["/next"] = "<Response><Hangup/></Response>"
        next_url = world.server.url + "/next"
        away = f"<Response><Redirect>{next_url}</Redirect></Response>"
        await world.rest.redirect(call.call_sid, away)
        await call.wait_over()
        assert all("AnsweredBy" not in form for form in world.server.forms("/voice"))
        assert all("AnsweredBy" not in form for form in world.server.forms("/next"))


async def test_a_verdict_may_end_the_call_before_it_is_answered() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(callee=Machine(), verb_s=600)
        world.server.answers["/voice"] = BYE
        world.server.answers["/amd"] = lambda form: end_of(world, form["CallSid"])
        call = await world.place(machine_detection="Enable", amd_callback=world.server.url + "/amd")
        await call.wait_over()
        assert call.callbacks("amd")[0].status == 200


def end_of(world: World, call_sid: str) -> str:
    """End a call, as a server does that has no words for machines."""
    (call,) = [call for call in world.carrier.calls if call.call_sid == call_sid]
    call.hang_up()
    return ""


async def test_a_verdict_that_comes_after_the_end_is_not_posted() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(amd_after_s=600)
        world.server.answers["/voice"] = BYE
        call = await world.place(machine_detection="Enable", amd_callback=world.server.url + "/amd")
        await call.wait_over()
        assert world.server.forms("/amd") == []
