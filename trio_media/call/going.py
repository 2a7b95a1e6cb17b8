"""How a call leaves us: handed over to others, or ended at the carrier.

Rule 1: the carrier is asked once, by whichever way there is: its REST API, or the verbs that it
        goes on with when the media stream has ended.
Rule 2: an ending that the carrier refuses costs nothing: the media stream's end ends the call, too.
        A handing over that it refuses did not happen.
"""

from __future__ import annotations

from typing import Final

import trio

from trio_media.call.account import CarrierAccount
from trio_media.call.desk import Desk
from trio_media.call.line import Ending, Line
from trio_media.errors import RestLost, TrioMediaError
from trio_media.telephony.twiml import Hangup, Verb

ASK_S: Final = 10.0  # the carrier's account answers within this, or did not
TRANSFERRED: Final = "transferred"
CALLER_HUNG_UP: Final = "caller_hung_up"
NOT_OURS: Final = frozenset(
    {CALLER_HUNG_UP, "carrier_lost", "replaced", "carrier_protocol_error", "model_lost"}
)
"""Reasons with which the caller is gone, or is owed words that we cannot say any more."""


async def hand_over(desk: Desk, request: int | None, is_known: trio.Event) -> None:
    """Hand the caller over to what was asked for; the call goes on here if that fails.

    ``is_known``: set when it is known whether it was done.
    **Cancellation:** whether it was done is not known.
    """
    if desk.account is not None:
        desk.was_redirected = await _redirect(desk.account, desk)
    is_done = desk.account is None or desk.was_redirected
    if not is_done and desk.control.is_over:
        desk.onward = ()  # else whoever decides that the call goes on does this
    is_known.set()
    if is_done:
        await desk.line.send_inbox.send(Ending(TRANSFERRED))
    else:
        await desk.control.leave_failed(request)


async def why_over(desk: Desk, reason: str) -> str:
    """Wait until it is known whether the carrier took the call over; return why it is over here.

    A caller who hangs up in that moment ends the media stream just as a handing over does.
    """
    if desk.leaving is not None:
        await desk.leaving.wait()
    return CALLER_HUNG_UP if reason == TRANSFERRED and not desk.onward else reason


async def _redirect(account: CarrierAccount, desk: Desk) -> bool:
    is_lost, detail = True, f"no answer within {ASK_S:g} s"
    try:
        with trio.fail_after(ASK_S):
            await account.redirect(desk.call_sid, desk.onward)
    except TrioMediaError as error:
        is_lost, detail = isinstance(error, RestLost), str(error)
    except trio.TooSlowError:
        pass
    else:
        desk.is_redirect_known = True
        return True
    if is_lost and desk.control.is_over:
        return True  # the media stream has ended, as it does then, and nobody says otherwise
    desk.line.note("transfer_failed", detail=detail)
    desk.line.tally.count("transfers_failed")
    return False


async def end_at_carrier(account: CarrierAccount | None, call_sid: str, line: Line) -> None:
    """End the call at the carrier, where its account can be asked."""
    if account is None:
        return
    try:
        with trio.fail_after(ASK_S):
            await account.hang_up(call_sid)
    except TrioMediaError as error:
        line.note("hang_up_failed", detail=str(error))
    except trio.TooSlowError:
        line.note("hang_up_failed", detail=f"no answer within {ASK_S:g} s")
    else:
        return
    line.tally.count("hang_ups_failed")


def is_ended_well(reason: str) -> bool:
    """Whether it is us who ended the call, with everything said."""
    return reason not in NOT_OURS and reason != TRANSFERRED


def onward_of(reason: str, desk: Desk) -> tuple[Verb, ...] | None:
    """What the carrier goes on with when the media stream has ended; None: not for us to say."""
    if reason == TRANSFERRED:
        # What was redirected goes on already, and nobody is to be called twice.
        return None if desk.was_redirected else desk.onward
    return (Hangup(),) if is_ended_well(reason) or desk.said_goodbye else None
