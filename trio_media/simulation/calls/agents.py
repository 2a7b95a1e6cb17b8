"""The agent of a simulated call: a real one, whose tool does what a scenario says."""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.errors import ToolError, ToolFailed
from trio_media.simulation.calls.application import Does, Marks

FILLER: Final = "I am still looking."
TRANSFER_TO: Final = {"the kitchen": "+15550101"}
BUILT_IN: Final = ("end_call", "transfer_call", "send_digits")


def make_agent(marks: Marks) -> Agent:
    """Make an agent with one tool of its own, ``look_up``, and all that are built in."""
    agent = Agent(built_in_tools=BUILT_IN, transfer_to=TRANSFER_TO)
    agent.tool(
        filler_after_ms=marks.filler_after_ms,
        filler=FILLER,
        cancel_on_interrupt=marks.cancel_on_interrupt,
        protect_speech=marks.protect_speech,
        hold_answers=marks.hold_answers,
        idempotent=marks.idempotent,
    )(_tool(marks))
    return agent


def _tool(marks: Marks) -> partial[object]:
    tool = partial(look_up, marks)
    tool.__doc__, tool.__name__ = "Look something up.", "look_up"  # type: ignore[attr-defined]
    return tool


async def look_up(marks: Marks, call: Call) -> str:
    """Look something up."""
    await trio.sleep(marks.takes_ms / 1_000)
    match marks.does:
        case Does.FAILS if marks.idempotent:
            raise ToolFailed("there is no line")
        case Does.FAILS:
            raise ToolError("there is nothing of that name")
        case Does.SAYS:
            await call.say("I have found something.")
        case Does.ENDS:
            await call.hang_up(say="Goodbye.")
        case Does.NOTHING:
            pass
    return '{"found": true}'
