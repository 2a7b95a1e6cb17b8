"""A call whose media stream is cut, and comes back: what is kept, and how it goes on."""

from __future__ import annotations

from typing import Any

import attrs
import trio
from trio.testing import MockClock

from trio_media import Agent, Call
from trio_media.call.attending import Attendance
from trio_media.call.control import Words
from trio_media.call.record import CallEnd
from trio_media.call.resuming import CUT, LOST_TOOL, SOUND_BYTES_MAX, Resumption
from trio_media.config import Config, RecordingConfig
from trio_media.core.events import ConversationResumed
from trio_media.core.outcomes import Recorded
from trio_media.telephony.events import MediaStreamStarted

from .live import GREETS, LiveCall, config_of, for_once, live_call
from .test_keeping import items, says
from .wires import LOUD_FRAME, numbers_of, speech

QUIET = config_of("")
SETTLES_S = 0.5


@attrs.define(eq=False)
class Back:
    """Keeps a call between its media streams, as a server does."""

    config: Config = QUIET
    agent: Agent = attrs.field(factory=Agent)
    kept: list[Resumption] = attrs.field(factory=list)
    stopped: list[Resumption] = attrs.field(factory=list)
    attendances: list[Attendance] = attrs.field(factory=list)
    keeps: bool = True

    def cut(self, resumption: Resumption, end: CallEnd) -> bool:
        if end.reason not in CUT:  # the caller may be there still, and the call is over
            self.stopped.append(resumption)
            return False
        self.kept.append(resumption)
        self.call.cut()
        return self.keeps

    @property
    def call(self) -> Call:
        call = self.attendances[-1].attendant
        assert isinstance(call, Call)
        return call

    async def attend(self, started: MediaStreamStarted) -> Attendance:
        if not self.kept:
            attendance = await self.agent.attend(self.config)(started)
        else:
            attendance = attrs.evolve(self.attendances[-1], resumption=self.kept[-1])
            self.call.resume(self.kept[-1].number)
        self.attendances.append(attendance)
        return attendance

    def live(self, **options: Any) -> Any:
        return live_call(self.config, attend=self.attend, cut=self.cut, **options)


async def is_cut(live: LiveCall) -> str:
    """The carrier's connection is gone."""
    await live.raw.aclose()
    return (await live.until_end()).reason


async def test_the_conversation_goes_on_as_it_was_heard(autojump_clock: MockClock) -> None:
    back = Back(config=GREETS)
    async with back.live() as live:
        model = await live.start()
        await says(model, "R1", "M1", speech(500), "Hello.")
        await trio.sleep(2)
        await model.turn("C1", "What time is it?")
        await says(model, "R2", "M2", speech(500), "Half past nine.")
        await trio.sleep(2)
        assert await is_cut(live) == "carrier_lost"
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        assert items(model) == [
            ("assistant", "Hello."),
            ("user", "What time is it?"),
            ("assistant", "Half past nine."),
        ]
        await trio.sleep(5)
        assert not model.of("response.create"), "nothing was due, and nobody is greeted twice"
        assert back.call.info.resumed == 1


async def test_an_answer_that_was_cut_off_goes_on_from_what_was_heard(
    autojump_clock: MockClock,
) -> None:
    back = Back()
    async with back.live() as live:
        model = await live.start()
        await model.turn("C1", "Count.")
        await says(model, "R1", "M1", speech(4_000), "One two three four five six seven eight.")
        await trio.sleep(1)
        await is_cut(live)
    assert back.kept[0].resumed == ConversationResumed(was_cut=True)
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        [_, (role, text)] = items(model)
        assert (role, text) in [("assistant", "One two"), ("assistant", "One")]
        [create] = model.of("response.create")
        assert "Go on from where" in create["response"]["instructions"]


async def test_a_turn_without_an_answer_is_answered_once(autojump_clock: MockClock) -> None:
    back = Back()
    async with back.live() as live:
        model = await live.start()
        await model.turn("C1", "What time is it?")
        await trio.sleep(0.1)
        assert len(model.of("response.create")) == 1
        await is_cut(live)
    assert back.kept[0].resumed == ConversationResumed(is_answer_due=True)
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        assert items(model) == [("user", "What time is it?")]
        assert len(model.of("response.create")) == 1
        await says(model, "R1", "M1", speech(500), "Nine.")
        await trio.sleep(20)
        assert len(model.of("response.create")) == 1
        assert numbers_of(live.carrier.heard())[:500] == list(range(500))


async def test_what_the_caller_was_saying_is_heard_by_the_next_session(
    autojump_clock: MockClock,
) -> None:
    back = Back()
    async with back.live() as live:
        model = await live.start()
        await live.carrier.talk(1_000)
        await model.event("input_audio_buffer.speech_started", item_id="C1", audio_start_ms=1)
        await live.carrier.talk(500)
        await is_cut(live)
    assert back.kept[0].resumed.is_owed
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        assert model.caller_audio().count(LOUD_FRAME) >= 60
        assert items(model) == [], "nobody knows yet what they said"
        await model.turn("C1", "I was saying something.")
        await trio.sleep(SETTLES_S)
        assert len(model.of("response.create")) == 1


async def test_a_turn_without_words_is_heard_again_and_not_told_as_unknown(
    autojump_clock: MockClock,
) -> None:
    back = Back()
    async with back.live() as live:
        model = await live.start()
        await live.carrier.talk(1_000)
        await model.event("input_audio_buffer.speech_started", item_id="C1", audio_start_ms=1)
        await model.event("input_audio_buffer.speech_stopped", item_id="C1", audio_end_ms=900)
        await model.event("input_audio_buffer.committed", item_id="C1", previous_item_id=None)
        await trio.sleep(0.05)
        await is_cut(live)
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        assert items(model) == []
        assert model.caller_audio().count(LOUD_FRAME) >= 40


async def test_a_tool_that_ran_is_told_as_interrupted_and_keys_are_not_lost(
    autojump_clock: MockClock,
) -> None:
    ended: list[str] = []

    async def look_up(arguments: str) -> str:
        try:
            await trio.sleep(60)
        finally:
            ended.append(arguments)
        return "too late"

    back = Back()
    async with back.live(tools={"look_up": look_up}) as live:
        model = await live.start()
        await model.turn("C1", "Look it up.")
        create = await model.next_create()
        await model.created("R1", create)
        await model.calls_tool("R1", "call_1", "look_up", "{}")
        await model.done("R1")
        await trio.sleep(1)
        await live.carrier.key("7")
        await trio.sleep(0.1)
        await is_cut(live)
        assert ended == ["{}"]
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        told = items(model)
        assert ("function_call", "look_up") in told
        assert ("function_call_output", LOST_TOOL) in told
        assert ("user", "The caller pressed these keys: 7") in told
        assert len(model.of("response.create")) == 1


async def test_a_stream_that_is_cut_before_anything_was_said_begins_with_the_greeting(
    autojump_clock: MockClock,
) -> None:
    back = Back(config=GREETS)
    async with back.live() as live:
        await live.carrier.start()
        await live.model_came.wait()
        await is_cut(live)
    assert not back.kept[0].has_begun
    async with back.live() as live:
        model = await live.start()
        create = await model.next_create()
        assert "Hello." in create["response"]["instructions"]
        await trio.sleep(5)
        assert len(model.of("response.create")) == 1


async def test_a_call_that_is_cut_again_at_once_has_lost_nothing(
    autojump_clock: MockClock,
) -> None:
    back = Back()
    async with back.live() as live:
        model = await live.start()
        await model.turn("C1", "What time is it?")
        await trio.sleep(0.1)
        await is_cut(live)
    async with back.live() as live:
        await live.carrier.start()
        await trio.sleep(0.1)
        await is_cut(live)
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        assert items(model) == [("user", "What time is it?")]
        assert len(model.of("response.create")) == 1


async def test_after_our_last_words_nobody_is_asked_back(autojump_clock: MockClock) -> None:
    words = {Recorded.GOODBYE: speech(4_000)}
    back = Back(config=for_once(QUIET))
    async with back.live(recorded=words) as live:
        model = await live.start()
        await model.websocket.aclose()
        await trio.sleep(1)
        await is_cut(live)
    assert back.kept == []


async def test_names_of_two_media_streams_never_meet(autojump_clock: MockClock) -> None:
    back = Back()
    for _ in range(3):
        async with back.live() as live:
            model = await live.start()
            await live.control.send_text("system", f"Text {len(back.kept)}.")
            await model.turn("C1", f"Turn {len(back.kept)}.")
            await says(model, "R1", "M1", speech(200), f"Answer {len(back.kept)}.")
            await trio.sleep(3)
            await is_cut(live)
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(SETTLES_S)
        assert [text for _, text in items(model)] == [
            f"{what} {number}." for number in range(3) for what in ("Text", "Turn", "Answer")
        ]
        assert not model.of("response.create")
    assert [one.number for one in back.kept] == [1, 2, 3]


async def test_the_application_has_one_call_and_is_told_of_one_end(
    autojump_clock: MockClock,
) -> None:
    agent, told = Agent(), list[Any]()

    @agent.on_start
    async def on_start(call: Call) -> None:
        told.append("start")
        call.pause_recording()
        await trio.sleep_forever()

    @agent.on_resume
    async def on_resume(call: Call) -> None:
        told.append(("resume", call.info.resumed, call.state.duration_ms >= 8_000))

    @agent.on_end
    async def on_end(call: Call, end: Any) -> None:
        told.append(("end", end.reason, end.duration_ms, [one.text for one in call.transcript]))

    back = Back(config=QUIET, agent=agent)
    async with back.live() as live:
        model = await live.start()
        await model.turn("C1", "Hello?")
        await says(model, "R1", "M1", speech(500), "Yes?")
        await trio.sleep(5)
        await is_cut(live)
        assert told == ["start"]
        assert back.call.is_over
    await trio.sleep(3)
    async with back.live() as live:
        model = await live.start()
        await model.turn("C1", "Still there?")
        await says(model, "R1", "M1", speech(500), "Yes.")
        await trio.sleep(2)
        assert not back.call.is_over
        assert back.call.failures[0].done == "wait"
        assert back.call.failures[1].done == "resume"
        assert back.call.counters["creates"] == 2
        assert live.notebook.noted("recording_paused"), "as it was before"
    *_, (_, reason, duration_ms, said) = told
    assert told[:2] == ["start", ("resume", 1, True)]
    assert len(told) == 3
    assert reason == "caller_hung_up"
    assert 10_000 <= duration_ms <= 11_000
    assert said == ["Hello?", "Yes?", "Still there?", "Yes."]
    times = [one.at_ms for one in back.call.transcript]
    assert times == sorted(times)
    assert times[2] >= 8_000


async def test_a_call_that_nobody_keeps_ends_as_it_ever_did(autojump_clock: MockClock) -> None:
    agent, ends = Agent(), list[str]()

    @agent.on_end
    async def on_end(call: Call, end: Any) -> None:
        ends.append(end.reason)

    back = Back(agent=agent, keeps=False)
    async with back.live() as live:
        await live.start()
        await trio.sleep(1)
        await is_cut(live)
    assert ends == ["carrier_lost"]
    async with live_call(QUIET, attend=agent.attend(QUIET)) as live:
        await live.start()
        await is_cut(live)
        assert live.notebook.noted("failure")[-1]["done"] == "end"
    assert ends == ["carrier_lost"] * 2


async def test_whoever_hangs_up_does_not_come_back(autojump_clock: MockClock) -> None:
    back = Back()
    async with back.live() as live:
        await live.start()
        await live.carrier.stop()
        assert (await live.until_end()).reason == "caller_hung_up"
    async with back.live() as live:
        await live.start()
        await live.control.hang_up()
        await live.until_end()
    assert back.kept == []
    assert len(back.stopped) == 1, "the carrier stopped the first, for whatever reason"


async def test_a_stream_that_is_replaced_leaves_its_conversation(autojump_clock: MockClock) -> None:
    back = Back()
    async with back.live() as live:
        model = await live.start()
        await model.turn("C1", "Hello?")
        await trio.sleep(0.1)
        await live.control.replaced()
        assert (await live.until_end()).reason == "replaced"
        [failure] = live.notebook.noted("failure")
        assert failure["what"] == "carrier_lost"
    assert back.kept[0].resumed.is_answer_due


async def test_that_a_call_is_recorded_is_said_until_it_was_heard_and_not_again(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    recording = RecordingConfig(dir=str(tmp_path), consent="announce")
    back = Back(config=attrs.evolve(GREETS, recording=recording))
    for heard_s in (0.1, 5.0):
        async with back.live() as live:
            model = await live.start()
            announcement = await model.says("R1", "M1", speech(1_000))
            assert recording.announcement in announcement["response"]["instructions"]
            await trio.sleep(heard_s)
            await is_cut(live)
    assert [one.is_announced for one in back.kept] == [False, True]
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(2)
        assert all(
            recording.announcement not in str(create) for create in model.of("response.create")
        )


async def test_what_is_kept_of_the_callers_voice_is_bounded(autojump_clock: MockClock) -> None:
    back = Back()
    async with back.live() as live:
        await live.carrier.start()
        await live.model_came.wait()  # ... and nothing more
        await live.carrier.talk(30_000)
        await is_cut(live)
    assert len(back.kept[0].sound) <= SOUND_BYTES_MAX


async def test_words_that_were_asked_for_end_with_the_media_stream(
    autojump_clock: MockClock,
) -> None:
    back = Back()
    async with back.live() as live:
        await live.start()
        reply = await live.control.speak(Words(text="Say it."))
        await is_cut(live)
        assert (await reply.wait()).outcome.value == "call_ended"
    async with back.live() as live:
        model = await live.start()
        await trio.sleep(5)
        assert not model.of("response.create")
