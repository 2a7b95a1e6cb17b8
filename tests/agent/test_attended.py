from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.attended import TASKS_MAX, AttendedCall
from trio_media.agent.watching import CallState
from trio_media.call.control import running_tool
from trio_media.call.record import CallEnd
from trio_media.call.spending import note_usage
from trio_media.config import Config
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.errors import AgentError
from trio_media.facts.failures import Failure
from trio_media.facts.masking import mask_numbers
from trio_media.facts.transcript import LATE_MS
from trio_media.facts.usage import Usage

from .stage import INFO, Stage, on_stage, until


async def test_a_call_has_a_state_from_before_its_start_to_after_its_end(
    autojump_clock: MockClock,
) -> None:
    call = AttendedCall(INFO)
    call.count("nowhere yet")
    assert call.state == CallState()
    assert not call.counters
    assert not call.transcript
    async with on_stage() as stage:
        await trio.sleep(1.5)
        play = cm.PlayAudio(1, 1, "M1", 0, 200)
        stage.see(ev.SessionReady(server_acts=False), play)
        stage.see(ev.ServerSpeechStarted("C1"), cm.EndingBegan(1, "x"))
        assert stage.call.state == CallState(
            duration_ms=1_500,
            is_ready=True,
            is_model_speaking=True,
            is_caller_speaking=True,
            is_ending=True,
        )
        stage.control.end_all()
        assert stage.call.state == CallState(duration_ms=1_500, is_over=True)
    await trio.sleep(5)
    assert stage.call.state == CallState(duration_ms=1_500, is_over=True)


async def test_what_is_counted_is_a_copy() -> None:
    async with on_stage() as stage:
        stage.call.count("x")
        counters = stage.call.counters
        stage.call.count("x")
        assert counters == {"x": 1}


async def test_a_call_that_never_began_can_end() -> None:
    told: list[str] = []

    async def on_end(call: object, end: CallEnd) -> None:
        told.append(end.reason)

    agent = Agent()
    agent.on_end(on_end)
    call = (await agent.settle(INFO, Config())).attendant
    assert call is not None
    await call.ended(CallEnd(call_sid="CA1", reason="carrier_lost", duration_ms=5))
    assert told == ["carrier_lost"]
    assert isinstance(call, AttendedCall)
    assert call.is_over
    assert call.state.duration_ms == 5


async def test_a_task_of_the_application_ends_with_the_call(autojump_clock: MockClock) -> None:
    ended: list[str] = []

    async def task(name: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(name)

    async with on_stage() as stage:
        stage.call.start_soon(task, "one")
        await trio.sleep(5)
        assert not ended
    assert ended == ["one"]
    stage.call.start_soon(task, "two")
    assert ended == ["one"]


async def test_a_task_that_fails_is_logged_and_harms_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise ValueError("of the application")

    async with on_stage() as stage:
        stage.call.start_soon(fails)
        stage.call.start_soon(partial(fails))
        await trio.sleep(1)
        assert stage.call.counters["hook_errors"] == 2
    assert ["fails" in vars(record)["code"] for record in caplog.records] == [True, True]


async def test_a_call_has_only_so_many_tasks(autojump_clock: MockClock) -> None:
    async with on_stage() as stage:
        for _ in range(TASKS_MAX):
            stage.call.start_soon(trio.sleep, 5)
        with pytest.raises(AgentError, match=f"{TASKS_MAX} tasks run already"):
            stage.call.start_soon(trio.sleep, 5)
        await trio.sleep(6)
        stage.call.start_soon(trio.sleep, 5)


async def test_a_task_outlives_the_tool_that_starts_it(autojump_clock: MockClock) -> None:
    of_tool: list[str | None] = []

    async def task() -> None:
        of_tool.append(running_tool.get())

    async with on_stage() as stage:
        running_tool.set("call_1")
        stage.call.start_soon(task)
        await trio.sleep(1)
        running_tool.set(None)
    assert of_tool == [None]


async def test_a_thread_starts_tasks_and_reads_the_state(autojump_clock: MockClock) -> None:
    agent = Agent()
    ran: list[str] = []

    async def task(name: str) -> None:
        ran.append(name)

    @agent.on_dtmf
    def on_dtmf(call: Any, digit: str) -> None:
        assert not call.state.is_over
        trio.from_thread.run_sync(call.start_soon, task, digit)

    async with on_stage(agent) as stage:
        stage.see(ev.KeyPressed("5"))
        await until(lambda: bool(ran))
    assert ran == ["5"]


async def test_late_texts_are_given_up_also_in_a_silent_call(autojump_clock: MockClock) -> None:
    agent = Agent()
    told: list[str] = []

    @agent.on_model_spoke
    async def on_model_spoke(call: object, text: str) -> None:
        told.append(text)

    async with on_stage(agent) as stage:
        stage.see(ev.ServerSpeechStarted("C1"))
        stage.see(ev.TurnCommitted("C1"), cm.TurnDecided("C1", "answered"))
        stage.control.line.note("model_text", item_id="M1", text="Yes.")
        stage.see(ev.TimePassed(), cm.PlayAudio(1, 1, "M1", 0, 200))
        stage.see(ev.TimePassed(), cm.ItemHeard(1, "M1", 200, 200))
        await trio.sleep(LATE_MS / 1_000 - 0.1)
        assert not told
        await trio.sleep(1.2)
        assert told == ["Yes."]
        assert [entry.text for entry in stage.call.transcript] == ["Yes."]


async def test_a_call_without_hooks_costs_no_task(autojump_clock: MockClock) -> None:
    """Of a server's calls most only wait, and a task that waits holds 3 KB."""
    of_the_stage = 2  # its owner, and who looks after the call
    async with on_stage(Agent()) as stage:
        await trio.sleep(60)
        assert len(stage.nursery.child_tasks) == of_the_stage


async def test_the_last_words_are_told_before_the_end(autojump_clock: MockClock) -> None:
    agent = Agent()
    told: list[object] = []

    @agent.on_model_spoke
    async def on_model_spoke(call: object, text: str) -> None:
        told.append(text)

    @agent.on_end
    async def on_end(call: Any, end: CallEnd) -> None:
        told.append([entry.text for entry in call.transcript])

    async with on_stage(agent) as stage:
        stage.control.line.note("model_text", item_id="M1", text="Good bye now.")
        stage.see(ev.AudioReceived("R1", "M1", 1_000), cm.PlayAudio(1, 1, "M1", 0, 1_000))
        stage.see(ev.CarrierWrote(1, stage.control.line.now_ms()))
        await trio.sleep(0.8)
    assert told == ["Good bye", ["Good bye"]]


@pytest.mark.parametrize("where", ["hook", "tool", "task"])
@pytest.mark.parametrize("after_s", [0, 0.5, 1.5, 2.5, 3.5])
async def test_code_of_the_application_can_end_at_each_of_its_steps(
    where: str, after_s: float, autojump_clock: MockClock
) -> None:
    agent = Agent(hook_timeout_s=5)
    running: list[int] = []

    async def code() -> None:
        for step in range(3):
            running.append(step)
            try:
                await trio.sleep(1)
            finally:
                running.remove(step)

    @agent.tool
    async def tool() -> None:
        await code()

    @agent.on_dtmf
    async def on_dtmf(call: object, digit: str) -> None:
        await code()

    async def run_tool(call: AttendedCall) -> None:
        await call.tools["tool"].run("{}")

    async with on_stage(agent) as stage:
        if where == "tool":
            stage.nursery.start_soon(run_tool, stage.call)
        elif where == "task":
            stage.call.start_soon(code)
        else:
            stage.see(ev.KeyPressed("5"))
        await trio.sleep(after_s)
        assert len(running) == (after_s < 3) or not after_s
        stage.nursery.cancel_scope.cancel()
    assert not running
    assert not stage.nursery.child_tasks


async def test_a_thread_of_a_call_that_is_over_reaches_it_without_harm() -> None:
    agent = Agent()
    begun, go_on = threading.Event(), threading.Event()
    results: list[object] = []

    @agent.on_dtmf
    def on_dtmf(call: Any, digit: str) -> None:
        begun.set()
        go_on.wait(60)
        results.append(trio.from_thread.run(call.say, "Hello."))
        trio.from_thread.run_sync(call.start_soon, trio.sleep, 1)
        results.append(call.state.is_over)

    async with on_stage(agent) as stage:
        stage.see(ev.KeyPressed("5"))
        await trio.to_thread.run_sync(begun.wait)
    go_on.set()
    await until(lambda: len(results) == 2)
    said, is_over = results
    assert said.outcome is cm.SpeechOutcome.CALL_ENDED  # type: ignore[attr-defined]
    assert is_over


class Outsider:
    """An observer that is none of the application's."""

    wants_heard_audio = False

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def event(self, event: Any, t_ms: int) -> None:
        pass

    def commands(self, commands: Any, t_ms: int) -> None:
        pass

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:
        self.notes.append((kind, fields))

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        pass

    heard_audio = caller_audio

    def texts(self) -> list[str]:
        return [fields["text"] for _, fields in self.notes if "text" in fields]


def observed(stage: Stage) -> Outsider:
    outsider, line = Outsider(), stage.control.line
    line.observers = [outsider, *line.observers]
    return outsider


def says(stage: Stage, item_id: str, text: str) -> None:
    """A turn of the caller, and its words."""
    stage.see(ev.ServerSpeechStarted(item_id))
    stage.see(ev.TurnCommitted(item_id))
    stage.control.line.note("caller_text", item_id=item_id, text=text)
    verdict = ev.TurnTranscribed(item_id, ev.Verdict.WORDS)
    stage.see(verdict, cm.TurnDecided(item_id, "answered"))


async def test_others_are_told_what_the_agent_lets_them_know(autojump_clock: MockClock) -> None:
    agent = Agent(redact=mask_numbers)
    told: list[str] = []

    @agent.on_caller_spoke
    async def spoke(call: Any, text: str) -> None:
        told.append(text)

    async with on_stage(agent) as stage:
        outsider = observed(stage)
        says(stage, "T1", "My card is 4111 1111 1111 1111.")
        await trio.sleep(1)
        assert told == ["My card is 4111 1111 1111 1111."]
        assert [one.text for one in stage.call.transcript] == told
        shown = stage.call.watch.transcript.shown
    assert outsider.texts() == [one.text for one in shown]
    assert outsider.texts() == ["My card is **** **** **** ****."]
    assert all("shown" not in fields for _, fields in outsider.notes)


@pytest.mark.parametrize("result", [ValueError("4111"), None, 7], ids=repr)
async def test_a_text_that_cannot_be_redacted_is_withheld(
    result: object, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def redact(role: str, text: str) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    async with on_stage(Agent(redact=redact)) as stage:
        outsider = observed(stage)
        says(stage, "T1", "4111 1111 1111 1111")
        (shown,) = stage.call.watch.transcript.shown
    assert outsider.texts() == ["[redacted]"]
    assert shown.text == "[redacted]"
    assert bool(caplog.records) is isinstance(result, Exception)


async def test_a_pause_withholds_what_is_said_in_it_from_all_others(
    autojump_clock: MockClock,
) -> None:
    async with on_stage() as stage:
        outsider = observed(stage)
        says(stage, "T1", "before")
        await trio.sleep(1)
        stage.call.pause_recording()
        stage.call.pause_recording()
        await trio.sleep(1)
        stage.see(ev.ServerSpeechStarted("T2"))
        await trio.sleep(1)
        stage.call.resume_recording()
        says(stage, "T2", "begun in it")
        await trio.sleep(1)
        says(stage, "T3", "after")
        assert [one.text for one in stage.call.transcript] == ["before", "begun in it", "after"]
    assert outsider.texts() == ["before", "[not recorded]", "after"]
    kinds = [kind for kind, _ in outsider.notes if kind.startswith("recording")]
    assert kinds == ["recording_paused", "recording_resumed"]


async def test_a_pause_of_a_call_that_is_not_there_is_none() -> None:
    call = AttendedCall(INFO)
    call.pause_recording()
    call.resume_recording()
    async with on_stage() as stage:
        outsider = observed(stage)
        stage.control.end_all()
        stage.call.pause_recording()
        stage.call.resume_recording()
    assert outsider.notes == []


async def test_failures_are_told_and_kept(autojump_clock: MockClock) -> None:
    agent = Agent()
    told: list[Failure] = []

    @agent.on_failure
    async def failed(call: Any, failure: Failure) -> None:
        told.append(failure)

    async with on_stage(agent) as stage:
        await trio.sleep(2)
        stage.control.line.note("failure", what="model_lost", detail="1006", done="reconnect")
        await trio.sleep(1)
        assert stage.call.failures == tuple(told)
    assert told == [Failure(at_ms=2_000, what="model_lost", detail="1006", done="reconnect")]


async def test_what_was_used_is_known_while_the_call_goes_on() -> None:
    assert AttendedCall(INFO).usage == Usage()
    async with on_stage() as stage:
        note_usage(stage.control.line, "response", "m", {"input_tokens": 7})
        (used,) = stage.call.usage.models
        assert used.tokens == {"other_in": 7}
