"""S5, with marks: an interruption at every offset while tools run that say how the call goes on.

An answer speaks and calls one or two tools, of which one may be over before the answer is.  The
model answers every create by itself.  At each offset the caller, or the application, interrupts;
with each mark of the tool the rules are the same, and one more.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
import trio

from trio_media.agent.agent import Agent

from .language import Scene, race, scene
from .service import SlowService, slow_service
from .test_f_tools import outputs

STEP_MS: Final = 100
ANSWER_MS: Final = 400
SPEECH_MS: Final = 1_200
LONG_MS: Final = 900  # a tool that is not over when the answer that called it is
SHORT_MS: Final = 40
OFFSETS_MS: Final = {"caller": range(30, 2_000, 150), "application": range(30, 2_000, 300)}
MARKS: Final[dict[str, dict[str, Any]]] = {
    "gives way": {"cancel_on_interrupt": True, "filler_after_ms": None},
    "holds answers": {"hold_answers": True, "filler_after_ms": None},
    "is spoken of": {"filler_after_ms": 300},
    "is protected": {"protect_speech": True, "filler_after_ms": None},
    "is spoken of and protected": {"protect_speech": True, "filler_after_ms": 300},
}


def agent_with(marks: dict[str, Any], ran: list[str]) -> Agent:
    """An agent with one tool, whose calls say how long they take."""
    agent = Agent()

    async def wait(name: str, length_ms: int) -> str:
        await trio.sleep(length_ms / 1_000)
        ran.append(name)
        return f"result of {name}"

    agent.tool(**marks)(wait)
    return agent


async def speaks_and_calls(s: Scene, service: SlowService, lengths_ms: tuple[int, ...]) -> None:
    """The first answer: speech, its calls, and its end, a step apart."""
    await s.model.wire.audio("R0", "I0", s.numbers.audio("I0", SPEECH_MS))
    for number, length_ms in enumerate(lengths_ms):
        await trio.sleep(STEP_MS / 1_000)
        if "R0" in service.over:
            return
        arguments = f'{{"name": "C{number}", "length_ms": {length_ms}}}'
        await s.model.wire.calls_tool("R0", f"C{number}", "wait", arguments)
    await trio.sleep(STEP_MS / 1_000)
    if "R0" not in service.over:
        service.over.add("R0")
        await s.model.wire.done("R0")


async def interrupts(s: Scene, by: str) -> None:
    """Somebody wants the floor."""
    if by == "application":
        await s.call.control.interrupt()
        return
    await s.model.wire.hears_start("T2")
    await s.call.caller_speaks(500)
    await s.model.wire.hears_stop("T2")
    await s.model.wire.commits("T2")
    await s.model.wire.transcribes("T2", "wait, something else")


@race("S5", "F111", "F112", "F114", "D84")
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(
    ("by", "at_ms"), [(by, at_ms) for by, offsets in OFFSETS_MS.items() for at_ms in offsets]
)
async def test_tools_with_marks_and_an_interruption_at_every_offset(
    by: str, mark: str, at_ms: int
) -> None:
    ran: list[str] = []
    lengths_ms = (LONG_MS, SHORT_MS) if at_ms // 30 % 2 else (LONG_MS,)
    async with scene(agent=agent_with(MARKS[mark], ran)) as s:
        await s.model.hears("T1", "Book a table, and a taxi.")
        await s.model.opens("R0", "I0", 0)
        async with slow_service(s, length_ms=ANSWER_MS) as service:
            service.opened.add("R0")
            s.call.nursery.start_soon(speaks_and_calls, s, service, lengths_ms)
            await s.at(at_ms)
            await interrupts(s, by)
            spoken_ms = s.now_ms
            await s.at(4_800)
        check(s, by, mark, ran, spoken_ms)


def check(s: Scene, by: str, mark: str, ran: list[str], spoken_ms: int) -> None:
    """One output for each call, true ones; somebody is answered once; nothing is left over."""
    given = outputs(s)
    assert sorted(s.told_of("output")) == sorted(given), "two outputs for one call"
    items = [m["item"] for _, m in s.model.wire.said if "item" in m]
    calls = [item["call_id"] for item in items if "name" in item]
    assert sorted(given) == sorted(calls), "a call has no output"
    for call_id, output in given.items():
        is_result = output == f"result of {call_id}"
        assert is_result or "error" in output
        assert is_result == (call_id in ran), "a result is lost, or comes of what gave way"
    assert not s.call.control.line.running_tools
    creates = [one.at_ms for one in s.told_when if one.line == "create"]
    if by == "caller":
        assert creates[-1] >= spoken_ms - 500, "the caller was not answered"
        assert s.heard[s.numbers.items[-1]] == ANSWER_MS, "the answer was not heard"
    if any(output.startswith("result") for output in given.values()):
        told = [one.at_ms for one in s.told_when if one.line.startswith("output")]
        assert creates[-1] >= min(told), "nobody spoke about a result"
    if mark == "holds answers" and by == "caller" and ran:
        results = [one.at_ms for one in s.told_when if one.line == "output C0"]
        between = [at_ms for at_ms in creates[1:] if at_ms < max(results)]
        assert not between, "an answer guesses the result"
    results_ms = [one.at_ms for one in s.told_when if one.line.removeprefix("output ") in ran]
    if "protected" in mark and results_ms:
        about = next(n for n, at_ms in enumerate(creates) if n and at_ms >= max(results_ms))
        assert s.heard[f"I{about}"] == ANSWER_MS, "what is said of the result was cut"
    if mark == "gives way" and by == "application":
        assert len(creates) <= 3
    assert len(creates) <= 5, "they go on for ever"
