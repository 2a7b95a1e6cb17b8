"""Calls end exactly once at the carrier: the real server, a simulated carrier, real sockets."""

from __future__ import annotations

import signal
from typing import Any

import attrs
import pytest

from trio_media import Agent, Call, Config, EndingOutcome
from trio_media.phone import CallEnd, HangUp, Vanish, WaitForSpeech
from trio_media.server.kept_call import run_kept_call
from trio_media.server.webhooks import NOT_REACHED, SORRY
from trio_media.testing.carrier import (
    CallScript,
    DialOutcome,
    EndedBy,
    RestFault,
)

from .world import DESK, Kept, open_world, without_account

GOODBYE = "Goodbye."
SPOKEN_MS = 300  # of the model: enough to know it from a click


def ending(**how: Any) -> tuple[Agent, Kept[EndingOutcome], Kept[str]]:
    """An agent that ends its call as soon as it has begun, and keeps what it was told."""
    agent, outcomes, ends = Agent(greeting="Hello."), Kept[EndingOutcome](), Kept[str]()

    @agent.on_start
    async def end(call: Call) -> None:
        outcomes.append(await call.hang_up(**how))

    @agent.on_end
    async def note(call: Call, end: Any) -> None:
        ends.append(end.reason)

    return agent, outcomes, ends


def transferring(to: str = DESK, **how: Any) -> tuple[Agent, Kept[EndingOutcome], Kept[str]]:
    agent, outcomes, ends = Agent(greeting="Hello."), Kept[EndingOutcome](), Kept[str]()

    @agent.on_start
    async def transfer(call: Call) -> None:
        outcomes.append(await call.transfer(to, **how))

    @agent.on_end
    async def note(call: Call, end: Any) -> None:
        ends.append(end.reason)

    return agent, outcomes, ends


async def test_a_hang_up_is_asked_for_once_when_everything_was_heard() -> None:
    agent, outcomes, ends = ending(say=GOODBYE, if_interrupted="hang_up")
    async with open_world(agent) as world:
        call = await world.call()
        await call.wait_over(timeout_s=30)
        assert world.updates(call) == ["completed"]
        assert (call.ended_by, call.status) == (EndedBy.REST, "completed")
        assert call.heard_ms >= SPOKEN_MS
        (stream,) = call.streams
        sent_ms = sum(one.audio_bytes for one in stream.wire if not one.is_sent) // 8
        assert sum(1 for one in stream.wire if one.event == "clear") == 0
        assert len(call.heard) // 8 >= sent_ms, "the stream was closed before all was heard"
        assert call.problems == []
        await ends.until()
    assert (outcomes, ends) == ([EndingOutcome.ENDED], ["hung_up"])


async def test_without_an_account_the_twiml_after_the_stream_hangs_up() -> None:
    agent, _, _ = ending(say=GOODBYE, if_interrupted="hang_up")
    async with open_world(agent, change=without_account) as world:
        call = await world.call()
        await call.wait_over(timeout_s=30)
        assert world.carrier.requests == []
        assert call.verbs == ["Connect", "Redirect", "Hangup"]
        assert call.ended_by is EndedBy.TWIML
        assert call.streams[0].ended_by is CallEnd.FAR_END_CLOSED
        assert call.heard_ms >= SPOKEN_MS


async def test_a_hang_up_that_the_carrier_refuses_is_done_by_what_follows_the_stream() -> None:
    agent, _, ends = ending(after="now")
    async with open_world(agent) as world:
        world.carrier.fail_next(RestFault.TOO_MANY, retry_after_s=60)
        call = await world.call()
        await call.wait_over(timeout_s=30)
        assert call.verbs == ["Connect", "Redirect", "Hangup"]
        assert world.updates(call) == ["completed"]
        await ends.until()


async def test_two_hang_ups_at_once_are_one_request() -> None:
    agent = Agent(greeting="Hello.")

    @agent.on_start
    async def end(call: Call) -> None:
        call.start_soon(call.hang_up)
        call.start_soon(lambda: call.hang_up(after="now"))
        await call.hang_up(after="now")

    async with open_world(agent) as world:
        call = await world.call()
        await call.wait_over()
        assert world.updates(call) == ["completed"]


@pytest.mark.parametrize("action", [HangUp(), Vanish()])
async def test_a_caller_who_hung_up_needs_no_request(action: Any) -> None:
    ends: Kept[str] = Kept()
    agent = Agent(greeting="Hello.")

    @agent.on_end
    async def note(call: Call, end: Any) -> None:
        ends.append(end.reason)

    async with open_world(agent) as world:
        call = await world.call(WaitForSpeech(200), action)
        await call.wait_over(timeout_s=30)
        await ends.until()
        assert world.carrier.requests == []
        assert call.ended_by is EndedBy.PERSON
    assert ends == ["caller_hung_up"], "the carrier's status says so where the stream does not"


async def crashing(carrier_stream: Any, **how: Any) -> Any:
    """A call with a bug in its middle."""
    how["options"].on_control = crash
    return await run_kept_call(carrier_stream, **how)


def crash(_: object) -> None:
    raise RuntimeError("a bug")


async def test_after_a_crash_the_caller_is_told_that_we_are_sorry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_world(run_call=crashing) as world:
        call = await world.call()
        await call.wait_over()
        assert call.verbs == ["Connect", "Redirect", "Say", "Hangup"]
        assert call.twiml_done[2].text == SORRY
        assert world.updates(call) == []
    assert "call crashed" in caplog.text


# --- transfers ---------------------------------------------------------------------------------


async def test_a_transfer_is_one_redirect_and_nothing_follows_the_stream() -> None:
    agent, outcomes, ends = transferring(say="One moment.")
    async with open_world(agent) as world:
        call = await world.call()
        await call.wait_over(timeout_s=30)
        (twiml,) = world.updates(call)
        assert f"<Number>{DESK}</Number>" in twiml
        assert call.verbs == ["Connect", "Dial", "Hangup"]
        assert [dial.target for dial in call.dials] == [DESK]
        assert not any(asked.purpose == "redirect" for asked in call.asked)
        await ends.until()
        # Whoever asks all the same hears no second <Dial>.
        assert SORRY in (await world.post("/twilio/after", CallSid=call.call_sid)).text
    assert (outcomes, ends) == ([EndingOutcome.ENDED], ["transferred"])


async def test_without_an_account_a_transfer_is_one_dial_after_the_stream() -> None:
    agent, outcomes, _ = transferring()
    async with open_world(agent, change=without_account) as world:
        call = await world.call(dials={DESK: DialOutcome(status="busy")})
        await call.wait_over(timeout_s=30)
        assert world.carrier.requests == []
        assert call.verbs == ["Connect", "Redirect", "Dial"]
        assert [dial.target for dial in call.dials] == [DESK]
    assert outcomes == [EndingOutcome.ENDED]


async def test_who_cannot_be_reached_by_a_transfer_is_told_so() -> None:
    agent, _, _ = transferring()
    async with open_world(agent) as world:
        call = await world.call(dials={DESK: DialOutcome(status="busy")})
        await call.wait_over(timeout_s=30)
        assert call.verbs == ["Connect", "Dial", "Say", "Hangup"]
        assert call.twiml_done[2].text == NOT_REACHED


async def test_a_transfer_that_the_carrier_refuses_leaves_the_call_here() -> None:
    agent, outcomes, _ = transferring()
    async with open_world(agent) as world:
        world.carrier.fail_next(RestFault.TOO_MANY, retry_after_s=60)
        call = await world.call()
        await outcomes.until()
        assert outcomes == [EndingOutcome.FAILED]
        assert not call.is_over
        assert call.verbs == ["Connect"]
        before_ms = len(call.heard)
        await call.until(lambda call: len(call.heard) > before_ms)  # its stream goes on
        call.hang_up()
        await call.wait_over()
        assert call.dials == []


async def test_a_caller_who_leaves_during_a_warm_transfer_takes_the_dialled_leg_along() -> None:
    agent = Agent(greeting="Hello.")

    @agent.on_start
    async def transfer(call: Call) -> None:
        await call.transfer_warm(DESK, brief="A caller.", caller_id="+15550009999")

    async with open_world(agent) as world:
        world.carrier.scripts[DESK] = CallScript(ring_s=30)
        call = await world.call()
        desk = await world.carrier.nth_call(1)
        await desk.until(lambda call: call.status == "ringing")
        call.hang_up()
        await desk.wait_over()
        await call.wait_over()
        assert desk.status == "canceled"
        assert world.updates(desk) == ["completed"]
        assert world.updates(call) == []


def with_one_call(config: Config) -> Config:
    return attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))


async def test_a_warm_transfer_joins_both_and_works_when_the_server_is_full() -> None:
    agent, outcomes = Agent(greeting="Hello."), Kept[EndingOutcome]()

    @agent.on_start
    async def transfer(call: Call) -> None:
        outcomes.append(await call.transfer_warm(DESK, brief="A caller.", caller_id="+15550009999"))

    async with open_world(agent, change=with_one_call) as world:
        call = await world.call()
        desk = await world.carrier.nth_call(1)
        await call.until(lambda call: "Dial" in call.verbs, timeout_s=30)
        await outcomes.until()
        assert outcomes == [EndingOutcome.ENDED]
        assert "Dial" in desk.verbs
        call.hang_up()
        await call.wait_over()
        await desk.wait_over()
        assert world.updates(desk) == []


# --- the carrier ends it -----------------------------------------------------------------------


async def test_a_final_status_ends_a_call_whose_stream_is_half_open() -> None:
    ends: Kept[str] = Kept()
    agent = Agent(greeting="Hello.")

    @agent.on_end
    async def note(call: Call, end: Any) -> None:
        ends.append(end.reason)

    async with open_world(agent) as world:
        call = await world.call()
        await call.until(lambda call: call.heard_ms >= SPOKEN_MS, timeout_s=30)
        for status in ("ringing", "in-progress"):
            await world.tell_status(call.call_sid, status)
        assert ends == []
        for _ in range(2):  # repeated
            assert await world.tell_status(call.call_sid, "completed") == 204
        await ends.until()
        assert world.updates(call) == []
        assert await world.tell_status(call.call_sid, "completed") == 204
        assert await world.tell_status("CAunknown", "completed") == 204
    assert ends == ["caller_hung_up"]


async def test_a_signal_while_a_call_ends_does_not_end_it_twice() -> None:
    agent, outcomes, ends = ending(say=GOODBYE, if_interrupted="hang_up")
    async with open_world(agent) as world:
        call = await world.call()
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        world.send_signal(signal.SIGTERM)
        await call.wait_over(timeout_s=30)
        await world.ended.wait()
        assert world.updates(call) == ["completed"]
        assert call.heard_ms >= SPOKEN_MS
    assert (outcomes, ends) == ([EndingOutcome.ENDED], ["hung_up"])


async def test_a_draining_server_takes_no_call_and_says_so() -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        first = await world.call()
        await first.until(lambda call: call.heard_ms > 0, timeout_s=30)
        world.send_signal(signal.SIGTERM)
        await world.until_draining()
        second = await world.call()
        await second.wait_over()
        assert second.verbs == ["Say", "Hangup"]
        first.hang_up()
        await world.ended.wait()
