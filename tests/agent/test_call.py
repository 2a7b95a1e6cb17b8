from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.agent.agent import Agent
from trio_media.agent.asking import exact_words
from trio_media.agent.call import Call
from trio_media.audio.dtmf import tones
from trio_media.call.control import (
    DIGITS_AT_END,
    INTERRUPTION_AT_END,
    SPEECH_AT_END,
    WORDS_MAX,
    DigitsResult,
    InterruptionResult,
    SpeechResult,
    Words,
    running_tool,
)
from trio_media.core import events as ev
from trio_media.core.commands import DigitsOutcome, EndingOutcome, Outcome, SpeechOutcome
from trio_media.errors import AgentError
from trio_media.telephony.twiml import Dial, Number

from .stage import HEARD, Account, on_stage

Ask: TypeAlias = Callable[[Call], Awaitable[Any]]
TO = "+15551234567"


async def warm(call: Call) -> EndingOutcome:
    return await call.transfer_warm(TO, brief="A guest.")


ASKS: dict[str, tuple[Ask, Any]] = {
    "interrupt": (lambda call: call.interrupt(), INTERRUPTION_AT_END),
    "say": (lambda call: call.say("Hello."), SPEECH_AT_END),
    "ask_model": (lambda call: call.ask_model("Greet."), SPEECH_AT_END),
    "send_text": (lambda call: call.send_text("system", "It rains."), False),
    "play": (lambda call: call.play(b"\xff" * 160), SPEECH_AT_END),
    "send_dtmf": (lambda call: call.send_dtmf("12#"), SPEECH_AT_END),
    "collect_digits": (lambda call: call.collect_digits(4), DIGITS_AT_END),
    "collect_digits, said before": (
        lambda call: call.collect_digits(4, say="Your code?"),
        DIGITS_AT_END,
    ),
    "hang_up": (lambda call: call.hang_up(), EndingOutcome.ENDED),
    "hang_up, said before": (lambda call: call.hang_up(say="Bye."), EndingOutcome.ENDED),
    "transfer": (lambda call: call.transfer(TO), EndingOutcome.ENDED),
    "transfer_warm": (warm, EndingOutcome.ENDED),
}
"""Every method that waits, and what it returns at the end of a call."""


@pytest.mark.parametrize("name", ASKS)
async def test_after_the_end_every_method_returns_at_once(
    name: str, autojump_clock: MockClock
) -> None:
    ask, at_end = ASKS[name]
    async with on_stage(account=Account()) as stage:
        stage.control.end_all()
        assert await ask(stage.call) == at_end
        assert not stage.asked
    assert await ask(stage.call) == at_end, "nor later"
    assert await stage.call.hang_up(after="now") is EndingOutcome.ENDED
    assert trio.current_time() == stage.control.line.began_s


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("reads", [True, False])
async def test_whoever_waits_has_an_answer_when_the_call_ends(
    name: str, reads: bool, autojump_clock: MockClock
) -> None:
    """The owner answers nothing, or does not even read."""
    ask, at_end = ASKS[name]
    results: list[Any] = []

    async def asks(call: Call) -> None:
        results.append(await ask(call))

    account = Account(ring_s=1_000)
    async with trio.open_nursery() as outside, on_stage(account=account, reads=reads) as stage:
        stage.answers.clear()
        outside.start_soon(asks, stage.call)
        await trio.sleep(1)
        assert not results
    assert results == [at_end]
    assert not stage.control._replies
    assert not stage.control._words


@pytest.mark.parametrize("name", ASKS)
async def test_whoever_is_cancelled_stops_waiting(name: str, autojump_clock: MockClock) -> None:
    ask, _ = ASKS[name]
    async with on_stage(account=Account()) as stage:
        stage.answers.clear()
        with trio.move_on_after(5) as scope:
            await ask(stage.call)
        assert scope.cancelled_caught
        await trio.sleep(5)


async def test_what_is_asked_for_reaches_the_owner() -> None:
    async with on_stage() as stage:
        call = stage.call
        result = await call.interrupt(ev.Reason.TOOL)
        assert result == InterruptionResult(Outcome.CANCELLED, 300)
        assert await call.say("Hello.", protected=True) == HEARD
        assert await call.say("Hello.", interrupt=True, keep=True) == HEARD
        assert await call.ask_model("Greet.", protected=True, interrupt=True, keep=True) == HEARD
        assert await call.send_text("user", "It rains.")
        assert await call.play(b"\xff" * 160) == HEARD
        assert await call.send_dtmf("1w#") == HEARD
    asked = stage.asked
    assert asked[0] == ev.InterruptRequested(1, ev.Reason.TOOL)
    say = ev.Say.APPLICATION
    assert asked[1] == ev.SpeechRequested(2, say, protected=True)
    assert asked[2] == ev.SpeechRequested(3, say, keep=True, interrupts=True)
    assert asked[3] == ev.SpeechRequested(4, say, protected=True, keep=True, interrupts=True)
    assert asked[4] == ev.TextOffered(5)
    assert asked[5] == ev.ClipOffered(6, "clip-6", 20)
    assert asked[6] == ev.ClipOffered(7, "clip-7", len(tones("1w#")) // 8, protected=True)
    assert stage.words[1:5] == [
        exact_words("Hello."),
        exact_words("Hello."),
        Words(text="Greet.", is_alone=False, may_call_tools=True),
        Words(text="It rains.", role="user"),
    ]


async def test_keys_are_collected_behind_what_is_said() -> None:
    async with on_stage() as stage:
        stage.answers.pop(ev.SpeechRequested)  # nobody waits for that
        result = await stage.call.collect_digits(
            2, terminator="*", timeout_s=2.5, between_s=1, say="Your code?"
        )
        assert result == DigitsResult("12", DigitsOutcome.COMPLETE)
    assert stage.words[0] == exact_words("Your code?")
    assert stage.asked[1] == ev.DigitsRequested(2, 2, "*", 2_500, 1_000)


async def test_keys_are_the_models_again_when_nobody_waits(autojump_clock: MockClock) -> None:
    async with on_stage() as stage:
        stage.answers.clear()
        with trio.move_on_after(1):
            await stage.call.collect_digits(2)
        assert stage.control.take_abandoned() == [1]


async def test_a_call_is_hung_up_when_all_was_heard_or_now() -> None:
    async with on_stage() as stage:
        call = stage.call
        assert await call.hang_up() is EndingOutcome.ENDED
        stage.answers[ev.EndingRequested] = EndingOutcome.REVOKED
        kept = await call.hang_up(say="Bye.", if_interrupted="hang_up")
        assert kept is EndingOutcome.REVOKED
        assert await call.hang_up(after="now") is EndingOutcome.ENDED
        await wait_all_tasks_blocked()
    assert stage.asked == [
        ev.EndingRequested(1, "hung_up"),
        ev.EndingRequested(3, "hung_up", words=2, is_final=True),
        ev.HangUpRequested(),
    ]
    assert stage.words[1] == exact_words("Bye.")


async def test_a_call_is_handed_over() -> None:
    async with on_stage() as stage:
        stage.answers[ev.EndingRequested] = EndingOutcome.FAILED
        outcome = await stage.call.transfer(
            TO, say="One moment.", caller_id="+15550000001", ring_s=12
        )
        assert outcome is EndingOutcome.FAILED
    assert stage.asked == [ev.EndingRequested(2, "transferred", words=1, leaves=True)]
    dial = Dial(target=Number(TO), caller_id="+15550000001", timeout_s=12)
    assert stage.onward == [(dial,)]


async def test_an_end_asked_for_by_a_tool_does_not_wait_for_it() -> None:
    async with on_stage() as stage:
        running_tool.set("call_1")
        await stage.call.hang_up()
        running_tool.set(None)
    assert stage.asked[0].tool_call_id == "call_1"


async def test_too_much_to_say_is_dropped_and_ends_nothing() -> None:
    async with on_stage(reads=False) as stage:
        for number in range(WORDS_MAX):
            await stage.control.speak(Words(text=f"{number}"))
        assert await stage.call.say("Hello.") == SpeechResult(SpeechOutcome.DROPPED, 0)
        assert not await stage.call.send_text("system", "It rains.")
        assert await stage.call.hang_up(say="Bye.") is EndingOutcome.FAILED
        assert await stage.call.transfer(TO, say="Bye.") is EndingOutcome.FAILED


WRONG: dict[str, tuple[Ask, str]] = {
    "nothing to say": (lambda call: call.say(" "), "must not be empty"),
    "nothing to ask": (lambda call: call.ask_model(""), "must not be empty"),
    "no role": (lambda call: call.send_text("god", "x"), "role: one of user, system, assistant"),  # type: ignore[arg-type]
    "no audio": (lambda call: call.play(b""), "a clip lasts 1 to"),
    "no key": (lambda call: call.send_dtmf("1x"), "'x' at position 2"),
    "no keys": (lambda call: call.send_dtmf(""), "a clip lasts 1 to"),
    "no count": (lambda call: call.collect_digits(0), "count is 1 to"),
    "no end": (lambda call: call.collect_digits(1, terminator="##"), "terminator is one key"),
    "no time": (lambda call: call.collect_digits(1, timeout_s=0), "timeout_s and between_s"),
    "no pause": (lambda call: call.collect_digits(1, between_s=-1), "timeout_s and between_s"),
    "no after": (lambda call: call.hang_up(after="later"), "after: one of heard, now"),  # type: ignore[arg-type]
    "no say": (lambda call: call.hang_up(after="now", say="Bye."), "say needs after='heard'"),
    "no choice": (lambda call: call.hang_up(if_interrupted="x"), "if_interrupted: one of"),  # type: ignore[arg-type]
    "no target": (lambda call: call.transfer("555"), "whom to dial"),
    "no account": (warm, "needs twilio.account_sid"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_wrong_use_says_what_is_allowed(name: str) -> None:
    ask, said = WRONG[name]
    async with on_stage() as stage:
        with pytest.raises(AgentError, match=said):
            await ask(stage.call)
        assert not stage.asked


async def test_a_call_is_known_by_its_sid() -> None:
    async with on_stage(Agent()) as stage:
        assert repr(stage.call) == "<Call CA1>"
