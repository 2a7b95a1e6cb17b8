from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import trio_media
from trio_media import Agent, AgentError, Call, CallInfo, CallRefused, Config
from trio_media.agent.hooks import HOOKS
from trio_media.call.record import CallEnd
from trio_media.config import BargeInConfig, RecordingConfig
from trio_media.telephony.events import MediaStreamStarted

from .stage import Account, on_stage

INFO = CallInfo(call_sid="CA1")


def started(**parameters: str) -> MediaStreamStarted:
    return MediaStreamStarted(
        stream_sid="MZ1", call_sid="CA1", account_sid="AC1", custom_parameters=parameters
    )


def test_every_public_name_is_there() -> None:
    for name in trio_media.__all__:
        public = getattr(trio_media, name)
        assert public.__name__ == name
        assert public is getattr(import_module(trio_media.HOMES[name]), name)
    with pytest.raises(AttributeError, match="no attribute 'Agents'"):
        _ = trio_media.Agents  # type: ignore[attr-defined]


async def test_a_decorated_function_is_a_tool_and_still_a_function() -> None:
    agent = Agent("You take bookings for a restaurant.", greeting="Good evening.")

    @agent.tool
    async def book(call: Call, people: int, time: str) -> str:
        """Book a table.

        Args:
            people: How many come.
        """
        return f"{people} at {time}"

    @agent.tool(name="free-tables")
    def look_up() -> int:
        return 5

    assert await book(None, 2, "20:00") == "2 at 20:00"  # type: ignore[arg-type]
    assert look_up() == 5
    async with on_stage(agent) as stage:
        assert list(stage.call.tools) == ["book", "free-tables"]
        first, second = stage.config.realtime.session["tools"]
    assert first == {
        "type": "function",
        "name": "book",
        "description": "Book a table.",
        "parameters": {
            "type": "object",
            "properties": {
                "people": {"type": "integer", "description": "How many come."},
                "time": {"type": "string"},
            },
            "required": ["people", "time"],
            "additionalProperties": False,
        },
    }
    assert second["name"] == "free-tables"


async def test_functions_can_be_given_as_tools() -> None:
    async def book() -> None: ...

    async with on_stage(Agent(tools=[book])) as stage:
        assert list(stage.call.tools) == ["book"]


async def test_what_is_added_later_is_for_later_calls(autojump_clock: MockClock) -> None:
    agent = Agent("Before.")
    told: list[str] = []

    @agent.on_end
    async def first(call: object, end: object) -> None:
        told.append("first")

    async with on_stage(agent) as stage:

        @agent.tool
        async def late() -> None: ...

        @agent.on_end
        async def on_end(call: object, end: object) -> None:
            told.append("end")

        agent.instructions = "After."
        assert not stage.call.tools
        assert stage.config.agent.instructions == "Before."
    assert told == ["first"]
    async with on_stage(agent) as stage:
        assert list(stage.call.tools) == ["late"]
        assert stage.config.agent.instructions == "After."
    assert told[1:] == ["first", "end"]


def test_wrong_tools_are_the_authors_error() -> None:
    agent = Agent(built_in_tools=["end_call"])

    @agent.tool
    async def book() -> None: ...

    def undescribed(people):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        ...

    with pytest.raises(AgentError, match="'book': there is one of this name"):
        agent.tool(book)
    for name in ("end_call", "transfer_call"):
        with pytest.raises(AgentError, match=f"{name!r}: a built-in tool has this name"):
            agent.tool(name=name)(book)
    with pytest.raises(AgentError, match="needs a function, not 5"):
        agent.tool(5)  # type: ignore[call-overload]
    with pytest.raises(AgentError, match="undescribed, parameter 'people'"):
        agent.tool(undescribed)
    with pytest.raises(AgentError, match="colour is no option"):
        agent.tool(colour="red")  # type: ignore[call-overload]
    agent.tool(name="book-again")(book)


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_every_hook_is_checked_where_it_is_written(name: str) -> None:
    agent = Agent()
    decorate: Any = getattr(agent, f"on_{name}")

    def takes_nothing() -> None: ...
    def takes_all(*args: object) -> None: ...

    with pytest.raises(AgentError, match=f"on_{name}: .*takes_nothing"):
        decorate(takes_nothing)
    assert decorate(takes_all) is takes_all


@pytest.mark.parametrize(
    "wrong", [{"settings_timeout_s": 0}, {"hook_timeout_s": -1}, {"hook_timeout_s": 601}]
)
def test_a_deadline_that_makes_no_sense_is_the_authors_error(wrong: dict[str, float]) -> None:
    with pytest.raises(AgentError, match="above 0 and at most 600"):
        Agent(**wrong)  # type: ignore[arg-type]


async def test_the_start_and_the_end_are_told(autojump_clock: MockClock) -> None:
    agent = Agent()
    told: list[object] = []

    @agent.on_start
    async def on_start(call: Call) -> None:
        told.append(("start", await call.say("Hello.")))

    @agent.on_end
    async def on_end(call: Call, end: CallEnd) -> None:
        told.append(("end", end.reason, call.info.call_sid))

    async with on_stage(agent) as stage:
        await trio.sleep(1)
        heard = stage.answers[type(stage.asked[0])]
    assert told == [("start", heard), ("end", "hung_up", "CA1")]


@pytest.mark.parametrize("protects", [True, False, None])
async def test_the_greeting_is_protected_as_the_agent_says(protects: bool | None) -> None:
    for configured in (True, False):
        config = Config(barge_in=BargeInConfig(protect_greeting=configured))
        attendance = await Agent(protect_greeting=protects).settle(INFO, config)
        expected = configured if protects is None else protects
        assert attendance.config.barge_in.protect_greeting is expected


async def test_a_call_is_attended_by_what_its_stream_tells() -> None:
    infos: list[CallInfo] = []

    async def instructions(info: CallInfo) -> str:
        infos.append(info)
        if info.caller == "+666":
            raise CallRefused("not you")
        return "Be kind."

    account = Account()
    attend = Agent(instructions).attend(Config(), account)
    attendance = await attend(started(caller="+1", token="t", table="7"))
    assert infos == [CallInfo(call_sid="CA1", caller="+1", parameters={"table": "7"})]
    assert attendance.config.agent.instructions == "Be kind."
    assert isinstance(attendance.attendant, Call)
    assert attendance.attendant.plan.account is account
    with pytest.raises(CallRefused, match="not you"):
        await attend(started(caller="+666"))


async def test_each_call_is_its_own() -> None:
    agent = Agent(built_in_tools=["end_call"])
    first = (await agent.settle(INFO, Config())).attendant
    second = (await agent.settle(INFO, Config())).attendant
    assert first is not second
    assert first is not None
    assert second is not None
    assert first.tools["end_call"] != second.tools["end_call"]


@pytest.mark.parametrize(
    ("agent", "info", "keeps"),
    [
        (Agent(), INFO, True),
        (Agent(record=True), INFO, True),
        (Agent(record=False), INFO, False),
        (Agent(record=lambda info: info.caller != "+1"), CallInfo(call_sid="CA1"), True),
        (
            Agent(record=lambda info: info.caller != "+1"),
            CallInfo(call_sid="C", caller="+1"),
            False,
        ),
        (Agent(record=True), CallInfo(call_sid="CA1", record=False), False),
    ],
    ids=["as configured", "yes", "no", "asked: yes", "asked: no", "the stream says no"],
)
async def test_a_call_is_kept_as_the_agent_decides(
    agent: Agent, info: CallInfo, keeps: bool
) -> None:
    config = Config(recording=RecordingConfig(dir="kept"))
    attendance = await agent.settle(info, config)
    assert attendance.config.recording.dir == ("kept" if keeps else "")


async def test_no_agent_has_a_call_kept_where_nothing_is() -> None:
    attendance = await Agent(record=True).settle(INFO, Config())
    assert attendance.config.recording.dir == ""


def test_a_redaction_that_cannot_be_called_here_is_the_authors_error() -> None:
    async def slow(role: str, text: str) -> str:
        return text

    wrong: Any
    for wrong in (slow, "all of it"):
        with pytest.raises(AgentError, match=r"redact: a function that is not async"):
            Agent(redact=wrong)
    with pytest.raises(AgentError, match=r"record: True or False or a function of CallInfo"):
        Agent(record="no")  # type: ignore[arg-type]
