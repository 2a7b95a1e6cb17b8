"""S5: one to three tools that finish before or after the answer that called them, and the caller.

Patterns of tools meet an interruption at every gap, by nobody, by the application and by
the caller, and a model that hears of it at once or 150 ms late.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import pytest
import trio

from .language import Scene, race, scene
from .service import SlowService, slow_service

STEP_MS: Final = 100  # the model speaks, calls each tool and ends, so far apart
SOON_MS: Final = 30  # a tool that is finished before the answer goes on
LATE_MS: Final = 700  # one that is not finished when the answer is over
ANSWER_MS: Final = 400
GAPS_MS: Final = (25, 125, 225, 325, 425, 475, 650, 850, 1_050, 1_500)  # from its opening
DEAF_MS: Final = {  # how late the model hears of a cancel: it matters while it speaks
    0: GAPS_MS,
    150: [at_ms for at_ms in GAPS_MS if at_ms < 500][::2],
}
PATTERNS: Final = [
    *(pattern for count in (1, 2) for pattern in itertools.product("sl", repeat=count)),
    *map(tuple, ("sls", "lsl")),
]


@attrs.define
class Toolbox:
    """A tool, and which calls of it were made."""

    ran: list[str] = attrs.field(factory=list)
    called: list[str] = attrs.field(factory=list)
    """Which calls the model has made known."""

    def tools(self) -> dict[str, Callable[[str], Awaitable[str]]]:
        """What a call is given."""
        return {"wait": self._wait}

    async def _wait(self, arguments: str) -> str:
        call = json.loads(arguments)
        self.ran.append(call["id"])
        await trio.sleep(call["ms"] / 1_000)
        return f"result of {call['id']}"


async def speaks_and_calls(
    s: Scene, service: SlowService, box: Toolbox, pattern: tuple[str, ...]
) -> None:
    """The first answer goes on: two seconds of speech, its calls, and its end."""
    for number, kind in enumerate(("speech", *pattern, "end")):
        await trio.sleep(STEP_MS / 1_000)
        if "R0" in service.over:
            return  # it was cancelled
        if kind == "speech":
            await s.model.wire.audio("R0", "I0", s.numbers.audio("I0", 2_000))
        elif kind == "end":
            service.over.add("R0")
            await s.model.wire.done("R0")
        else:
            length_ms = SOON_MS if kind == "s" else LATE_MS + STEP_MS * number
            box.called.append(f"C{number}")
            arguments = json.dumps({"id": f"C{number}", "ms": length_ms})
            await s.model.wire.calls_tool("R0", f"C{number}", "wait", arguments)


async def interrupts(s: Scene, by: str, at_ms: int) -> None:
    """What happens in the gap."""
    await trio.sleep(at_ms / 1_000)
    if by == "application":
        await s.call.control.interrupt()
    elif by == "caller":
        async with trio.open_nursery() as nursery:
            nursery.start_soon(s.call.caller_speaks, 500)
            await trio.sleep(0.1)
            await s.model.wire.hears_start("T2")
            await trio.sleep(0.6)
        await s.model.wire.hears_stop("T2")
        await s.model.wire.commits("T2")
        await s.model.wire.transcribes("T2", "wait, something else")


@race("S5", "D81", "F107", "F108", "F109", "F110")
@pytest.mark.parametrize("by", ["application", "caller"])
@pytest.mark.parametrize(
    ("deaf_ms", "at_ms"), [(deaf_ms, at_ms) for deaf_ms, gaps in DEAF_MS.items() for at_ms in gaps]
)
@pytest.mark.parametrize("pattern", PATTERNS, ids="".join)
async def test_every_call_has_one_result_and_every_result_is_answered(
    pattern: tuple[str, ...], deaf_ms: int, at_ms: int, by: str
) -> None:
    box = Toolbox()
    async with scene(tools=box.tools()) as s:
        await s.model.hears("T1", "Book a table, and a taxi.")
        await s.model.opens("R0", "I0", 0)
        async with slow_service(s, length_ms=ANSWER_MS, cancels_after_ms=deaf_ms) as service:
            s.call.nursery.start_soon(speaks_and_calls, s, service, box, pattern)
            s.call.nursery.start_soon(interrupts, s, by, at_ms)
            await s.at(4_500)
        check_outputs(s, box)
        creates = s.told_of("create")
        assert len(creates) <= (2 if by == "application" else 3), s.told
        if by == "caller":
            assert s.heard[s.numbers.items[-1]] == ANSWER_MS, "the caller was not answered"


@race("S5", "F108", "F109")
@pytest.mark.parametrize("at_ms", GAPS_MS[::2])
@pytest.mark.parametrize("pattern", PATTERNS, ids="".join)
async def test_results_and_a_service_that_interrupts_and_answers_by_itself_do_not_collide(
    pattern: tuple[str, ...], at_ms: int
) -> None:
    box = Toolbox()
    async with scene(tools=box.tools(), authority="server") as s:
        await s.model.hears("T1", "Book a table, and a taxi.")
        await s.model.opens("R0", "I0", 0, by_itself=True)
        async with slow_service(s, length_ms=ANSWER_MS) as service:
            service.opened.add("R0")
            s.call.nursery.start_soon(speaks_and_calls, s, service, box, pattern)
            await s.at(at_ms)
            await service_takes_over(s, service)
            await s.at(4_500)
        check_outputs(s, box)
        assert "R0" not in s.told_of("cancel"), "the service has ended that by itself"
        assert s.heard["I9"] == ANSWER_MS


async def service_takes_over(s: Scene, service: SlowService) -> None:
    """It hears the caller, ends what is open, and answers."""
    await s.model.hears_start("T2")
    told = len(s.told)
    await service.ends_by_itself()
    await s.after(600)
    await s.model.hears_stop("T2")
    await s.model.commits("T2")
    await s.after(100)
    assert "create" not in s.told[told:], "the service hears the caller, and answers by itself"
    await s.model.says("R9", "I9", ANSWER_MS, by_itself=True)


@race("S5", "D81")
@pytest.mark.parametrize("pattern", PATTERNS, ids="".join)
async def test_all_results_of_an_answer_lead_to_one_create_after_all_of_them(
    pattern: tuple[str, ...],
) -> None:
    box = Toolbox()
    async with scene(tools=box.tools()) as s:
        await s.model.hears("T1", "Book a table, and a taxi.")
        await s.model.opens("R0", "I0", 0)
        async with slow_service(s, length_ms=ANSWER_MS) as service:
            await speaks_and_calls(s, service, box, pattern)
            end_ms = s.now_ms
            await s.at(4_500)
        check_outputs(s, box)
        outputs = [line for line in s.told if line.startswith("output")]
        assert s.told == ["create", *outputs, "create"]
        assert len(outputs) == len(pattern)
        assert s.told_when[-1].at_ms >= end_ms
        assert s.heard == {"I0": 2_000, "I1": ANSWER_MS}


def check_outputs(s: Scene, box: Toolbox) -> None:
    """Each call that is known was made at most once and has one output; results are spoken of."""
    items = [m["item"] for m in s.model.wire.of("conversation.item.create")]
    outputs = [(item["call_id"], item["output"]) for item in items]
    assert sorted(call_id for call_id, _ in outputs) == box.called
    assert len(box.ran) == len(set(box.ran))
    for call_id, output in outputs:
        assert (output == f"result of {call_id}") == (call_id in box.ran)
    if box.ran:
        last = max(s.told.index(f"output {call_id}") for call_id in box.ran)
        assert "create" in s.told[last:], "nobody spoke about a result"
