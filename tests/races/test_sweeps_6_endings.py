"""S6: the call is hung up while something else happens, in every phase, in every order."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio
from trio_websocket import ConnectionClosed

from trio_media.call.control import Words

from .actors import Asked
from .language import Scene, race, scene

ENDS_WITHIN_MS: Final = 1_000
GAPS_MS: Final = (-100, 0, 20, 600)  # of the other thing after the hang-up
GONE: Final = (ConnectionClosed, trio.ClosedResourceError, trio.BrokenResourceError)
Act = Callable[[Scene], Awaitable[object]]


# --- where the call stands -------------------------------------------------------------------


async def requested(s: Scene) -> None:
    """A create is out."""
    await s.app.says()


async def generating(s: Scene) -> None:
    """The model speaks and is heard."""
    await s.app.says()
    await s.model.opens("R1", "I1", 5_000)
    await s.after(500)


async def playing(s: Scene) -> None:
    """The answer is over, and heard."""
    await s.app.says()
    await s.model.says("R1", "I1", 5_000)
    await s.after(500)


async def hushed(s: Scene) -> None:
    """Somebody may want the floor."""
    await generating(s)
    await s.call.carrier.talk(60)


async def cancelling(s: Scene) -> Asked:
    """A cancel is out, and somebody waits for it."""
    await generating(s)
    s.model.obeys_no_more()
    return await s.app.interrupts()


async def idle(s: Scene) -> None:
    """Nobody speaks."""
    await s.app.says()
    await s.model.says("R1", "I1", 200)
    await s.after(1_000)


# --- what else happens -----------------------------------------------------------------------

OTHERS: Final[dict[str, Act]] = {
    "barge-in": lambda s: s.call.caller_speaks(400),
    "interruption": lambda s: s.call.control.interrupt(),
    "key": lambda s: s.call.carrier.key("1"),
    "goodbye": lambda s: s.call.control.speak(Words(text="Goodbye.")),
    "second hang-up": lambda s: s.call.control.hang_up(),
    "carrier stops": lambda s: s.call.carrier.stop(),
    "carrier is gone": lambda s: s.call.raw.aclose(),
    "model leaves": lambda s: s.model.wire.websocket.aclose(),
}


async def marks_are_lost(s: Scene) -> None:
    """No mark comes back any more."""
    s.call.carrier.echoes = False


async def carrier_is_stuck(s: Scene) -> None:
    """The carrier reads no more."""
    s.call.spy.hold()


async def model_is_stuck(s: Scene) -> None:
    """The model reads no more."""
    s.call.model_spy.hold()


async def is_forced(s: Scene) -> None:
    """The process ends at once."""
    s.call.scope.cancel()


FAULTS: Final[tuple[Act, ...]] = (marks_are_lost, carrier_is_stuck, model_is_stuck, is_forced)
OTHERS.update({act.__name__.replace("_", " "): act for act in FAULTS})


@race("S6", "G117", "G123", "G124")
@pytest.mark.parametrize("phase", [requested, generating, playing, hushed, cancelling, idle])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("gap_ms", GAPS_MS)
async def test_a_hang_up_ends_the_call_in_time_whatever_else_happens(
    phase: Act, other: str, gap_ms: int
) -> None:
    async with scene() as s:
        asked = await phase(s)
        hang_up_ms = s.now_ms + max(0, -gap_ms)
        s.call.nursery.start_soon(does_at, s, OTHERS[other], hang_up_ms + gap_ms)
        await does_at(s, lambda s: s.call.control.hang_up(), hang_up_ms)
        with trio.fail_after(ENDS_WITHIN_MS / 1_000):
            await s.call.ended.wait()
        await s.settle()
        assert s.call.crash is None
        assert not isinstance(asked, Asked) or asked.outcome is not None, "somebody still waits"
        check_end(s, other)
        late = [one for one in s.told_when if one.at_ms > hang_up_ms]
        assert late == [], "the model was told something after the end was decided"


async def does_at(s: Scene, act: Act, at_ms: int) -> None:
    """Do something at some moment, if there is still a call to do it to."""
    await trio.sleep((at_ms - s.now_ms) / 1_000)
    with contextlib.suppress(*GONE):
        await act(s)


def check_end(s: Scene, other: str) -> None:
    """Why the call is over: for the first of the two reasons."""
    reasons = {
        "carrier stops": {"hung_up", "caller_hung_up"},
        "carrier is gone": {"hung_up", "carrier_lost"},
        "model leaves": {"hung_up", "model_lost"},
    }.get(other, {"hung_up"})
    end = s.call._end
    assert (end is None) == (other == "is forced" and s.call.scope.cancelled_caught)
    assert end is None or end.reason in reasons
