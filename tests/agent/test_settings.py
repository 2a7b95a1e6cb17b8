from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.info import CallInfo
from trio_media.agent.settings import NOT_DECIDED, SORRY, check_setting, configured, decide
from trio_media.call.attending import Attendance
from trio_media.config import AgentConfig, Config, RealtimeConfig
from trio_media.errors import AgentError, CallRefused
from trio_media.logs import call_logger

INFO = CallInfo(call_sid="CA1", caller="+1")
CONFIG = Config(
    agent=AgentConfig(instructions="As configured.", greeting="Hello."),
    realtime=RealtimeConfig(voice="marin", session={"audio": {"input": {"noise": 1}}, "x": 1}),
)


async def settle(agent: Agent) -> Config:
    attendance: Attendance = await agent.settle(INFO, CONFIG)
    return attendance.config


async def test_values_stand_over_what_is_configured() -> None:
    session = {"audio": {"input": {"gain": 2}}, "x": 2}
    config = await settle(Agent("Be kind.", "Hi.", "cedar", session))
    assert config.agent == AgentConfig(instructions="Be kind.", greeting="Hi.")
    assert config.realtime.voice == "cedar"
    assert config.realtime.session == {"audio": {"input": {"noise": 1, "gain": 2}}, "x": 2}


async def test_what_is_not_given_is_as_configured() -> None:
    assert await settle(Agent()) == CONFIG


async def test_an_empty_greeting_is_one() -> None:
    assert (await settle(Agent(greeting=""))).agent.greeting == ""


async def test_functions_decide_by_the_call_async_or_in_a_thread() -> None:
    threads: list[int] = []

    async def instructions(info: CallInfo) -> str:
        await trio.lowlevel.checkpoint()
        return f"{info.caller} calls."

    def greeting(info: CallInfo) -> str:
        threads.append(threading.get_ident())
        return f"Hello {info.caller}."

    async def voice(info: CallInfo) -> None:
        return None

    def session(info: CallInfo) -> Mapping[str, Any]:
        return {"x": info.call_sid}

    config = await settle(Agent(instructions, greeting, voice, session))
    assert config.agent == AgentConfig(instructions="+1 calls.", greeting="Hello +1.")
    assert config.realtime.voice == "marin"
    assert config.realtime.session["x"] == "CA1"
    assert threads != [threading.get_ident()]


async def test_settings_are_decided_side_by_side(autojump_clock: MockClock) -> None:
    async def slow(info: CallInfo) -> str:
        await trio.sleep(2)
        return "slow"

    began_s = trio.current_time()
    config = await settle(Agent(slow, slow, slow))
    assert trio.current_time() - began_s == 2
    assert config.realtime.voice == "slow"


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_function_may_refuse_the_call(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(info: CallInfo) -> str:
        raise CallRefused("we are closed", say="We open at nine.")

    async def refuses_async(info: CallInfo) -> str:
        raise CallRefused("we are closed", say="We open at nine.")

    def fails(info: CallInfo) -> str:
        raise ValueError("and something else fails")

    with pytest.raises(CallRefused, match="we are closed") as refused:
        await settle(Agent(refuses_async if is_async else refuses))
    assert refused.value.say == "We open at nine."
    assert not caplog.records
    with pytest.raises(CallRefused, match="we are closed"):
        await settle(Agent(fails, refuses))


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_function_that_fails_refuses_the_call_and_is_logged(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(info: CallInfo) -> str:
        raise ValueError("no database")

    async def fails_async(info: CallInfo) -> str:
        raise ValueError("no database")

    with pytest.raises(CallRefused, match=NOT_DECIDED) as refused:
        await settle(Agent("Be kind.", fails_async if is_async else fails))
    assert refused.value.say == SORRY
    [record] = caplog.records
    assert "no database" in str(record.exc_info)
    assert vars(record)["setting"] == "greeting"
    assert vars(record)["call_sid"] == "CA1"


async def test_a_function_that_is_late_refuses_the_call(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def late(info: CallInfo) -> str:
        await trio.sleep_forever()
        return ""

    began_s = trio.current_time()
    with pytest.raises(CallRefused, match=NOT_DECIDED) as refused:
        await settle(Agent(late, settings_timeout_s=2))
    assert refused.value.say == SORRY
    assert trio.current_time() - began_s == 2
    assert "came too late" in caplog.text


async def test_a_function_in_a_thread_that_is_late_refuses_the_call(
    mock_clock: MockClock,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def late(info: CallInfo) -> str:
        begun.set()
        go_on.wait(60)
        return ""

    async def jump() -> None:
        await trio.to_thread.run_sync(begun.wait)
        mock_clock.jump(3)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(jump)
            with pytest.raises(CallRefused, match=NOT_DECIDED):
                await settle(Agent(late))
    finally:
        go_on.set()


@pytest.mark.parametrize(
    ("name", "decided"),
    [
        ("instructions", 5),
        ("greeting", ["Hi."]),
        ("voice", {"x": 1}),
        ("session", "x"),
        ("session", {"turn_detection": None}),
        ("instructions", print),
    ],
)
async def test_a_function_that_decides_nonsense_refuses_the_call(
    name: str, decided: object, caplog: pytest.LogCaptureFixture
) -> None:
    async def decides(info: CallInfo) -> object:
        return decided

    with pytest.raises(CallRefused, match=NOT_DECIDED):
        await settle(Agent(**{name: decides}))
    [record] = caplog.records
    assert name in str(record.exc_info) or "session" in str(record.exc_info)


async def test_deciding_is_cancelled_with_the_call(autojump_clock: MockClock) -> None:
    async def late(info: CallInfo) -> str:
        await trio.sleep_forever()
        return ""

    with trio.move_on_after(1) as scope:
        await decide({"instructions": late, "voice": late}, INFO, 3, call_logger("CA1"))
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("instructions", 5, "instructions: a text or a function of CallInfo, not 5"),
        ("session", "x", "session: a mapping or a function of CallInfo, not 'x'"),
        ("session", {"turn_detection": {"create_response": True}}, "must not be set"),
        ("session", {"audio": {"input": {"turn_detection": None}}}, "turn_detection"),
    ],
)
def test_a_wrong_value_is_the_authors_error(name: str, value: Any, said: str) -> None:
    with pytest.raises(AgentError, match=said):
        check_setting(name, value)
    with pytest.raises(AgentError, match=said):
        Agent(**{name: value})


def test_tools_of_the_users_session_are_kept() -> None:
    mine = {"type": "function", "name": "mine"}
    config = configured(CONFIG, {"session": {"tools": [mine]}}, [{"name": "ours"}])
    assert config.realtime.session["tools"] == [mine, {"name": "ours"}]
    assert configured(config, {}, []).realtime.session["tools"] == [mine, {"name": "ours"}]


@pytest.mark.parametrize(("voice", "asked"), [("marin", "cedar"), ("ash", "ash")])
async def test_the_fallback_is_asked_for_the_same_call_in_a_voice_that_it_knows(
    voice: str, asked: str
) -> None:
    fallback = RealtimeConfig(url="wss://b/v1", voice=voice, session={"x": 1, "y": 1})
    config = attrs.evolve(CONFIG, fallback=fallback)
    tools = [{"name": "find"}]
    config = configured(config, {"voice": "cedar", "session": {"x": 2}}, tools)
    assert config.realtime.voice == "cedar"
    assert config.fallback is not None
    assert config.fallback.voice == asked
    assert config.fallback.session == {"x": 2, "y": 1, "tools": tools}
    assert config.fallback.url == "wss://b/v1"
