"""Calls whose media stream is cut come back, over real sockets; and those that do not."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import trio

from trio_media import Agent, Call, Config
from trio_media.agent.info import CallInfo
from trio_media.call.attending import Attendance
from trio_media.call.conversation import Conversation
from trio_media.call.record import CallEnd
from trio_media.call.resuming import Resumption
from trio_media.call.texts import Texts
from trio_media.core.events import ConversationResumed
from trio_media.facts.usage import Spending
from trio_media.server.kept_call import run_kept_call
from trio_media.server.returning import (
    AGAIN_S,
    REMEMBERED_S,
    RETURN_S,
    RETURNS_MAX,
    CutCall,
    Returning,
)
from trio_media.server.webhooks import SORRY
from trio_media.testing.carrier import EndedBy, StandInCall
from trio_media.testing.carrier.calls import Replace

from .world import Kept, World, open_world

SPOKEN_MS = 300  # of the model: enough to know it from a click


@attrs.define(eq=False)
class Lines:
    """The carrier's connections, as the server has them, and what the agent was told."""

    streams: Kept[trio.abc.Stream] = attrs.field(factory=Kept)
    told: Kept[Any] = attrs.field(factory=Kept)
    calls: Kept[Call] = attrs.field(factory=Kept)
    agent: Agent = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.agent = Agent(greeting="Hello.")

        @self.agent.on_start
        async def on_start(call: Call) -> None:
            self.calls.append(call)
            self.told.append("start")

        @self.agent.on_resume
        async def on_resume(call: Call) -> None:
            self.told.append(f"resume {call.info.resumed}")

        @self.agent.on_end
        async def on_end(call: Call, end: CallEnd) -> None:
            self.told.append(f"end {end.reason}")

    async def run_call(self, stream: trio.abc.Stream, **how: Any) -> CallEnd:
        self.streams.append(stream)
        return await run_kept_call(stream, **how)

    def world(self, change: Callable[[Config], Config] = lambda config: config) -> Any:
        return open_world(self.agent, change=change, run_call=self.run_call)

    async def begin(self, world: World) -> StandInCall:
        call = await world.call()
        await call.until(lambda call: call.heard_ms >= SPOKEN_MS, timeout_s=30)
        return call

    async def cut(self) -> None:
        await trio.aclose_forcefully(self.streams[-1])


async def test_a_call_that_is_cut_comes_back_by_itself_and_has_one_end() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        await call.until(lambda call: call.heard_ms >= 1_500, timeout_s=30)
        await lines.cut()
        await lines.streams.until(2)
        await lines.told.until(2)
        assert call.verbs == ["Connect", "Redirect", "Connect"]
        said = [one.text for one in lines.calls[0].transcript]
        assert said, "what was heard before is known"
        await world.model.opened.until(2)
        call.hang_up()
        await call.wait_over()
        await lines.told.until(3)
    assert lines.told == ["start", "resume 1", "end caller_hung_up"]
    assert len(lines.calls) == 1


async def test_the_model_goes_on_where_it_was_cut_off() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        await lines.cut()
        await lines.told.until(2)
        before_ms = call.heard_ms
        await call.until(lambda call: call.heard_ms > before_ms + SPOKEN_MS, timeout_s=30)


def of_one(config: Config) -> Config:
    return attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))


async def test_a_full_server_has_kept_the_place() -> None:
    lines = Lines()
    async with lines.world(of_one) as world:
        await lines.begin(world)
        await lines.cut()
        await lines.told.until(2)
        other = await world.call()
        await other.wait_over()
        assert other.verbs == ["Say", "Hangup"]
    assert lines.told[:2] == ["start", "resume 1"]


async def test_a_call_that_is_cut_in_a_drain_comes_back_and_is_waited_for() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        world.send_signal(signal.SIGTERM)
        await world.until_draining()
        await lines.cut()
        await lines.told.until(2)
        assert not world.ended.is_set()
        call.hang_up()
        await world.ended.wait()
    assert lines.told == ["start", "resume 1", "end caller_hung_up"]


async def test_a_stream_that_is_cut_at_once_again_is_not_tried_for_ever() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        await lines.cut()
        await lines.streams.until(2)
        await lines.told.until(2)
        await lines.cut()
        await call.wait_over(timeout_s=30)
        await lines.told.until(3)
        assert call.verbs == ["Connect", "Redirect", "Connect", "Redirect", "Say", "Hangup"]
        assert call.twiml_done[-2].text == SORRY
        assert call.ended_by is EndedBy.TWIML
    assert lines.told == ["start", "resume 1", "end carrier_lost"]


async def test_a_stream_that_is_half_open_gives_way_when_the_carrier_asks_what_follows() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        answer = await world.post("/twilio/after", CallSid=call.call_sid)
        assert "<Connect>" in answer.text
        assert call.call_sid not in (await world.post("/twilio/after", CallSid="CA-other")).text
        await call.until(lambda call: len(call.streams) == 1)  # we closed it
        assert (lines.calls[0].info.resumed, lines.calls[0].is_over) == (0, True)


async def test_after_a_goodbye_nobody_is_asked_back() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        await lines.calls[0].hang_up(after="now")
        await call.wait_over()
        await lines.told.until(2)
        for follows in ("<Hangup", SORRY):  # what was decided is told once
            assert follows in (await world.post("/twilio/after", CallSid=call.call_sid)).text
    assert lines.told == ["start", "end hung_up"]


async def test_the_files_of_a_call_that_came_back_are_linked(tmp_path: Path) -> None:
    def keeping(config: Config) -> Config:
        return attrs.evolve(config, recording=attrs.evolve(config.recording, dir=str(tmp_path)))

    lines = Lines()
    async with lines.world(keeping) as world:
        call = await lines.begin(world)
        await lines.cut()
        await lines.told.until(2)
        call.hang_up()
        await call.wait_over()
        await lines.told.until(3)
    first = msgspec.json.decode((tmp_path / f"{call.call_sid}.json").read_bytes())
    second = msgspec.json.decode((tmp_path / f"{call.call_sid}-2.json").read_bytes())
    assert first["resumed_from"] == ""
    assert second["resumed_from"] == first["stream_sid"]
    assert [failure["done"] for failure in first["failures"]] == ["wait"]
    assert [failure["done"] for failure in second["failures"]] == ["resume"]
    assert first["ended"]["reason"] == "carrier_lost"


# --- without a network --------------------------------------------------------------------------


def resumption_of(call_sid: str, number: int = 1, sound: bytes = b"") -> Resumption:
    return Resumption(
        call_sid=call_sid,
        stream_sid="MZ1",
        number=number,
        conversation=Conversation(Texts()),
        resumed=ConversationResumed(),
        sound=sound,
        sessions=1,
        spending=Spending(),
        is_announced=True,
    )


@attrs.define(eq=False)
class Desk:
    """Calls that were cut, in virtual time."""

    returning: Returning
    ended: list[tuple[str, str]] = attrs.field(factory=list)
    freed: list[str] = attrs.field(factory=list)

    def cut(self, call_sid: str = "CA1", number: int = 1) -> bool:
        call = Call(CallInfo(call_sid=call_sid))
        resumption = resumption_of(call_sid, number)
        return self.returning.keep(
            CutCall(
                call=call,
                attendance=Attendance(config=Config(), attendant=call),
                resumption=resumption,
                end=CallEnd(call_sid=call_sid, reason="carrier_lost", duration_ms=1),
                count_end=lambda end: self.ended.append((end.call_sid, end.reason)),
                give_up_place=lambda: self.freed.append(call_sid),
            )
        )


async def at_desk(test: Callable[[Desk], Awaitable[None]]) -> Desk:
    async with trio.open_nursery() as nursery:
        desk = Desk(Returning(nursery))
        await test(desk)
        nursery.cancel_scope.cancel()
    return desk


async def test_a_call_that_does_not_come_back_is_over_after_a_while(autojump_clock: Any) -> None:
    async def test(desk: Desk) -> None:
        assert desk.cut()
        await trio.sleep(RETURN_S - 1)
        assert "CA1" in desk.returning
        assert desk.ended == []
        await trio.sleep(2)
        assert "CA1" not in desk.returning

    desk = await at_desk(test)
    assert (desk.ended, desk.freed) == ([("CA1", "carrier_lost")], ["CA1"])


async def test_a_call_that_was_not_asked_back_is_nobodys(autojump_clock: Any) -> None:
    async def test(desk: Desk) -> None:
        desk.cut()
        assert desk.returning.take("CA1") is None
        assert desk.returning.ask_back("CA2") is None
        assert desk.returning.ask_back("CA1") is not None
        assert desk.returning.take("CA1") is not None
        assert desk.returning.take("CA1") is None
        await trio.sleep(2 * RETURN_S)
        assert desk.ended == []

    await at_desk(test)


async def test_a_call_comes_back_so_often_and_no_more(autojump_clock: Any) -> None:
    async def test(desk: Desk) -> None:
        for number in range(1, RETURNS_MAX + 1):
            assert desk.cut(number=number)
            assert desk.returning.ask_back("CA1") is not None
            assert desk.returning.take("CA1") is not None
            await trio.sleep(2 * AGAIN_S)
        assert not desk.cut(number=RETURNS_MAX + 1)
        assert "CA1" not in desk.returning

    await at_desk(test)


async def test_a_carrier_that_asks_and_never_connects_is_answered_so_often(
    autojump_clock: Any,
) -> None:
    async def test(desk: Desk) -> None:
        desk.cut()
        for _ in range(RETURNS_MAX):
            assert desk.returning.ask_back("CA1") is not None
            await trio.sleep(2 * AGAIN_S)
        assert desk.returning.ask_back("CA1") is None
        await trio.testing.wait_all_tasks_blocked()
        assert desk.ended == [("CA1", "carrier_lost")]

    await at_desk(test)


async def test_a_call_that_the_carrier_has_ended_is_over_at_once(autojump_clock: Any) -> None:
    async def test(desk: Desk) -> None:
        desk.cut()
        desk.returning.give_up("CA1")
        desk.returning.give_up("CA1")
        await trio.testing.wait_all_tasks_blocked()
        assert desk.ended == [("CA1", "caller_hung_up")]
        assert desk.freed == ["CA1"]

    await at_desk(test)


async def test_a_bug_in_ending_a_call_is_no_other_calls_business(
    autojump_clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(call: Call, end: CallEnd) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Call, "ended", crash)

    async def test(desk: Desk) -> None:
        desk.cut()
        desk.returning.give_up("CA1")
        await trio.testing.wait_all_tasks_blocked()
        assert desk.freed == ["CA1"]

    await at_desk(test)
    assert "crashed" in caplog.text


@pytest.mark.parametrize("path", ["/twilio/after", "/twilio/voice"])
async def test_a_call_that_the_carrier_redirects_to_us_goes_on_with_its_conversation(
    path: str,
) -> None:
    """It stops the media stream as it does when the caller hangs up; then it asks us again."""
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        await call.until(lambda call: call.heard_ms >= 1_500, timeout_s=30)
        call.ask(Replace(url=world.url + path))
        await lines.streams.until(2)
        await lines.told.until(3)
        before_ms = call.heard_ms
        await call.until(lambda call: call.heard_ms >= before_ms + 1_000, timeout_s=30)
        greetings = [one for one in lines.calls[1].transcript if "Hello" in one.text]
        assert not greetings, "nobody is greeted twice"
        call.hang_up()
        await call.wait_over()
        await lines.told.until(4)
    assert lines.told == ["start", "end caller_hung_up", "start", "end caller_hung_up"]


async def test_a_caller_who_has_hung_up_is_not_remembered() -> None:
    lines = Lines()
    async with lines.world() as world:
        call = await lines.begin(world)
        call.hang_up()
        await call.wait_over()
        await lines.told.until(2)
        asked = {"CallSid": call.call_sid, "CallStatus": "completed"}
        assert SORRY in (await world.post("/twilio/after", **asked)).text


async def test_what_was_said_is_kept_for_a_while_and_handed_over_once(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    returning = Returning(nursery)
    returning.remember(resumption_of("CA1", sound=b"hm"))
    returning.remember(resumption_of("CA2", RETURNS_MAX + 1, b"hm"))
    assert returning.remembers("CA1")
    assert not returning.remembers("CA2"), "it came back often enough"
    assert returning.recall("CA1") is not None
    assert returning.recall("CA1") is None
    returning.remember(resumption_of("CA1", sound=b"hm"))
    await trio.sleep(REMEMBERED_S)
    assert returning.recall("CA1") is None
