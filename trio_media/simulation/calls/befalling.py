"""What happens to a simulated call when its time comes: acts of the caller and of the application,
and what goes wrong with the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.account import Account
from trio_media.simulation.calls.applying import apply
from trio_media.simulation.calls.legs import PeerGone
from trio_media.simulation.calls.model import Model
from trio_media.simulation.calls.phone import Phone
from trio_media.simulation.calls.record import CARRIER
from trio_media.simulation.calls.scheduling import now_ms

if TYPE_CHECKING:
    from trio_media.simulation.calls.stage import Stage


async def act_caller(stage: Stage, act: sc.Presses | sc.HangsUp) -> None:
    """Press a key, or hang up, when the time for it comes."""
    await stage.until(act.at_ms)
    phone = stage.phone
    if phone is None or phone.is_over:
        return
    try:
        if isinstance(act, sc.Presses):
            await phone.press(act.digit)
            return
        stage.record.faults.append((now_ms(), f"caller hangs up: {act.how.value}"))
        phone.hang_up()
        if act.how is sc.HangUp.BREAK:
            stage.carrier.break_off()
            return
        if act.how is sc.HangUp.STOP:
            await phone.stop()
        await phone.peer.close(1000)
    except PeerGone:
        return


async def act_application(stage: Stage, act: sc.ApplicationAct, number: int) -> None:
    """Ask something of the call when the time for it comes, and wait for the outcome."""
    await stage.until(act.at_ms)
    if stage.control is None:
        return
    name = type(act).__name__
    stage.record.waiting.append(name)
    asked = len(stage.record.asked)
    told = await apply(stage.control, act, number)
    # Whoever asks when the call is over is told so, and nothing is decided any more.
    is_decided = len(stage.record.asked) > asked
    if told is not None and is_decided:
        stage.record.told.append(told)
    stage.record.waiting.remove(name)


async def move_on(stage: Stage, account: Account) -> None:
    """The carrier goes on with the call by itself: its media stream ends."""
    await account.moved.wait()
    phone = stage.phone
    if phone is None or phone.is_over:
        return
    phone.hang_up()
    try:
        await phone.stop()
        await phone.peer.close(1000)
    except PeerGone:
        return


async def suffer(stage: Stage, fault: sc.Fault) -> None:  # noqa: C901  # one row a trouble
    """Have something go wrong with a connection when the time for it comes."""
    await stage.until(fault.at_ms)
    link = stage.carrier if fault.wire == CARRIER else stage.model_link
    far: Phone | Model | None = stage.phone if fault.wire == CARRIER else stage.model
    if link is None or far is None:
        return
    stage.record.faults.append((now_ms(), f"{fault.wire} {fault.trouble.value} {fault.length_ms}"))
    trouble, length_ms = fault.trouble, fault.length_ms
    stage.cast.no_sessions.extend(fault.then)
    match trouble:
        case sc.Trouble.STALL:
            link.hold_up(length_ms)
        case sc.Trouble.STALL_OUT:
            link.hold_up(length_ms, back=False)
        case sc.Trouble.STALL_BACK:
            link.hold_up(length_ms, out=False)
        case sc.Trouble.JAM:
            far.jammed_until_ms = now_ms() + length_ms
        case sc.Trouble.SILENCE:
            link.go_silent()
        case sc.Trouble.BREAK:
            link.break_off()
        case sc.Trouble.CLOSE:
            await far.peer.close(fault.code)
        case sc.Trouble.EXPIRY if isinstance(far, Model):
            await far.expire()
        case sc.Trouble.LOSE_MARK if isinstance(far, Phone):
            far.marks_to_lose += 1
        case sc.Trouble.LATE_MARK if isinstance(far, Phone):
            far.marks_to_delay += 1
        case _:
            return
