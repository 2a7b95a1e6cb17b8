"""Part 2 C, D and G: machines that are met too early, prompts of others, threads that stay."""

from __future__ import annotations

import threading

import pytest
import trio

from tests.call.live import config_of, live_call
from tests.call.wires import is_type
from trio_media.agent.agent import Agent
from trio_media.agent.info import CallInfo

from .language import Scene, race, scene

MESSAGE = "Please call us back."
OUTBOUND = {"direction": "outbound", "caller": "+15550001", "called": "+15550002"}
GREETING_MS = 3_000


# --- machines ---------------------------------------------------------------------------------


async def leaves_message(s: Scene) -> None:
    """The model is asked for the message, and it is heard."""
    await s.model.says("R9", "I9", 2_000)
    assert MESSAGE in s.asked_words[-1]


@race("P2-105")
@pytest.mark.parametrize("policy", ["hang_up", "leave_message"])
async def test_a_machine_that_is_known_before_anybody_listens_is_met_all_the_same(
    policy: str,
) -> None:
    agent = Agent(voicemail=policy, voicemail_message=MESSAGE)  # type: ignore[arg-type]
    how = {"agent": agent, "machine": "machine_end_beep"}
    async with scene(starts=False, greeting="Hello, it is us.", **how) as s:
        await s.call.carrier.start(**OUTBOUND)
        if policy == "leave_message":
            await s.call.model_came.wait()
            await s.model.wire.begin()
            await leaves_message(s)
        assert (await s.call.until_end()).reason == "voicemail"
        assert s.now_ms <= 20_000
        spoken = {"I9": 2_000} if policy == "leave_message" else {}
        assert s.heard == spoken, "a machine is greeted, or its message cut"


@race("P2-105")
@pytest.mark.parametrize("told_ms", [0, 100, 1_000, 2_500])
async def test_a_verdict_that_comes_late_stops_the_greeting_and_leaves_the_message(
    told_ms: int,
) -> None:
    agent = Agent(voicemail="leave_message", voicemail_message=MESSAGE)
    async with scene(greeting="Hello.", agent=agent, told=OUTBOUND) as s:
        await s.model.says("R1", "I1", GREETING_MS)
        await s.at(told_ms)
        s.app.attended.machine_detected("machine_end_silence")
        await s.after(50)
        assert len(s.clears) <= 1
        await leaves_message(s)
        assert (await s.call.until_end()).reason == "voicemail"
        assert s.heard["I9"] == 2_000


@race("P2-105")
async def test_a_human_is_never_taken_for_a_machine_because_the_verdict_says_nothing() -> None:
    agent = Agent(voicemail="hang_up")
    for verdict in ("human", "unknown"):
        how = {"agent": agent, "machine": verdict, "told": OUTBOUND}
        async with scene(greeting="Hello.", **how) as s:
            await s.model.says("R1", "I1", 1_000)
            await s.model.hears("T1", "Hello?")
            await s.model.says("R2", "I2", 1_000)
            await s.at(20_000)
            assert not s.call.ended.is_set()
            assert s.heard == {"I1": 1_000, "I2": 1_000}


# --- one call's own ---------------------------------------------------------------------------


@race("P2-106")
async def test_every_call_is_told_what_is_decided_for_its_own_number_and_direction() -> None:
    async def instructions(info: CallInfo) -> str:
        # The first to ask is the last to know.
        await trio.sleep(0.5 if info.called.endswith("1") else 0.1)
        return f"You speak for {info.called}, {info.direction}."

    async def greeting(info: CallInfo) -> str:
        return f"This is {info.called}."

    agent = Agent(instructions, greeting)
    numbers = ("+1501", "+1502", "+1501")
    ways = ("inbound", "inbound", "outbound")
    told = [{"called": number, "direction": way} for number, way in zip(numbers, ways, strict=True)]
    async with (
        scene(agent=agent, told=told[0]) as a,
        scene(agent=agent, told=told[1]) as b,
        scene(agent=agent, told=told[2]) as c,
    ):
        for s, number, way in zip((a, b, c), numbers, ways, strict=True):
            session = s.model.wire.of("session.update")[0]["session"]
            assert session["instructions"] == f"You speak for {number}, {way}."
            await s.model.says("R1", "I1", 200)
            assert f"This is {number}." in s.asked_words[0]
            await s.after(1_000)


@race("P2-66", "P2-84")
async def test_a_call_that_was_kept_by_its_caller_does_not_make_the_next_one_end_for_good() -> None:
    agent = Agent(built_in_tools=("end_call",))
    for number in range(2):
        async with scene(agent=agent) as s:
            await s.model.hears("T1", "That is all.")
            await s.model.created("R1")
            await s.model.calls_tool("R1", "C1", "end_call", '{"goodbye": "Bye."}')
            await s.model.done("R1")
            await s.model.says("R2", "I2", 3_000)
            await s.at(1_000)
            await s.model.hears_start("T2")
            await s.caller.speaks(600)
            await s.model.hears_stop("T2")
            await s.model.commits("T2")
            await s.model.transcribes("T2", "Wait.")
            await s.at(10_000)
            assert not s.call.ended.is_set(), f"call {number} is not kept"


# --- threads ----------------------------------------------------------------------------------


@race("J161", in_real_time=True)
async def test_tools_that_run_in_threads_leave_none_behind() -> None:
    agent = Agent()
    ran: list[str] = []

    def look_up(number: int) -> str:
        ran.append(threading.current_thread().name)
        return "found"

    agent.tool(look_up)
    config = config_of("")

    async def call_once() -> None:
        async with live_call(config, attend=agent.attend(config)) as live:
            model = await live.start()
            await model.turn("T1", "Look it up.")
            create = await model.next_create()
            await model.created("R1", create)
            for number in range(4):
                arguments = f'{{"number": {number}}}'
                await model.calls_tool("R1", f"C{number}", "look_up", arguments)
            await model.done("R1")
            await model.wait_for(is_type("conversation.item.create"), count=4)

    await call_once()
    threads = threading.active_count()
    for _ in range(4):
        await call_once()
    assert len(ran) == 20
    assert threading.active_count() <= threads + 4, "each call leaves its threads"
