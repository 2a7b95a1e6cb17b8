"""How long a call may last.

Rule 1: the model learns of the end a minute before; at the end it says goodbye, which the caller
        cannot interrupt, and the call is over.
"""

from __future__ import annotations

import contextlib
from typing import Final

import attrs
import trio

from trio_media.call.control import CallControl, Words
from trio_media.core.commands import EndingOutcome
from trio_media.errors import LocalProtocolError

WARN_S: Final = 60.0  # enough for a last question
NEAR_S: Final = 5.0  # the call is looked at more often than that
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


@attrs.define(eq=False)
class LengthLimit:
    """Ends a call when it has lasted ``max_call_s``; 0: never."""

    control: CallControl
    nursery: trio.Nursery
    """The call's."""
    max_call_s: float
    _is_waiting: bool = False

    def begin(self) -> None:
        """The call has begun.  A task waits for its end only when that is near: until then the
        call is looked at now and then."""
        self.look(self.control.line.now_ms())
        if self.max_call_s and not self._is_waiting:
            self.control.line.looks.append(self.look)

    def look(self, now_ms: int) -> None:
        """Begin to wait, if it is time for it."""
        if self._is_waiting or not self.max_call_s:
            return
        if now_ms / 1_000 >= self.max_call_s - WARN_S - NEAR_S:
            self._is_waiting = True
            self.nursery.start_soon(limit_length, self.control, self.max_call_s)


async def limit_length(control: CallControl, max_call_s: float) -> None:
    """End the call when it has lasted ``max_call_s``."""
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
