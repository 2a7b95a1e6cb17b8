"""A warm transfer: somebody is called, told what it is about, and joined by the caller.

Both meet in a conference.  The call goes on until the other side has answered; then the caller is
handed over.

Rule 1: whoever was called and is not joined by the caller is hung up, whatever ends the wait.
Rule 2: one transfer of a call at a time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_media.agent.asking import Ending, dial_verb
from trio_media.call.account import CarrierAccount
from trio_media.call.control import Reply, Words
from trio_media.core.commands import EndingOutcome
from trio_media.errors import AgentError, LocalProtocolError, NotAnswered, TrioMediaError
from trio_media.telephony.twiml import Conference, Dial, Say, Verb, voice_response

if TYPE_CHECKING:
    from trio_media.agent.call import Call

WARM: Final = "transferred_warm"
PLACE_S: Final = 15.0  # to place a call and to learn that it was answered, beside the ringing
HANG_UP_S: Final = 15.0  # one request to the carrier, with its repetitions


@attrs.frozen(kw_only=True)
class WarmTransfer:
    """Who is called, and what happens then."""

    to: str
    """A number (``+15551234567``) or a SIP address."""
    brief: str
    """What they are told, by the carrier's voice, before the caller joins them."""
    room: str
    """Where they meet; used once."""
    from_: str
    """The number that they see."""
    words: Words | None = None
    """What the caller hears before."""
    ring_s: float = 30
    is_final: bool = False

    def check(self) -> None:
        """Raise `AgentError` for what the carrier would not take."""
        dial_verb(self.to, caller_id="", ring_s=self.ring_s)
        if not self.from_:
            raise AgentError("transfer_warm: needs a caller_id; the call's own number is unknown")
        try:
            voice_response(self.of_callee())
        except LocalProtocolError as wrong:
            raise AgentError(f"transfer_warm: {wrong}") from None

    def of_callee(self) -> list[Verb]:
        """What is done with whoever answers: they wait for the caller."""
        room = Conference(name=self.room, starts_on_enter=False, ends_on_exit=True, beeps=False)
        return [Say(self.brief), Dial(target=room)]

    def of_caller(self) -> list[Verb]:
        """What is done with the caller then."""
        room = Conference(name=self.room, starts_on_enter=True, ends_on_exit=True, beeps=False)
        return [Dial(target=room)]


async def transfer_warm(
    call: Call, account: CarrierAccount, transfer: WarmTransfer, done: Reply[EndingOutcome]
) -> None:
    """Carry out a warm transfer, and say in ``done`` what became of it.

    **Cancellation:** whoever was called is hung up, unless the caller is with them.
    """
    try:
        done.give(await _transfer(call, account, transfer, done))
    finally:
        call.is_transferring = False
        done.give(done.at_end)


async def _transfer(
    call: Call, account: CarrierAccount, transfer: WarmTransfer, done: Reply[EndingOutcome]
) -> EndingOutcome:
    callee_sid = await _reach(call, account, transfer)
    if callee_sid is None:
        return EndingOutcome.FAILED
    try:
        ending = Ending(
            reason=WARM,
            words=transfer.words,
            is_final=transfer.is_final,
            onward=transfer.of_caller(),
        )
        outcome = await (await call.ask_to_end(ending)).wait()
        if call.watch.left_as == WARM:
            # The call is over here, and the carrier may still say that it did not hand it over:
            # the call's nursery goes on until that is known.
            done.give(outcome)
            await trio.sleep_forever()
        return outcome
    finally:
        if call.watch.left_as != WARM:
            await _hang_up(call, account, callee_sid)


async def _reach(call: Call, account: CarrierAccount, transfer: WarmTransfer) -> str | None:
    """Call the other side.  Returns its call's sid, or None when nobody answered."""
    why = "no answer in time"
    # The carrier's deadline counts; this one is for an account that forgets it.
    with trio.move_on_after(transfer.ring_s + PLACE_S):
        try:
            return await account.place(
                transfer.to,
                transfer.of_callee(),
                from_=transfer.from_,
                ring_s=math.ceil(transfer.ring_s),
            )
        except NotAnswered as not_answered:
            why = not_answered.status
        except TrioMediaError as error:
            why = str(error)
    call.log.warning("warm transfer: nobody answered", extra={"reason": why})
    return None


async def _hang_up(call: Call, account: CarrierAccount, callee_sid: str) -> None:
    """Nobody joins whoever was called: end their call, also when ours is over."""
    why = "no answer of the carrier in time"
    with trio.CancelScope(shield=True), trio.move_on_after(HANG_UP_S):
        try:
            await account.hang_up(callee_sid)
            return
        except TrioMediaError as error:
            why = str(error)
    fields = {"callee_sid": callee_sid, "reason": why}
    call.log.warning("warm transfer: whoever was called could not be hung up", extra=fields)
