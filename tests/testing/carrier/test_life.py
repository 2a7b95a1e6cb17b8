"""A call from its first ring to its last callback."""

from __future__ import annotations

import httpx
import pytest
import trio

from trio_media.telephony.call_status import CallProgress, CallStatus
from trio_media.testing.carrier import (
    Busy,
    CallScript,
    EndedBy,
    NoAnswer,
    Rejects,
    Unreachable,
)
from trio_media.testing.carrier.calls import Order, StandInCall
from trio_media.testing.carrier.changes import Changes
from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.life import live
from trio_media.testing.carrier.script import Callee
from trio_media.testing.carrier.web import CarrierWeb

from .world import FROM, TO, open_world

BYE = "<Response><Say>bye</Say></Response>"


async def test_a_call_rings_is_answered_does_its_twiml_and_is_over() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = BYE
        call = await world.place()
        assert call.requests[0].first("To") == TO
        await call.wait_over()
        assert call.statuses == ["queued", "initiated", "ringing", "in-progress", "completed"]
        assert call.ended_by is EndedBy.TWIML
        assert call.verbs == ["Say"]
        assert call.problems == []
        told = world.server.forms("/status")
        statuses = [form["CallStatus"] for form in told]
        assert statuses == ["initiated", "ringing", "in-progress", "completed"]
        assert [form["SequenceNumber"] for form in told] == ["0", "1", "2", "3"]
        assert all(form["CallSid"] == call.call_sid and form["Timestamp"] for form in told)
        assert ("CallDuration" in told[-1], "CallDuration" in told[-2]) == (True, False)
        (asked,) = world.server.forms("/voice")
        assert asked["Direction"] == "outbound-api"
        assert asked["CallStatus"] == "in-progress"


@pytest.mark.parametrize(
    ("callee", "status", "ended_by", "rings"),
    [
        (Busy(), "busy", EndedBy.BUSY, False),
        (Unreachable(), "failed", EndedBy.UNREACHABLE, False),
        (Rejects(), "busy", EndedBy.REJECTED, True),
        (NoAnswer(), "no-answer", EndedBy.NO_ANSWER, True),
    ],
)
async def test_a_call_that_nobody_takes_asks_for_no_twiml(
    callee: Callee, status: str, ended_by: EndedBy, rings: bool
) -> None:
    async with open_world() as world:
        world.carrier.scripts[TO] = CallScript(callee=callee, ring_s=0.01)
        call = await world.place()
        await call.wait_over()
        assert (call.status, call.ended_by) == (status, ended_by)
        assert ("ringing" in call.statuses) is rings
        assert world.server.forms("/voice") == []
        progress = CallProgress()
        for form in world.server.forms("/status"):
            assert progress.heard(form["CallStatus"], int(form["SequenceNumber"]))
        assert progress.status is CallStatus(status)


async def test_only_the_events_asked_for_are_told() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = BYE
        call = await world.place(status_events=("ringing", "completed"))
        await call.wait_over()
        told = [form["CallStatus"] for form in world.server.forms("/status")]
        assert told == ["ringing", "completed"]


async def alone(order: Order, script: CallScript) -> StandInCall:
    """Hold a call that needs no network, in virtual time."""
    changes = Changes()
    call = StandInCall(
        call_sid="CA1",
        account_sid="AC1",
        from_=FROM,
        to=TO,
        direction="outbound-api",
        order=order,
        script=script,
        changes=changes,
    )
    async with httpx.AsyncClient() as client:
        web = CarrierWeb(client=client, auth_token="token")
        with trio.fail_after(1_000):
            await live(
                call,
                Exchange(account_sid="AC1", auth_token="token", web=web, changes=changes),
            )
    return call


async def test_a_timeout_is_kept_where_the_person_lets_it_ring_longer(
    autojump_clock: trio.abc.Clock,
) -> None:
    began_at = trio.current_time()
    call = await alone(Order(twiml=BYE, ring_timeout_s=20), CallScript(ring_s=600))
    assert (call.ended_by, call.status) == (EndedBy.NO_ANSWER, "no-answer")
    assert trio.current_time() - began_at == pytest.approx(20)


async def test_a_time_limit_ends_a_call(autojump_clock: trio.abc.Clock) -> None:
    began_at = trio.current_time()
    call = await alone(Order(twiml=BYE, time_limit_s=61.5), CallScript(ring_s=2, verb_s=600))
    assert (call.ended_by, call.status) == (EndedBy.TIME_LIMIT, "completed")
    assert call.talked_s == 61
    assert trio.current_time() - began_at == pytest.approx(63.5)


async def test_a_person_hangs_up_while_it_rings_and_while_it_goes_on() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(ring_s=600)
        call = await world.place()
        await call.until(lambda call: call.status == "ringing")
        call.hang_up()
        await call.wait_over()
        assert (call.ended_by, call.status) == (EndedBy.PERSON, "busy")
        world.carrier.otherwise = CallScript(verb_s=600)
        world.server.answers["/voice"] = BYE
        call = await world.place()
        await call.until(lambda call: call.verbs == ["Say"])
        call.hang_up()
        await call.wait_over()
        assert (call.ended_by, call.status) == (EndedBy.PERSON, "completed")


async def test_somebody_calls_in() -> None:
    async with open_world() as world:
        world.server.answers["/voice"] = BYE
        call = await world.carrier.call(
            world.server.url + "/voice",
            from_="+15550009999",
            to="+15550008888",
            status_callback=world.server.url + "/status",
        )
        await call.wait_over()
        (asked,) = world.server.forms("/voice")
        assert (asked["Direction"], asked["CallStatus"]) == ("inbound", "ringing")
        assert (asked["From"], asked["To"]) == ("+15550009999", "+15550008888")
        assert call.statuses == ["queued", "ringing", "in-progress", "completed"]
        assert [form["CallStatus"] for form in world.server.forms("/status")] == ["completed"]


async def test_twiml_may_come_with_the_request() -> None:
    async with open_world() as world:
        call = await world.place(url="", twiml=BYE)
        await call.wait_over()
        assert call.verbs == ["Say"]
        assert world.server.forms("/voice") == []
