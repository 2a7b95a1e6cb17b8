"""Takes bookings for a restaurant: ``trio-media serve trio_media.examples.booking:agent``.

It begins with the ten lines of the README.  The rest is what they grow into: a tool that takes its
time, one that cannot always do what it is asked, and a hook.  The book is kept in memory.
"""

from __future__ import annotations

import logging

import trio

from trio_media import Agent, Call
from trio_media.call.record import CallEnd
from trio_media.errors import ToolError

agent = Agent(
    instructions="You take bookings for a restaurant.",
    greeting="Good evening, how may I help?",
)
booked: dict[str, str] = {}


@agent.tool(idempotent=True)
async def book(call: Call, people: int, time: str) -> str:
    """Book a table."""
    booked[call.info.caller] = f"{people} at {time}"
    return f"Booked for {booked[call.info.caller]}."


TIMES = ("18:00", "19:30", "21:00")
SEARCH_S = 4.0  # the restaurant's own system is slow
log = logging.getLogger(__name__)


@agent.tool(
    filler_after_ms=1_500,
    filler="One moment, I am looking at the book.",
    cancel_on_interrupt=True,  # whoever wants something else needs no times
    idempotent=True,
)
async def free_times(people: int) -> list[str]:
    """Find out when there is a free table.

    Args:
        people: How many will come.
    """
    if not 1 <= people <= 12:
        raise ToolError("there are tables for 1 to 12 people")
    await trio.sleep(SEARCH_S)
    return [time for time in TIMES if f"{people} at {time}" not in booked.values()]


@agent.tool
def cancel_booking(call: Call) -> str:
    """Cancel the booking of whoever calls."""
    if call.info.caller not in booked:
        raise ToolError("there is no booking under this number")
    return f"Cancelled: {booked.pop(call.info.caller)}."


@agent.on_end
def write_down(call: Call, end: CallEnd) -> None:
    """Say what became of the call, where an operator sees it."""
    wanted = booked.get(call.info.caller, "nothing")
    log.info("%s has booked %s; the call ended: %s", call.info.caller, wanted, end.reason)
