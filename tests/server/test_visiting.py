"""One media stream: whose call it is, and what becomes of the one that was there before."""

from __future__ import annotations

import pytest
import trio

from trio_media import CallRefused
from trio_media.phone import CallEnd, CallerScript, CallIdentity, CallOptions, place_call
from trio_media.phone.route import parse_twiml
from trio_media.server.visiting import refusal_twiml

from .test_reception import open_desk, started
from .test_returning import Lines
from .world import World


async def test_a_second_stream_is_refused_while_the_first_cannot_give_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        first, second = desk.reception.visit(), desk.reception.visit()
        attendance = await first.attend(started())
        with pytest.raises(CallRefused, match="already"):
            await second.attend(started())
        second.over()
        assert desk.reception.live == {"CA1": attendance.attendant}
        first.over()
        assert desk.reception.live == {}


async def test_where_nobody_can_tell_them_apart_the_newest_stream_is_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch, validates=False) as desk:
        first, second = desk.reception.visit(), desk.reception.visit()
        await first.attend(started())
        attendance = await second.attend(started())
        first.over()
        assert desk.reception.live == {"CA1": attendance.attendant}


async def dial_again(world: World, call_sid: str, over: list[CallEnd]) -> None:
    """Another media stream of a call, with a token of its own."""
    answer = await world.post("/twilio/voice", CallSid=call_sid, From="+1", To="+2")
    route = parse_twiml(answer.content, webhook_url=world.url)
    twilio = world.carrier.twilio
    identity = CallIdentity(call_sid=call_sid, account_sid=twilio.account_sid, stream_sid="MZ2")
    options = CallOptions(
        identity=identity,
        custom_parameters=route.parameters,
        auth_token=twilio.auth_token,
        signed_url=route.stream_url,
    )
    record = await place_call(route.stream_url, script=CallerScript(()), options=options)
    over.append(record.ended_by)


async def test_a_stream_that_comes_before_the_old_one_is_found_dead_takes_its_place() -> None:
    lines, over = Lines(), list[CallEnd]()
    async with lines.world() as world:
        call = await lines.begin(world)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dial_again, world, call.call_sid, over)
            await lines.told.until(2)
            await call.until(lambda call: len(call.streams) == 1)  # the old one is closed
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert lines.told[:2] == ["start", "resume 1"]
    assert len(lines.calls) == 1
    assert over == []


def test_words_that_the_carrier_would_not_say_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for say in ("x" * 5_000, "\0"):
        twiml = refusal_twiml(CallRefused("no", say=say), is_unanswered=True)
        assert "<Reject" in twiml
        assert "Say" not in twiml
    assert "could not be told why" in caplog.text
