from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.asking import exact_words
from trio_media.agent.built_in import BUILT_IN, NOT_TRANSFERRED, built_in_tools
from trio_media.audio.dtmf import tones
from trio_media.call.control import Words
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome
from trio_media.errors import AgentError, ToolError
from trio_media.telephony.twiml import Dial, Number, Sip

from .stage import on_stage

TARGETS = {"reception": "+15551234567", "sales": "sip:sales@example.com"}


def full() -> Agent:
    return Agent(built_in_tools=BUILT_IN, transfer_to=TARGETS)


async def test_there_are_none_unless_they_are_named() -> None:
    async with on_stage(Agent()) as stage:
        assert not stage.call.tools
        assert "tools" not in stage.config.realtime.session
    async with on_stage(Agent(built_in_tools=["end_call"])) as stage:
        assert list(stage.call.tools) == ["end_call"]


async def test_the_model_knows_what_they_take_and_need_not_speak_of_them() -> None:
    async with on_stage(full()) as stage:
        told = {tool["name"]: tool for tool in stage.config.realtime.session["tools"]}
        assert set(told) == set(BUILT_IN)
        assert all(tool["description"] for tool in told.values())
        assert told["transfer_call"]["parameters"]["properties"]["target"]["enum"] == list(TARGETS)
        assert told["transfer_call"]["parameters"]["required"] == ["target"]
        assert list(told["end_call"]["parameters"]["properties"]) == ["goodbye"]
        assert "call" not in told["send_digits"]["parameters"]["properties"]
        for tool in stage.call.tools.values():
            assert not tool.wants_answer
            assert tool.filler_after_ms is None


async def test_the_model_ends_the_call_and_waits_for_nothing(autojump_clock: MockClock) -> None:
    async with on_stage(full()) as stage:
        stage.answers.clear()
        began_s = trio.current_time()
        await stage.call.tools["end_call"].run('{"goodbye": "Bye bye."}')
        await stage.call.tools["end_call"].run("")
        assert trio.current_time() == began_s
        await trio.sleep(1)
    assert stage.asked == [
        ev.EndingRequested(2, "end_call", words=1),
        ev.EndingRequested(3, "end_call"),
    ]
    assert stage.words[0] == exact_words("Bye bye.")


async def test_a_caller_keeps_a_call_once(autojump_clock: MockClock) -> None:
    async with on_stage(full()) as stage:
        stage.answers[ev.EndingRequested] = EndingOutcome.REPLACED
        run = stage.call.tools["end_call"].run
        for outcome in (EndingOutcome.REPLACED, EndingOutcome.REVOKED, EndingOutcome.REVOKED):
            stage.answers[ev.EndingRequested] = outcome
            await run("")
            await trio.sleep(1)
    assert [asked.is_final for asked in stage.asked] == [False, False, True]


async def test_the_model_hands_over_to_those_who_are_named() -> None:
    async with on_stage(full()) as stage:
        run = stage.call.tools["transfer_call"].run
        await run('{"target": "reception", "announcement": "One moment."}')
        await run('{"target": "sales"}')
        await stage.wait_asked(2)
    assert stage.asked == [
        ev.EndingRequested(2, "transferred", words=1, leaves=True),
        ev.EndingRequested(3, "transferred", leaves=True),
    ]
    targets = [verbs[0].target for verbs in stage.onward if isinstance(verbs[0], Dial)]
    assert targets == [Number("+15551234567"), Sip("sip:sales@example.com")]


@pytest.mark.parametrize("target", ["+19005551234", "RECEPTION", ""])
async def test_the_model_cannot_dial_what_a_caller_talks_it_into(target: str) -> None:
    async with on_stage(full()) as stage:
        with pytest.raises(ToolError, match="must be one of reception, sales"):
            await stage.call.tools["transfer_call"].run(f'{{"target": "{target}"}}')
        assert not stage.asked


async def test_the_model_says_that_nobody_took_the_call_over(autojump_clock: MockClock) -> None:
    async with on_stage(full()) as stage:
        stage.answers[ev.EndingRequested] = EndingOutcome.FAILED
        await stage.call.tools["transfer_call"].run('{"target": "sales"}')
        await trio.sleep(1)
        assert len(stage.of(ev.SpeechRequested)) == 1
        words = Words(
            text=NOT_TRANSFERRED.format(target="sales"), is_alone=False, may_call_tools=True
        )
        assert stage.words[-1] == words


async def test_the_model_presses_keys() -> None:
    async with on_stage(full()) as stage:
        await stage.call.tools["send_digits"].run('{"digits": "1w2"}')
        length_ms = len(tones("1w2")) // 8
        assert stage.asked == [ev.ClipOffered(1, "clip-1", length_ms, protected=True)]
        for wrong in ("1x", ""):
            with pytest.raises(ToolError, match="digits"):
                await stage.call.tools["send_digits"].run(f'{{"digits": "{wrong}"}}')


async def test_after_the_end_they_do_nothing() -> None:
    async with on_stage(full()) as stage:
        stage.control.end_all()
        await stage.call.tools["end_call"].run("")
        await stage.call.tools["transfer_call"].run('{"target": "sales"}')
        await stage.call.tools["send_digits"].run('{"digits": "1"}')
        assert not stage.asked


@pytest.mark.parametrize(
    ("names", "targets", "said"),
    [
        (["end"], {}, "'end' is none; allowed: end_call, transfer_call, send_digits"),
        (["transfer_call"], {}, "needs transfer_to="),
        ([], TARGETS, "needs 'transfer_call' in built_in_tools"),
        (["transfer_call"], {"x": "555"}, "whom to dial"),
        (["transfer_call"], {" ": "+15551234567"}, "a target needs a name"),
    ],
)
def test_wrong_use_says_what_is_allowed(
    names: list[str], targets: dict[str, str], said: str
) -> None:
    with pytest.raises(AgentError, match=said):
        built_in_tools(names, targets)
    with pytest.raises(AgentError, match=said):
        Agent(built_in_tools=names, transfer_to=targets)


def test_a_tool_that_is_named_twice_is_there_once() -> None:
    assert len(built_in_tools(["end_call", "end_call"], {})) == 1
