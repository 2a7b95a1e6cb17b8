"""Outbound calls that a machine answers, whole: both wires are in the test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import numpy as np
import pytest
import trio
from trio.testing import MockClock

from tests.call.live import LiveCall, live_call
from tests.call.wires import QUIET_FRAME, Model, is_type, numbers_of, speech
from trio_media.agent.agent import Agent
from trio_media.agent.answering_machine import ANSWER_S, ENDED_BY, MESSAGE_S, RESUMED, SETTLED_S
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo
from trio_media.agent.voicemail import BEEP_ALONE_MS, MESSAGE_MS_MAX, SILENT_MS
from trio_media.audio.g711 import encode_mulaw
from trio_media.call.attending import Attend, Attendance
from trio_media.config import AgentConfig, Authority, BargeInConfig, Config
from trio_media.core import commands as cm
from trio_media.errors import AgentError, CallRefused
from trio_media.telephony.events import MediaStreamStarted

BEEP_FRAME = encode_mulaw(
    np.rint(6_000 * np.sin(2 * np.pi * 1_000 * np.arange(160) / 8_000)).astype(np.int16)
)
"""20 ms of 1,000 Hz; many of them are one steady tone."""
MESSAGE = "This is Luigi's. Your table is ready."
GREETING = "Hello, this is Luigi's."
CALLED = {"direction": "outbound-api", "caller": "+15550001", "called": "+15550002"}


@attrs.define(eq=False)
class Placed:
    """An outbound call, what its agent was told, and its wires."""

    live: LiveCall
    attended: list[Call]
    told: list[str]

    @property
    def model(self) -> Model:
        return self.live.model

    @property
    def call(self) -> Call:
        [call] = self.attended
        return call

    def creates(self) -> list[str]:
        """What the model was told to say, in order."""
        creates = self.model.of("response.create")
        return [create["response"].get("instructions", "") for create in creates]

    async def answer(self) -> None:
        """The callee's phone is answered: the stream starts, and the model is there."""
        await self.live.carrier.start(**CALLED)
        await self.live.model_came.wait()
        await self.model.begin()

    async def greets(self, length_ms: int = 3_000) -> None:
        """The model says its greeting, or begins to."""
        await self.model.says("R1", "I1", speech(length_ms))

    async def machine_talks(self, length_ms: int, result: str = "") -> None:
        """The machine's greeting, as the line and the service hear it.

        ``result``: what the carrier says of it, before it is over.
        """
        await self.model.hears_start("G1")
        await self.live.caller_speaks(length_ms)
        if result:
            self.call.machine_detected(result)
            await trio.sleep(0.02)
        await self.model.hears_stop("G1")
        await self.model.commits("G1")

    async def beeps(self, length_ms: int = 400) -> None:
        await self.live.carrier.talk(length_ms, BEEP_FRAME)
        await self.live.carrier.talk(200, QUIET_FRAME)

    async def message_is_said(self, response_id: str = "RM", length_ms: int = 2_000) -> None:
        create = await self.model.says(response_id, f"I{response_id}", speech(length_ms))
        assert MESSAGE in create["response"]["instructions"]

    async def hung_up(self) -> None:
        """The call ends by itself, for the machine's sake."""
        assert (await self.live.until_end()).reason == ENDED_BY


def machine_config(
    policy: str = "leave_message", *, barge_in: BargeInConfig | None = None, **agent: Any
) -> Config:
    given = {"greeting": GREETING, "voicemail_message": MESSAGE, "silence_s": 0, **agent}
    return Config(
        agent=AgentConfig(voicemail=policy, **given),  # type: ignore[arg-type]
        barge_in=barge_in or BargeInConfig(backchannel_ms=0),
    )


@asynccontextmanager
async def placed(
    config: Config, agent: Agent | None = None, *, early: tuple[str, ...] = ()
) -> AsyncIterator[Placed]:
    """Place a call.  ``early``: the carrier's results before the call has begun."""
    agent = agent or Agent("Be kind.")
    attended: list[Call] = []
    told: list[str] = []

    @agent.on_machine
    async def on_machine(call: Call, result: str) -> None:
        told.append(result)

    @agent.on_start
    async def on_start(call: Call) -> None:
        told.append("start")

    decide: Attend = agent.attend(config)

    async def attend(started: MediaStreamStarted) -> Attendance:
        attendance = await decide(started)
        assert isinstance(attendance.attendant, Call)
        attended.append(attendance.attendant)
        for result in early:
            attendance.attendant.machine_detected(result)
        return attendance

    async with live_call(config, attend=attend) as live:
        yield Placed(live, attended, told)


# --- leaving a message -------------------------------------------------------------------------


async def test_the_message_is_left_after_the_beep_and_the_call_ends(
    autojump_clock: MockClock,
) -> None:
    async with placed(machine_config()) as place:
        await place.answer()
        await place.greets(60_000)  # it would talk through the whole greeting of the machine
        await place.machine_talks(3_000, "machine_start")
        await place.machine_talks(1_500)  # it goes on, longer than silence would be waited for
        assert place.creates()[1:] == []
        await place.beeps()
        beeped_ms = place.live.carrier.now_ms()
        await place.message_is_said()
        said = place.live.carrier.now_ms()
        await place.hung_up()
        assert said - beeped_ms < 500
        assert place.told == ["start", "machine_start"]
        assert place.call.counters["machine_hold"] == 1
        assert place.call.counters["machine_leave_message"] == 1


@pytest.mark.parametrize("authority", ["client", "server"])
async def test_the_message_is_never_cut(autojump_clock: MockClock, authority: Authority) -> None:
    barge_in = BargeInConfig(backchannel_ms=0, authority=authority)
    async with placed(machine_config(greeting="", barge_in=barge_in)) as place:
        await place.answer()
        place.call.machine_detected("machine_end_beep")
        await place.message_is_said(length_ms=5_000)
        already_ms = len(place.live.carrier.heard()) // 8
        await place.model.hears_start("G2")
        await place.live.caller_speaks(2_000)  # the machine, or its echo
        await place.model.hears_stop("G2")
        await place.model.commits("G2")
        await place.live.carrier.key("1")
        await place.hung_up()
        assert already_ms < 5_000
        assert numbers_of(place.live.carrier.heard())[-1] == 4_999
        assert not place.live.carrier.of("clear")
        assert len(place.creates()) == 1


async def test_nothing_that_is_heard_is_answered_while_a_machine_is_known(
    autojump_clock: MockClock,
) -> None:
    async with placed(machine_config()) as place:
        await place.answer()
        await place.greets(20_000)
        await trio.sleep(1)
        place.call.machine_detected("machine_start")
        await place.live.carrier.wait_for(is_type("clear"))
        await place.model.turn("G0", "Hello, this is Bob's phone.")
        await trio.sleep(0.5)
        before = place.creates()
        await place.machine_talks(3_000)
        await place.model.transcribes("G1", "I am not here.")
        assert place.creates() == before
        await place.beeps()
        await place.message_is_said("R9")
        await place.hung_up()


async def test_a_machine_without_a_beep_gets_its_message_in_the_silence(
    autojump_clock: MockClock,
) -> None:
    async with placed(machine_config(greeting="")) as place:
        await place.answer()
        await place.machine_talks(4_000, "machine_start")
        silent_ms = place.live.carrier.now_ms()
        await place.model.wait_for(is_type("response.create"), count=1)
        await place.message_is_said()
        [*_, asked_ms] = place.model.times_ms("response.create")
        assert SILENT_MS - 500 <= asked_ms - silent_ms <= SILENT_MS + 500
        await place.hung_up()


async def test_a_machine_that_never_stops_gets_its_message_too(autojump_clock: MockClock) -> None:
    config = machine_config(greeting="", barge_in=BargeInConfig(detector="local"))
    async with placed(config) as place:
        await place.answer()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(place.live.carrier.talk, 60_000)
            await trio.sleep(2)
            place.call.machine_detected("machine_start")
            known_ms = place.live.carrier.now_ms()
            await place.message_is_said()
            [asked_ms] = place.model.times_ms("response.create")
            assert abs(asked_ms - known_ms - MESSAGE_MS_MAX) <= 500
            await place.hung_up()
            nursery.cancel_scope.cancel()


async def test_a_beep_alone_is_believed_when_silence_follows(autojump_clock: MockClock) -> None:
    async with placed(machine_config()) as place:
        await place.answer()
        await place.greets(30_000)
        await place.machine_talks(2_000)
        await place.model.says("R2", "I2", speech(30_000))  # it answers what the machine said
        await place.beeps()
        beeped_ms = place.live.carrier.now_ms()
        await place.message_is_said()
        asked_ms = place.model.times_ms("response.create")[-1]
        assert abs(asked_ms - beeped_ms - BEEP_ALONE_MS) <= 500
        await place.hung_up()
        assert place.told == ["start", "beep"]


async def test_a_message_that_the_model_never_says_does_not_keep_the_call(
    autojump_clock: MockClock,
) -> None:
    async with placed(machine_config(greeting="")) as place:
        await place.answer()
        place.call.machine_detected("machine_end_other")
        await place.model.opens("RM", "IM", b"")
        asked_ms = place.live.carrier.now_ms()
        while not place.live.ended.is_set():  # a sound now and then, and never a word
            await place.model.audio("RM", "IM", speech(100))
            with trio.move_on_after(12):
                await place.live.ended.wait()
        await place.hung_up()
        assert place.live.ended_ms - asked_ms <= (MESSAGE_S + SETTLED_S + 12) * 1_000


# --- hanging up --------------------------------------------------------------------------------


async def test_words_of_a_machine_are_enough_to_hang_up(autojump_clock: MockClock) -> None:
    async with placed(machine_config("hang_up")) as place:
        await place.answer()
        await place.greets(30_000)
        await trio.sleep(1)
        await place.machine_talks(2_000)
        await place.model.opens("R2", "I2", speech(500))  # it answers what the machine said
        await place.model.transcribes("G1", "Bonjour, laissez un message après le bip.")
        said_ms = place.live.carrier.now_ms()
        await place.hung_up()
        assert place.live.ended_ms - said_ms < 2_000
        assert place.told == ["start", "words"]
        assert MESSAGE not in "".join(place.creates())


async def test_a_machine_is_hung_up_also_where_no_model_comes(autojump_clock: MockClock) -> None:
    async with placed(machine_config("hang_up")) as place:
        await place.live.carrier.start(**CALLED)
        await place.live.model_came.wait()  # it is there, and agrees on nothing
        place.call.machine_detected("fax")
        await place.hung_up()


async def test_no_other_ending_keeps_a_machine_on_the_line(autojump_clock: MockClock) -> None:
    barge_in = BargeInConfig(backchannel_ms=0, protect_greeting=True)
    async with placed(machine_config("hang_up", barge_in=barge_in)) as place:
        await place.answer()
        await place.greets(4_000)
        place.call.machine_detected("machine_start")  # it ends when its greeting was heard
        await trio.sleep(1)
        place.live.nursery.start_soon(place.call.hang_up)  # which the callee could revoke
        await trio.sleep(0.5)
        await place.model.turn("G1", "I am not here.")
        await place.hung_up()
        assert place.live.ended_ms < 8_000


async def test_a_machine_that_talks_does_not_keep_the_call(autojump_clock: MockClock) -> None:
    barge_in = BargeInConfig(backchannel_ms=0, protect_greeting=True)
    async with placed(machine_config("hang_up", barge_in=barge_in)) as place:
        await place.answer()
        await place.greets(4_000)
        place.call.machine_detected("machine_start")
        await trio.sleep(1)
        await place.model.turn("G1", "I am not here.")
        await place.hung_up()
        begun = [o for o in place.live.notebook.orders if isinstance(o, cm.EndingBegan)]
        assert len(begun) == 1


# --- results that come early, twice, late --------------------------------------------------------


async def test_a_result_before_the_call_has_begun_is_kept(autojump_clock: MockClock) -> None:
    async with placed(machine_config(), early=("machine_end_beep",)) as place:
        await place.answer()
        await place.message_is_said()
        await place.hung_up()
        assert len(place.creates()) == 1, "the greeting was said, too"
        assert place.told == ["start", "machine_end_beep"]


@pytest.mark.parametrize("result", ["human", "unknown"])
async def test_a_person_who_is_known_early_is_greeted(
    autojump_clock: MockClock, result: str
) -> None:
    async with placed(machine_config("hang_up"), early=(result, result)) as place:
        await place.answer()
        await place.greets(1_000)
        await trio.sleep(30)
        assert GREETING in place.creates()[0]
        assert not place.live.ended.is_set()
        assert not place.live.carrier.of("clear")
        assert place.told == ["start"]


async def test_repeated_results_leave_one_message(autojump_clock: MockClock) -> None:
    async with placed(machine_config(greeting="")) as place:
        await place.answer()
        for _ in range(100):
            place.call.machine_detected("machine_end_beep")
        await place.message_is_said()
        place.call.machine_detected("machine_start")
        await place.hung_up()
        place.call.machine_detected("human")  # nobody is there to hear it
        assert len(place.creates()) == 1
        assert place.told == ["start", "machine_end_beep"]


async def test_a_late_result_does_not_end_a_conversation(autojump_clock: MockClock) -> None:
    async with placed(machine_config("hang_up")) as place:
        await place.answer()
        await place.greets(2_000)
        await trio.sleep(2.5)
        for number in range(6):
            await place.model.turn(f"U{number}", "Yes, and then?")
            await place.model.says(f"RC{number}", f"IC{number}", speech(2_000))
            await trio.sleep(10)
        assert place.live.carrier.now_ms() > 60_000
        place.call.machine_detected("machine_start")
        await trio.sleep(20)
        assert not place.live.ended.is_set()
        assert place.told == ["start"]


async def test_a_late_result_ends_a_monologue(autojump_clock: MockClock) -> None:
    async with placed(machine_config("hang_up")) as place:
        await place.answer()
        await place.greets(2_000)
        await place.machine_talks(4_000)
        await place.model.says("R2", "I2", speech(5_000))
        await trio.sleep(55)
        place.call.machine_detected("machine_start")
        await place.hung_up()


# --- a person after all --------------------------------------------------------------------------


async def test_a_person_after_all_is_spoken_to_again(autojump_clock: MockClock) -> None:
    async with placed(machine_config()) as place:
        await place.answer()
        await place.greets(30_000)
        await trio.sleep(1)
        await place.model.hears_start("G1")
        await place.model.transcribes("G1", "You reached the voicemail of Bob, just kidding")
        await place.live.carrier.wait_for(is_type("clear"))
        await place.model.hears_stop("G1")
        await place.model.commits("G1")
        await trio.sleep(0.2)
        place.call.machine_detected("human")
        await place.model.says("R2", "I2", speech(1_000))
        assert RESUMED in place.creates()[-1]
        await trio.sleep(2)
        await place.model.turn("U1", "Yes, it is me.")
        await place.model.says("R3", "I3", speech(1_000))  # answers are not held any more
        await trio.sleep(60)
        assert not place.live.ended.is_set()


async def test_whoever_speaks_after_a_beep_is_answered_and_not_talked_over(
    autojump_clock: MockClock,
) -> None:
    async with placed(machine_config("hang_up")) as place:
        await place.answer()
        await place.greets(30_000)
        await place.live.carrier.talk(1_000, QUIET_FRAME)
        await place.beeps()
        await place.live.carrier.talk(1_500, QUIET_FRAME)
        await place.machine_talks(1_000)
        await place.model.transcribes("G1", "Are you still there?")
        await place.model.says("R2", "I2", speech(1_000))
        await trio.sleep(ANSWER_S + 2)
        assert len(place.creates()) == 2, place.creates()
        assert RESUMED not in place.creates()[-1]
        assert not place.live.ended.is_set()


async def test_a_noise_after_a_beep_leaves_no_dead_air(autojump_clock: MockClock) -> None:
    async with placed(machine_config("hang_up")) as place:
        await place.answer()
        await place.greets(30_000)
        await place.live.carrier.talk(1_000, QUIET_FRAME)
        await place.beeps()
        await place.live.carrier.talk(1_500, QUIET_FRAME)
        await place.model.hears_start("U1")
        await trio.sleep(1)
        await place.model.hears_stop("U1")  # and it is never committed
        await place.model.says("R2", "I2", speech(1_000))
        assert RESUMED in place.creates()[-1]


# --- where nothing is looked for -----------------------------------------------------------------


@pytest.mark.parametrize("policy", ["go_on", "hang_up"])
async def test_who_calls_us_is_no_machine(autojump_clock: MockClock, policy: str) -> None:
    async with placed(machine_config(policy)) as place:
        direction = {"go_on": "outbound-api", "hang_up": "inbound"}[policy]
        await place.live.carrier.start(direction=direction)
        await place.live.model_came.wait()
        await place.model.begin()
        await place.greets(1_000)
        await place.beeps()
        await place.model.turn("U1", "Leave a message after the tone.")
        await place.model.says("R2", "I2", speech(500))
        place.call.machine_detected("machine_start")
        await trio.sleep(30)
        assert not place.live.ended.is_set()
        assert place.told == ["start", "machine_start"]  # an application may do as it likes
        assert not place.live.carrier.of("clear")
        assert all(type(o).__name__ != "CalleeWatch" for o in place.call.control.line.observers)


# --- what an agent says about it ------------------------------------------------------------------


OUTBOUND = CallInfo(call_sid="CA1", direction="outbound", called="+15550002")


async def test_an_agent_decides_the_policy_and_the_message_of_each_call() -> None:
    def message(info: CallInfo) -> str:
        return f"For {info.called}."

    agent = Agent("Be kind.", voicemail="leave_message", voicemail_message=message)
    attendance = await agent.settle(OUTBOUND, Config())
    assert attendance.config.agent.voicemail == "leave_message"
    assert attendance.config.agent.voicemail_message == "For +15550002."
    inbound = await agent.settle(CallInfo(call_sid="CA2"), machine_config())
    assert inbound.config.agent.voicemail_message == MESSAGE, "it was not asked"


async def test_an_agent_that_leaves_no_message_says_so() -> None:
    for agent in (
        Agent("Be kind.", voicemail="leave_message"),
        Agent("Be kind.", voicemail="leave_message", voicemail_message=" "),
    ):
        with pytest.raises(AgentError, match="voicemail_message"):
            agent.check(Config())
        with pytest.raises(AgentError, match="voicemail_message"):
            await agent.settle(OUTBOUND, Config())
    Agent("Be kind.", voicemail="leave_message").check(machine_config("go_on"))
    empty = Agent("Be kind.", voicemail="leave_message", voicemail_message=lambda _: "")
    started = MediaStreamStarted(
        call_sid="CA1",
        stream_sid="MZ1",
        account_sid="AC1",
        custom_parameters={"direction": "outbound-api"},
    )
    with pytest.raises(CallRefused):
        await empty.attend(Config())(started)


def test_a_policy_that_is_none_names_those_that_are() -> None:
    with pytest.raises(AgentError, match="go_on, hang_up, leave_message, not 'beep'"):
        Agent("Be kind.", voicemail="beep")  # type: ignore[arg-type]
    with pytest.raises(AgentError, match="voicemail_message: a text"):
        Agent("Be kind.", voicemail_message=5)  # type: ignore[arg-type]
    with pytest.raises(AgentError, match="on_machine"):
        Agent("Be kind.").on_machine(lambda call: None)
