"""Whole calls that an agent attends, between the two wires, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo
from trio_media.agent.tool_calls import ToolOutcome, ToolRun
from trio_media.call.attending import Attendance
from trio_media.call.record import CallEnd
from trio_media.call.run import ATTEND_S
from trio_media.core.commands import DigitsOutcome, EndingOutcome, SpeechOutcome
from trio_media.errors import CallRefused, RestRefused, ToolError
from trio_media.telephony.twiml import Conference, Dial, Number, Verb

from .live import ENDS_WITHIN_MS, LiveCall, config_of, live_call
from .wires import Message, Model, is_type, speech

QUIET = config_of("")
TO = "+15551234567"


@attrs.define(eq=False)
class Account:
    """The carrier's account, which ends the media stream when it redirects, as carriers do."""

    call: LiveCall | None = None
    refuses: bool = False
    asked: list[tuple[Any, ...]] = attrs.field(factory=list)

    async def hang_up(self, call_sid: str) -> None:
        self.asked.append(("hang_up", call_sid))
        await trio.sleep(0.1)

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        self.asked.append(("redirect", call_sid, list(verbs)))
        await trio.sleep(0.1)
        if self.refuses:
            raise RestRefused(21220, 400, "not in progress")
        assert self.call is not None
        await self.call.carrier.stop()
        await trio.sleep(0.1)

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        self.asked.append(("place", to))
        await trio.sleep(2)
        return "CA2"


async def tool_output(model: Model) -> str:
    [item] = await model.wait_for(
        lambda m: (
            m["type"] == "conversation.item.create" and m["item"]["type"] == "function_call_output"
        )
    )
    output: str = item["item"]["output"]
    return output


async def update_of(call: LiveCall, **parameters: str) -> Message:
    """Start the call; return the session that was asked for."""
    await call.carrier.start(**parameters)
    await call.model_came.wait()
    update: Message = (await call.model.begin())["session"]
    return update


async def test_a_call_is_talked_through_and_told_of(autojump_clock: MockClock) -> None:
    agent = Agent("You take bookings.", "Good evening.", "cedar")
    told: list[Any] = []

    @agent.tool
    async def book(call: Call, people: int) -> str:
        """Book a table."""
        await trio.sleep(0.5)
        if people > 10:
            raise ToolError("too many")
        return "booked"

    @agent.on_start
    async def on_start(call: Call) -> None:
        told.append(("start", call.info.caller))

    @agent.on_caller_spoke
    async def on_caller_spoke(call: Call, text: str) -> None:
        told.append(("caller", text))

    @agent.on_model_spoke
    async def on_model_spoke(call: Call, text: str) -> None:
        told.append(("model", text))

    @agent.on_tool_called
    async def on_tool_called(call: Call, run: ToolRun) -> None:
        told.append((run.name, run.outcome))

    @agent.on_end
    async def on_end(call: Call, end: CallEnd) -> None:
        told.append(("end", end.reason, [entry.text for entry in call.transcript]))

    async with live_call(QUIET, attend=agent.attend(QUIET)) as call:
        session = await update_of(call, caller="+15550001")
        assert session["instructions"] == "You take bookings."
        assert session["audio"]["output"]["voice"] == "cedar"
        assert [tool["name"] for tool in session["tools"]] == ["book"]
        model = call.model
        greeting = await model.says("R1", "M1", speech(500))
        assert "Good evening." in greeting["response"]["instructions"]
        await model.event(
            "response.output_audio_transcript.done",
            response_id="R1", item_id="M1", output_index=0, content_index=0,
            transcript="Good evening.",
        )  # fmt: skip
        await trio.sleep(2)
        await model.turn("C1")
        create = await model.next_create()
        await model.created("R2", create)
        await model.calls_tool("R2", "call_1", "book", '{"people": 4}')
        await model.done("R2")
        assert await tool_output(model) == "booked"
        await model.transcribes("C1", "A table for four.")  # only now
        await model.says("R3", "M3", speech(500))
        await trio.sleep(2)
        await call.carrier.stop()
        end = await call.until_end()
    assert end.reason == "caller_hung_up"
    assert told == [
        ("start", "+15550001"),
        ("model", "Good evening."),
        ("book", ToolOutcome.DONE),
        ("caller", "A table for four."),
        ("end", "caller_hung_up", ["Good evening.", "A table for four."]),
    ]


async def test_what_the_model_says_is_cut_where_the_caller_spoke(
    autojump_clock: MockClock,
) -> None:
    agent = Agent()
    calls: list[Call] = []
    agent.on_start(calls.append)

    @agent.on_start
    async def on_start(call: Call) -> None:
        calls.append(call)

    async with live_call(QUIET, attend=agent.attend(QUIET)) as live:
        model = await live.start()
        [call, *_] = await has_begun(calls)
        await model.turn("C1", "Hello?")
        await model.opens("R1", "M1", speech(4_000))
        await model.event(
            "response.output_audio_transcript.done",
            response_id="R1", item_id="M1", output_index=0, content_index=0,
            transcript="One two three four five six seven eight.",
        )  # fmt: skip
        await trio.sleep(1)
        assert call.state.is_model_speaking
        result = await_later(live, call)
        await trio.sleep(0.2)
        await model.done("R1", "cancelled", "client_cancelled")
        await trio.sleep(1)
        assert len(result) == 1
        assert not call.state.is_model_speaking
        hello, spoken = call.transcript
        assert hello.text == "Hello?"
        assert spoken.was_cut
        assert spoken.text in ("One two", "One")
        assert 800 <= spoken.heard_ms <= 1_100


async def has_begun(calls: list[Call]) -> list[Call]:
    while not calls:  # noqa: ASYNC110
        await trio.sleep(0.01)  # of virtual time
    return calls


def await_later(live: LiveCall, call: Call) -> list[Any]:
    results: list[Any] = []

    async def interrupt() -> None:
        results.append(await call.interrupt())

    live.nursery.start_soon(interrupt)
    return results


async def test_the_model_ends_the_call_and_says_goodbye(autojump_clock: MockClock) -> None:
    agent = Agent(built_in_tools=["end_call"])
    told: list[Any] = []

    @agent.on_ending
    async def on_ending(call: Call, reason: str) -> None:
        told.append((reason, call.state.is_ending))

    async with live_call(QUIET, attend=agent.attend(QUIET)) as live:
        model = await live.start()
        await model.turn("C1", "That is all.")
        create = await model.next_create()
        await model.created("R1", create)
        await model.calls_tool("R1", "call_1", "end_call", '{"goodbye": "Bye bye."}')
        await model.done("R1")
        goodbye = await model.says("R2", "M2", speech(800))
        assert "Bye bye." in goodbye["response"]["instructions"]
        end = await live.until_end()
        assert live.carrier.heard()[: len(speech(800))] == speech(800)
    assert end.reason == "end_call"
    assert told == [("end_call", True)]


async def test_words_keys_and_tones_of_the_application(autojump_clock: MockClock) -> None:
    agent = Agent()
    results: list[Any] = []

    @agent.on_start
    async def on_start(call: Call) -> None:
        results.append(await call.say("One moment."))
        results.append(await call.send_dtmf("12"))
        results.append(await call.send_text("system", "It rains."))
        results.append(await call.collect_digits(2))

    async with live_call(QUIET, attend=agent.attend(QUIET)) as live:
        model = await live.start()
        create = await model.says("R1", "M1", speech(500))
        assert "One moment." in create["response"]["instructions"]
        await trio.sleep(3)
        await live.carrier.key("4")
        await live.carrier.key("2")
        await trio.sleep(1)
    said, tones, text, digits = results
    assert (said.outcome, said.heard_ms) == (SpeechOutcome.HEARD, 500)
    assert tones.was_heard
    assert text
    assert (digits.digits, digits.outcome) == ("42", DigitsOutcome.COMPLETE)


async def test_a_call_that_the_agent_refuses_has_no_model(autojump_clock: MockClock) -> None:
    async def instructions(info: CallInfo) -> str:
        raise CallRefused("we are closed")

    async with live_call(QUIET, attend=Agent(instructions).attend(QUIET)) as live:
        await live.carrier.start()
        end = await live.until_end()
        assert not live.model_came.is_set()
    assert end.reason == "refused"


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_caller_is_handed_over_cold(refuses: bool, autojump_clock: MockClock) -> None:
    agent = Agent()
    results: list[EndingOutcome] = []
    account = Account(refuses=refuses)

    @agent.on_start
    async def on_start(call: Call) -> None:
        results.append(await call.transfer(TO))

    attend = agent.attend(QUIET, account)
    async with live_call(QUIET, attend=attend, account=account) as live:
        account.call = live
        await live.start()
        await trio.sleep(3)
        assert live.ended.is_set() is not refuses
    dial = Dial(target=Number(TO), timeout_s=30)
    assert account.asked[0] == ("redirect", "CA1", [dial])
    assert results == [EndingOutcome.FAILED if refuses else EndingOutcome.ENDED]


@pytest.mark.parametrize("ends", ["joined", "caller gone", "refused"])
async def test_a_caller_is_handed_over_warm_and_nobody_is_left_alone(
    ends: str, autojump_clock: MockClock
) -> None:
    agent = Agent()
    account = Account(refuses=ends == "refused")

    @agent.on_start
    async def on_start(call: Call) -> None:
        await call.transfer_warm(TO, brief="A guest.", caller_id="+15550000001", say="Please hold.")

    attend = agent.attend(QUIET, account)
    async with live_call(QUIET, attend=attend, account=account) as live:
        account.call = live
        model = await live.start()
        await trio.sleep(1)
        assert account.asked == [("place", TO)]
        hold = await model.says("R1", "M1", speech(2_000))
        assert "Please hold." in hold["response"]["instructions"]
        if ends == "caller gone":
            await trio.sleep(1)
            await live.carrier.stop()
        await trio.sleep(4)
        assert live.ended.is_set() is (ends != "refused")
        of_callee = [asked for asked in account.asked if asked == ("hang_up", "CA2")]
        assert len(of_callee) == (ends != "joined")
        redirects = [asked for asked in account.asked if asked[0] == "redirect"]
        assert len(redirects) == (ends != "caller gone")
        if redirects:
            [verb] = redirects[0][2]
            assert isinstance(verb, Dial)
            assert isinstance(verb.target, Conference)
        assert model.of("session.update"), "the call went on meanwhile"


async def test_a_call_does_not_outlast_its_limit(autojump_clock: MockClock) -> None:
    config = attrs.evolve(QUIET, agent=attrs.evolve(QUIET.agent, max_call_s=90, silence_s=0))
    async with live_call(config, attend=Agent().attend(config)) as live:
        model = await live.start()
        await trio.sleep(35)
        [warning] = model.of("conversation.item.create")
        assert "about a minute" in str(warning)
        await model.says("R1", "M1", speech(500))
        end = await live.until_end()
        assert 90_000 <= live.ended_ms <= 93_000
    assert end.reason == "max_duration"
    assert is_type("response.create")(model.of("response.create")[0])


# --- who decides -------------------------------------------------------------------------------


async def test_a_call_that_nobody_decides_about_is_given_up(autojump_clock: MockClock) -> None:
    async def attend(started: Any) -> Attendance:
        await trio.sleep_forever()
        raise AssertionError

    async with live_call(QUIET, attend=attend) as call:
        await call.carrier.start()
        end = await call.until_end()
        assert end.reason == "start_timeout"
        assert ATTEND_S * 1_000 <= call.ended_ms <= ATTEND_S * 1_000 + ENDS_WITHIN_MS
        assert not call.model_came.is_set()


async def test_a_call_that_is_refused_never_reaches_the_model(autojump_clock: MockClock) -> None:
    async def attend(started: Any) -> Attendance:
        raise CallRefused("not today")

    async with live_call(QUIET, attend=attend) as call:
        await call.carrier.start()
        assert (await call.until_end()).reason == "refused"
        await call.carrier.closed.wait()
        assert call.carrier.close_code == 1013
        assert not call.model_came.is_set()


async def test_the_call_is_held_as_was_decided_and_not_as_configured(
    autojump_clock: MockClock,
) -> None:
    decided = config_of("Good morning.")

    async def attend(started: Any) -> Attendance:
        assert started.custom_parameters == {"caller": "+15550001"}
        return Attendance(config=decided)

    async with live_call(QUIET, attend=attend) as call:
        await call.carrier.start(caller="+15550001")
        await call.model_came.wait()
        await call.model.begin()
        create = await call.model.next_create()
        assert "Good morning." in create["response"]["instructions"]
