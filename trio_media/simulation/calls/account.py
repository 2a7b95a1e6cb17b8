"""The carrier's account in a simulated call: it does what it is asked, or not, and notes it.

Implements `call.account.CarrierAccount`.

Rule 1: a call that is redirected leaves its media stream, as the carrier has it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from trio_media.errors import NotAnswered, RestLost, RestRefused
from trio_media.telephony.twiml import Verb

ASK_MS: Final = 80  # one request, and its answer
RING_MS: Final = 2_000
REFUSAL: Final = (21_220, 400, "Unable to update record. Call is not in-progress.")


class Manner(enum.Enum):
    """What the account does about a request."""

    OBEYS = "obeys"
    REFUSES = "refuses"
    LOST = "lost"
    """The answer is lost: nobody knows whether it was done; it was not."""
    SILENT = "silent"
    """No answer comes at all, and nothing is done."""


@attrs.frozen
class Redirected:
    """A call was told how to go on."""

    call_sid: str
    verbs: tuple[Verb, ...]


@attrs.frozen(kw_only=True)
class Placed:
    """Somebody was called."""

    to: str
    from_: str
    verbs: tuple[Verb, ...]
    ring_s: float
    call_sid: str
    """Of the new call."""


def _unheard(request: str) -> None:
    """Nobody keeps a record."""


@attrs.define(eq=False)
class Account:
    """An account of one simulated call."""

    manner: Manner = Manner.OBEYS
    """What it does about a redirect or a hang-up."""
    answered: str = ""
    """What becomes of calls that are placed: empty: answered; else why not, as ``busy``."""
    hang_ups: list[str] = attrs.field(factory=list)
    """The calls that were to be ended, by their sids."""
    redirects: list[Redirected] = attrs.field(factory=list)
    placed: list[Placed] = attrs.field(factory=list)
    note: Callable[[str], None] = _unheard
    """Told of every request."""
    moved: trio.Event = attrs.field(factory=trio.Event)
    """The call left its media stream."""

    async def hang_up(self, call_sid: str) -> None:
        """See `CarrierAccount.hang_up`."""
        self.note(f"hang up {call_sid}")
        self.hang_ups.append(call_sid)
        await self._answer()

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        """See `CarrierAccount.redirect`."""
        self.note(f"redirect {call_sid}")
        self.redirects.append(Redirected(call_sid, tuple(verbs)))
        await self._answer()
        self.moved.set()

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        """See `CarrierAccount.place`."""
        self.note(f"place {to}")
        call_sid = f"CA{len(self.placed) + 100}"
        self.placed.append(
            Placed(to=to, from_=from_, verbs=tuple(verbs), ring_s=ring_s, call_sid=call_sid)
        )
        await self._answer()
        await trio.sleep(min(RING_MS / 1_000, ring_s))
        if self.answered:
            raise NotAnswered(self.answered)
        return call_sid

    async def _answer(self) -> None:
        await trio.sleep(ASK_MS / 1_000)
        match self.manner:
            case Manner.REFUSES:
                raise RestRefused(*REFUSAL)
            case Manner.LOST:
                raise RestLost("the connection broke", may_be_taken=True)
            case Manner.SILENT:
                await trio.sleep_forever()
            case Manner.OBEYS:
                return
