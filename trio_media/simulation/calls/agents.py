"""The agent of a simulated call: a real one, whose tool does what a scenario says."""

from __future__ import annotations

from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.agent.call import Call
from trio_media.errors import ToolError, ToolFailed
from trio_media.simulation.calls.application import Does, Marks

FILLER: Final = "I am still looking."
FOUND: Final = '{"found": true}'
TRANSFER_TO: Final = {"the kitchen": "+15550101"}
BUILT_IN: Final = ("end_call", "transfer_call", "send_digits")


def make_agent(marks: Marks) -> Agent:
    """Make an agent with one tool of its own, ``look_up``, and all that are built in."""
    agent = Agent(built_in_tools=BUILT_IN, transfer_to=TRANSFER_TO)
    agent.tool(
        name="look_up",
        filler_after_ms=marks.filler_after_ms,
        filler=FILLER,
        cancel_on_interrupt=marks.cancel_on_interrupt,
        protect_speech=marks.protect_speech,
        hold_answers=marks.hold_answers,
        idempotent=marks.idempotent,
    )(LookUp(marks))
    return agent


@attrs.frozen
class LookUp:
    """The tool."""

    marks: Marks

    async def __call__(self, call: Call) -> str:
        """Look something up."""
        await trio.sleep(self.marks.takes_ms / 1_000)
        match self.marks.does:
            case Does.FAILS if self.marks.idempotent:
                raise ToolFailed("there is no line")
            case Does.FAILS:
                raise ToolError("there is nothing of that name")
            case Does.SAYS:
                await call.say("I have found something.")
            case Does.ENDS:
                await call.hang_up(say="Goodbye.")
            case Does.NOTHING:
                pass
        return FOUND
