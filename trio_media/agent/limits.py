"""How long a call may last.

Rule 1: the model learns of the end a minute before; at the end it says goodbye, which the caller
        cannot interrupt, and the call is over.
"""

from __future__ import annotations

import contextlib
from typing import Final

import trio

from trio_media.call.control import CallControl, Words
from trio_media.core.commands import EndingOutcome
from trio_media.errors import LocalProtocolError

WARN_S: Final = 60.0  # enough for a last question
AGAIN_S: Final = 1.0
AT_LIMIT: Final = "max_duration"
WARNING: Final = (
    "The call has to end in about a minute. Bring the conversation to its end, and say so when "
    "it fits."
)
GOODBYE: Final = (
    "The call has reached its longest time and ends now. Say so in one short sentence in the "
    "language of the call, and say goodbye."
)


async def limit_length(control: CallControl, max_call_s: float) -> None:
    """End the call when it has lasted ``max_call_s``; 0: never."""
    if not max_call_s:
        return
    ends_at_s = control.line.began_s + max_call_s
    if max_call_s > WARN_S:
        await trio.sleep_until(ends_at_s - WARN_S)
        await _warn(control, ends_at_s)
    await trio.sleep_until(ends_at_s)
    words: Words | None = Words(text=GOODBYE, is_alone=False)
    while await _end(control, words) is not EndingOutcome.ENDED:
        words = None  # another end took its place, and did not come: it was said already
        await trio.sleep(AGAIN_S)


async def _warn(control: CallControl, until_s: float) -> None:
    # The warning waits for the model, if there is none yet; the end does not.
    with trio.move_on_at(until_s), contextlib.suppress(LocalProtocolError):
        await control.send_text("system", WARNING)


async def _end(control: CallControl, words: Words | None) -> EndingOutcome:
    try:
        reply = await control.end(words=words, reason=AT_LIMIT, is_final=True)
    except LocalProtocolError:  # so much waits to be said that this would not be heard
        reply = await control.end(reason=AT_LIMIT, is_final=True)
    return await reply.wait()
