"""The observer of the wires finds what it is there to find: the system is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from trio_media.call import carry_out, control, marks, outboxes
from trio_media.core import answering, commands, floor, sending
from trio_media.simulation.calls import broken_in
from trio_media.simulation.calls import scenario as sc

SPEAKS_OVER = sc.SpeaksOver(heard_ms=900, length_ms=1_200)
INTERRUPTED = sc.Scenario(
    length_ms=16_000,
    websockets=False,
    caller=(SPEAKS_OVER, sc.Coughs(7_000, 100)),
    answers=(sc.Answer(items_ms=(5_000,)), sc.Answer(items_ms=(3_000, 6_000))),
)
GENERATING = sc.Scenario(
    length_ms=12_000,
    websockets=False,
    caller=(SPEAKS_OVER,),
    answers=(sc.Answer(items_ms=(9_000,), pace=1, cancelled=sc.Cancelled.STRAGGLES),),
)
TOOLS = sc.Scenario(
    length_ms=10_000,
    websockets=False,
    answers=(sc.Answer(items_ms=(1_000,), tools=(sc.CallsTool(), sc.CallsTool())),),
)
COUGH = sc.Scenario(
    length_ms=10_000,
    websockets=False,
    caller=(sc.Coughs(2_000, 100),),
    answers=(sc.Answer(items_ms=(6_000,)),),
)
APPLICATION = sc.Scenario(
    length_ms=9_000, websockets=False, application=(sc.Interrupts(1_500), sc.Says(2_000))
)
SLOW_CARRIER = sc.Scenario(
    length_ms=9_000,
    websockets=False,
    settings=sc.Settings(backchannel_ms=0),
    caller=(sc.Speaks(2_000, 1_000),),
    answers=(sc.Answer(items_ms=(6_000,), pace=0),),
)

Plant = Callable[[pytest.MonkeyPatch], None]


def test_nothing_is_broken_as_it_is() -> None:
    for scenario in (INTERRUPTED, GENERATING, TOOLS, COUGH, APPLICATION, SLOW_CARRIER):
        assert broken_in(scenario) == []


def carries_out(kind: type, wrong: Callable[..., None]) -> Plant:
    """Carry out one kind of command wrongly."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = carry_out.CARRY_OUT[kind]

        def act(desk: Any, command: Any, now_ms: int) -> None:
            wrong(right, desk, command, now_ms)

        monkeypatch.setitem(carry_out.CARRY_OUT, kind, act)  # type: ignore[arg-type]

    return plant


def twice(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    right(desk, command, now_ms)
    right(desk, command, now_ms)


def never(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    return


def too_far(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    right(desk, attrs.evolve(command, audio_end_ms=command.audio_end_ms + 400), now_ms)


def replaces(target: Any, name: str, wrong: Any) -> Plant:
    return lambda monkeypatch: monkeypatch.setattr(target, name, wrong)


def clear_again(self: Any, text: str) -> int:
    self._waiting.clear()
    self._put(outboxes.Outgoing(text, is_clear=True))
    self._put(outboxes.Outgoing(text, is_clear=True))
    return 0


def drops_caller_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    right, count = outboxes.ModelOutbox.put_audio, iter(range(10**9))

    def put_audio(self: Any, payload: bytes) -> None:
        if next(count) % 50 != 49:  # a frame limiter that is off by one
            right(self, payload)

    monkeypatch.setattr(outboxes.ModelOutbox, "put_audio", put_audio)


async def crashes(*args: Any) -> None:
    await trio.sleep(2)
    raise RuntimeError("planted")


PLANTED: dict[str, tuple[sc.Scenario, str, Plant]] = {
    "two cancels": (GENERATING, "one cancel", carries_out(commands.CancelResponse, twice)),
    "no cancel": (GENERATING, "one cancel", carries_out(commands.CancelResponse, never)),
    "a truncation beyond what was heard": (
        INTERRUPTED,
        "truth",
        carries_out(commands.TruncateItem, too_far),
    ),
    "no truncation": (INTERRUPTED, "truth", carries_out(commands.TruncateItem, never)),
    "two clears": (
        INTERRUPTED,
        "one clear",
        replaces(outboxes.CarrierOutbox, "clear", clear_again),
    ),
    "no clear": (INTERRUPTED, "truth", carries_out(commands.ClearCarrier, never)),
    "a create at once": (
        sc.Scenario(
            length_ms=9_000, websockets=False, application=(sc.Says(2_000), sc.Says(2_010))
        ),
        "one answer",
        replaces(answering, "may_create", lambda *args: True),
    ),
    "two creates": (INTERRUPTED, "one answer", carries_out(commands.CreateResponse, twice)),
    "two tool outputs": (TOOLS, "tools", carries_out(commands.PostToolOutput, twice)),
    "no tool output": (
        sc.Scenario(length_ms=50_000, websockets=False, answers=TOOLS.answers),
        "tools",
        carries_out(commands.PostToolOutput, never),
    ),
    "marks with one name": (
        INTERRUPTED,
        "well formed",
        replaces(carry_out, "mark_name", lambda epoch, number: marks.mark_name(epoch, 1)),
    ),
    "a hush without end": (
        COUGH,
        "no dead air",
        replaces(floor.Floor, "_hush_due", lambda *args, **kwargs: floor.Verb.NOTHING),
    ),
    "a lead without bound": (
        sc.Scenario(length_ms=8_000, websockets=False, answers=(sc.Answer(items_ms=(6_000,)),)),
        "lead",
        replaces(sending, "_room_ms", lambda *args: 10_000),
    ),
    "frames of the caller lost": (INTERRUPTED, "caller audio", drops_caller_audio),
    "an interruption without outcome": (
        attrs.evolve(APPLICATION, length_ms=20_000),
        "outcome",
        replaces(control.CallControl, "settled", lambda *args: None),
    ),
    "a crash": (TOOLS, "it ends", replaces(carry_out, "run_tool", crashes)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, promise, plant = PLANTED[name]
    plant(monkeypatch)
    assert promise in {broken.promise for broken in broken_in(scenario)}
