"""A menu of keys: ``trio-media serve trio_media.examples.ivr:agent``.

One is the kitchen, two is the bar: the call is handed over to them.  Whoever presses nothing talks
to the model.  The keys are this program's while it asks for them, and the model's else.
"""

from __future__ import annotations

from typing import Final

from trio_media import Agent, Call, DigitsOutcome, EndingOutcome

PLACES: Final = {"1": ("the kitchen", "+15550100001"), "2": ("the bar", "+15550100002")}
MENU: Final = "For the kitchen, press one. For the bar, press two. Or just tell me what you need."
TRIES: Final = 2

agent = Agent(
    instructions=(
        "You answer the telephone of a restaurant. Callers may press one for the kitchen and two "
        "for the bar; a program of ours sees to that. Help with everything else."
    ),
)


@agent.on_start
async def begin(call: Call) -> None:
    """Let the menu go on beside the call: a hook has a deadline, and callers take their time."""
    call.start_soon(offer_menu, call)


async def offer_menu(call: Call) -> None:
    """Say the menu, and connect the caller; come back when they do not want that."""
    said = MENU
    for _ in range(TRIES):
        keys = await call.collect_digits(1, say=said, timeout_s=6)
        if keys.outcome is not DigitsOutcome.COMPLETE:
            return
        if keys.digits not in PLACES:
            said = f"There is nothing on {keys.digits}. {MENU}"
        elif await connect(call, keys.digits) is not EndingOutcome.FAILED:
            return
        else:
            said = f"Nobody answers there. {MENU}"


async def connect(call: Call, key: str) -> EndingOutcome:
    """Hand the call over."""
    name, number = PLACES[key]
    return await call.transfer(number, say=f"I connect you to {name}.")
