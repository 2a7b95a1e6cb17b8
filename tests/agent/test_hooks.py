from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.agent.agent import Agent
from trio_media.agent.hooks import HOOKS, RUNS_MAX, HookRuns, check_hook, run_hooks
from trio_media.call.record import CallEnd
from trio_media.core import events as ev
from trio_media.errors import AgentError
from trio_media.logs import call_logger

from .stage import on_stage, until


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_that_cannot_be_called_so_is_the_authors_error(name: str) -> None:
    told = ", ".join(("call", *HOOKS[name]))

    def takes_too_much(one: int, two: int, three: int) -> None: ...
    def takes_all(*args: object) -> None: ...

    with pytest.raises(AgentError, match=rf"on_{name}: .*takes_too_much.* \({told}\)"):
        check_hook(name, takes_too_much)
    with pytest.raises(AgentError, match=rf"on_{name}: needs a function of \({told}\), not 5"):
        check_hook(name, 5)  # type: ignore[arg-type]
    check_hook(name, takes_all)


def test_a_builtin_without_a_signature_is_taken() -> None:
    check_hook("start", type)  # how many it takes it does not say


async def test_hooks_start_in_the_order_of_what_happened(autojump_clock: MockClock) -> None:
    agent = Agent()
    pressed: list[str] = []

    @agent.on_dtmf
    async def on_dtmf(call: object, digit: str) -> None:
        pressed.append(digit)
        await trio.sleep(10 - int(digit))
        pressed.append(f"{digit} done")

    async with on_stage(agent) as stage:
        for digit in "123456789":
            stage.see(ev.KeyPressed(digit))
        await trio.sleep(0.5)
        assert pressed == list("123456789"), "each began at its first step, in order"
        await trio.sleep(10)
    assert pressed[9:] == [f"{digit} done" for digit in "987654321"], "and none held up another"


async def test_functions_of_one_hook_all_run_also_those_in_threads() -> None:
    agent = Agent()
    told: list[object] = []
    in_thread = threading.Event()

    @agent.on_dtmf
    def on_dtmf(call: object, digit: str) -> None:
        told.append((digit, threading.current_thread() is threading.main_thread()))
        in_thread.set()

    @agent.on_dtmf
    async def on_dtmf_too(call: object, digit: str) -> None:
        told.append((digit, "too"))

    async with on_stage(agent) as stage:
        stage.see(ev.KeyPressed("5"))
        await trio.to_thread.run_sync(in_thread.wait, 10)
        await wait_all_tasks_blocked()
    assert sorted(map(str, told)) == ["('5', 'too')", "('5', False)"]


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_hook_that_fails_is_logged_and_counted_and_harms_nothing(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent()

    @agent.on_dtmf
    async def first(call: object, digit: str) -> None:
        raise ValueError("of the application")

    def second(call: object, digit: str) -> None:
        raise ValueError("of the application")

    if not is_async:
        agent = Agent()
        agent.on_dtmf(second)
    async with on_stage(agent) as stage:
        for digit in "12":
            stage.see(ev.KeyPressed(digit))
        await until(lambda: stage.call.counters.get("hook_errors", 0) == 2)
    [record, _] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "of the application" in str(record.exc_info)
    assert vars(record)["code"] == "on_dtmf"
    assert vars(record)["call_sid"] == "CA1"


async def test_a_hook_that_is_late_is_cancelled_and_counted(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent(hook_timeout_s=5)
    cleaned: list[float] = []

    @agent.on_dtmf
    async def on_dtmf(call: object, digit: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cleaned.append(trio.current_time())

    async with on_stage(agent) as stage:
        stage.see(ev.KeyPressed("1"))
        began_s = trio.current_time()
        await trio.sleep(6)
        assert cleaned == [began_s + 5]
        assert stage.call.counters["hook_timeouts"] == 1
    assert "took too long" in caplog.text


async def test_a_hook_in_a_thread_that_is_late_is_abandoned(mock_clock: MockClock) -> None:
    agent = Agent(hook_timeout_s=5)
    begun, go_on = threading.Event(), threading.Event()

    @agent.on_dtmf
    def on_dtmf(call: object, digit: str) -> None:
        begun.set()
        go_on.wait(60)

    try:
        async with on_stage(agent) as stage:
            stage.see(ev.KeyPressed("1"))
            await trio.to_thread.run_sync(begun.wait)
            mock_clock.jump(6)
            await until(lambda: stage.call.counters.get("hook_timeouts", 0) == 1)
            assert stage.call.counters["threads_abandoned"] == 1
    finally:
        go_on.set()


async def test_too_many_hooks_are_dropped_counted_and_logged_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent(hook_timeout_s=5)
    begun: list[str] = []

    @agent.on_dtmf
    async def on_dtmf(call: object, digit: str) -> None:
        begun.append(digit)
        await trio.sleep_forever()

    async with on_stage(agent) as stage:
        for _ in range(RUNS_MAX + 10):
            stage.see(ev.KeyPressed("1"))
        await trio.sleep(1)
        assert len(begun) == RUNS_MAX
        assert stage.call.counters["hooks_dropped"] == 10
        await trio.sleep(5)
        stage.see(ev.KeyPressed("2"))
        await trio.sleep(1)
        assert begun[-1] == "2", "there is room again"
    assert caplog.text.count("too many run already") == 1


async def test_hooks_end_with_the_call_and_on_end_runs_after_it(
    autojump_clock: MockClock,
) -> None:
    agent = Agent(hook_timeout_s=5)
    happened: list[Any] = []

    @agent.on_dtmf
    async def on_dtmf(call: object, digit: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            happened.append("cancelled")

    @agent.on_end
    async def on_end(call: Any, end: CallEnd) -> None:
        happened.append((end.reason, call.state.is_over))
        await trio.sleep_forever()

    @agent.on_end
    async def on_end_too(call: Any, end: CallEnd) -> None:
        happened.append("end too")
        raise ValueError("of the application")

    async with on_stage(agent) as stage:
        for _ in range(RUNS_MAX):
            stage.see(ev.KeyPressed("1"))
        await trio.sleep(1)
        began_s = trio.current_time()
    assert happened == ["cancelled"] * RUNS_MAX + [("hung_up", True), "end too"]
    assert trio.current_time() - began_s == 5, "it comes back within its deadline"


async def test_what_did_not_begin_in_the_call_runs_at_its_end() -> None:
    agent = Agent()
    happened: list[str] = []

    @agent.on_dtmf
    async def on_dtmf(call: object, digit: str) -> None:
        happened.append(digit)

    @agent.on_end
    async def on_end(call: object, end: CallEnd) -> None:
        happened.append("end")

    async with on_stage(agent) as stage:
        stage.see(ev.KeyPressed("1"))
        stage.see(ev.KeyPressed("2"))
    assert happened == ["1", "2", "end"]


async def test_a_hook_can_be_cancelled_before_its_first_step() -> None:
    counted: list[str] = []
    runs = HookRuns({"start": [print]}, 5, call_logger("CA1"), counted.append)
    runs.tell("start", "call")
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.cancel()
        nursery.start_soon(run_hooks, runs, nursery)
    assert len(runs.take_waiting()) == 1, "it is still there for the end"
