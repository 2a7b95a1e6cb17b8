"""S4: who cancels and who creates: authority, reason and phase, every combination.

Under the client's authority everything is ours.  Under the server's, the server cancels what it
hears the caller speak over, and answers the caller's turns; what anybody else interrupts is ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from trio_media.core.events import Reason

from .language import Scene, race, scene

Act = Callable[[Scene], Awaitable[Any]]
PHASES: Final = ("create sent", "active", "over")
CASES: Final = ("S4", "A1", "A12", "A14", "A17")


async def server_hears(s: Scene) -> None:
    """What the server does about it is in the scenario."""
    await s.model.hears_start("T1")


async def we_hear(s: Scene) -> None:
    await s.caller.speaks(400)


async def guardrail(s: Scene) -> None:
    await s.app.interrupts(Reason.APPLICATION, through=s.app.newest())


async def key(s: Scene) -> None:
    await s.caller.presses("1")


async def tool(s: Scene) -> None:
    await s.app.interrupts(Reason.TOOL)


async def application(s: Scene) -> None:
    await s.app.interrupts(Reason.APPLICATION)


@race(*CASES)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("act", [server_hears, we_hear, guardrail, key, tool, application])
@pytest.mark.parametrize("authority", ["client", "server"])
async def test_one_party_cancels_and_one_creates(authority: str, act: Act, phase: str) -> None:
    is_servers = authority == "server" and act is server_hears
    ear = "server" if act is server_hears else "both"
    async with scene(authority=authority, detector=ear) as s:
        await s.app.says()
        if phase != "create sent":
            await s.model.opens("R1", "I1", 3_000)
        if phase == "over":
            await s.model.done("R1")
        await s.at(1_000)
        await act(s)
        if phase == "create sent":
            await s.model.opens("R1", "I1", 500)
        elif phase == "active" and is_servers:
            await s.model.done("R1", "cancelled", "turn_detected")
        await s.after(300)
        ours = [] if phase == "over" or (phase == "active" and is_servers) else ["R1"]
        assert s.told_of("cancel") == ours
        assert len(s.clears) == 1
        assert s.told.count("create") == 1

        await caller_goes_on(s, is_heard_already=act is server_hears)
        assert s.told.count("create") == (2 if authority == "client" else 1)
        await s.model.says("R2", "I2", 500, by_itself=authority == "server")
        await s.after(2_500)
        assert s.heard["I2"] == 500
        assert s.told_of("cancel") == ours
        answers_keys = act is key
        assert s.told.count("create") == (2 if authority == "client" else 1) + answers_keys


async def caller_goes_on(s: Scene, *, is_heard_already: bool) -> None:
    """The caller's turn, to its commit."""
    if not is_heard_already:
        await s.model.hears_start("T1")
    await s.model.hears_stop("T1")
    await s.model.commits("T1")


# --- a session with another owner ------------------------------------------------------------


ENDS_MS = 200  # words of ours are waited for, and there are none


def flags(*, interrupts: bool, creates: bool) -> dict[str, Any]:
    """A session's turn detection, as a service confirms it."""
    turn_detection = {"type": "server_vad"}
    turn_detection |= {"interrupt_response": interrupts, "create_response": creates}  # type: ignore
    return {"input": {"turn_detection": turn_detection}}


@race(*CASES)
@pytest.mark.parametrize("creates", [False, True])
@pytest.mark.parametrize("interrupts", [False, True])
@pytest.mark.parametrize("authority", ["client", "server"])
async def test_a_session_that_gives_the_rights_to_another_is_refused_at_the_start(
    authority: str, interrupts: bool, creates: bool
) -> None:
    is_asked = authority == "server"
    async with scene(authority=authority, agrees=False) as s:
        await s.app.says()
        await s.model.wire.begin(audio=flags(interrupts=interrupts, creates=creates))
        await s.after(ENDS_MS)
        is_ours = interrupts is creates is is_asked
        assert s.call.ended.is_set() is not is_ours
        assert s.told == (["create"] if is_ours else [])


@race(*CASES, "P2-45")
@pytest.mark.parametrize("interrupts", [False, True])
async def test_a_session_that_divides_the_rights_later_is_refused_too(interrupts: bool) -> None:
    async with scene() as s:
        session = {
            "type": "realtime",
            "audio": flags(interrupts=interrupts, creates=not interrupts),
        }
        await s.model.event("session.updated", session=session)
        await s.after(ENDS_MS)
        assert s.call.end.reason == "model_lost"
