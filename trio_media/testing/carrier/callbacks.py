"""Status callbacks: what a call went through, told to the server one after the other.

Rule 1: they never hold up the call; they come late, twice or in another order if the script says.
"""

from __future__ import annotations

import trio

from trio_media.testing.carrier.calls import LIFE_S_MAX, StandInCall, StatusTold, pause
from trio_media.testing.carrier.records import ServerAsked
from trio_media.testing.carrier.script import Machine
from trio_media.testing.carrier.web import CarrierWeb


async def tell_statuses(call: StandInCall, web: CarrierWeb) -> None:
    """Send every callback of a call; return when it is over and all were sent."""
    faults = call.script.callbacks
    held: list[StatusTold] = []
    while True:
        is_last = call.is_over
        held += call.take_told()
        if not faults.order:
            await _send(call, web, held)
            held = []
        if is_last:
            break
        await call.until(lambda call: call.is_over or call.has_told, timeout_s=LIFE_S_MAX)
    named = {event: index for index, event in enumerate(faults.order)}
    held.sort(key=lambda told: named.get(told.event, len(named)))
    await _send(call, web, held)


async def tell_who_answered(call: StandInCall, web: CarrierWeb) -> None:
    """Send the verdict of machine detection, while the call goes on."""
    await call.until(
        lambda call: call.is_over or call.answered_at is not None, timeout_s=LIFE_S_MAX
    )
    with trio.move_on_after(call.script.amd_after_s):
        await call.until(lambda call: call.is_over, timeout_s=LIFE_S_MAX)
    if call.is_over:
        return
    call.answered_by = verdict(call)
    form = {
        "AccountSid": call.account_sid,
        "AnsweredBy": call.answered_by,
        "CallSid": call.call_sid,
        "MachineDetectionDuration": str(round(call.script.amd_after_s * 1_000)),
    }
    await _post(call, web, "amd", call.order.amd_callback, form)


async def wait_for_verdict(call: StandInCall) -> None:
    """Keep the TwiML waiting until it is known who has answered."""
    await pause(call, call.script.amd_after_s)
    call.answered_by = verdict(call)


def verdict(call: StandInCall) -> str:
    """Say who has answered, as ``AnsweredBy``."""
    script = call.script
    if script.answered_by:
        return script.answered_by
    if not isinstance(script.callee, Machine):
        return "human"
    if call.order.machine_detection != "DetectMessageEnd":
        return "machine_start"
    return "machine_end_beep" if script.callee.beeps else "machine_end_silence"


async def _send(call: StandInCall, web: CarrierWeb, told: list[StatusTold]) -> None:
    faults = call.script.callbacks
    for one in told:
        await trio.sleep(faults.delay_s)
        for _ in range(faults.copies):
            await _post(call, web, "status", call.order.status_callback, dict(one.form))


async def _post(
    call: StandInCall, web: CarrierWeb, purpose: str, url: str, form: dict[str, str]
) -> None:
    answer = await web.ask(url, form)
    call.note_asked(ServerAsked(purpose=purpose, url=url, form=form, status=answer.status))
    if answer.status is None or not 200 <= answer.status < 300:
        call.note_problem(f"{purpose} callback: {answer.status} {answer.problem}".strip())
