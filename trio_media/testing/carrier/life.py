"""The life of one call: it rings, somebody answers or not, TwiML is done, it is over."""

from __future__ import annotations

import trio

from trio_media.testing.carrier.callbacks import (
    tell_statuses,
    tell_who_answered,
    wait_for_verdict,
)
from trio_media.testing.carrier.calls import End, StandInCall, pause
from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.records import EndedBy
from trio_media.testing.carrier.script import (
    Busy,
    NoAnswer,
    Rejects,
    Unreachable,
)
from trio_media.testing.carrier.twiml_run import Next, Wanted, fetch, read_document, run_twiml


async def live(call: StandInCall, exchange: Exchange) -> None:
    """Hold a call from its beginning to its last callback.

    Cancellation: cuts it; no callback tells of that.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tell_statuses, call, exchange.web)
        if call.order.machine_detection and call.order.amd_callback:
            # Beside the call: what the server does because of the verdict may end the call before
            # it has answered.
            nursery.start_soon(tell_who_answered, call, exchange.web)
        if call.direction == "inbound":
            call.become("ringing")
            await _answer(call, exchange)
        else:
            await _ring(call)
            if not call.is_over:
                await _answer(call, exchange)
    call.over.set()
    exchange.changes.note()


async def _ring(call: StandInCall) -> None:
    """Let it ring; afterwards the call is over, or somebody has answered it."""
    call.become("initiated")
    script = call.script
    if isinstance(script.callee, Busy):
        call.end(EndedBy.BUSY, "busy")
        return
    if isinstance(script.callee, Unreachable):
        call.end(EndedBy.UNREACHABLE, "failed")
        return
    call.become("ringing")
    await pause(call, min(script.ring_s, call.order.ring_timeout_s))
    update = call.take_update()
    if update is not None:
        # The REST API lets nothing else through before somebody has answered.
        assert isinstance(update, End)
        call.end(update.by, "busy" if update.by is EndedBy.PERSON else "canceled")
    elif isinstance(script.callee, NoAnswer) or script.ring_s > call.order.ring_timeout_s:
        call.end(EndedBy.NO_ANSWER, "no-answer")
    elif isinstance(script.callee, Rejects):
        call.end(EndedBy.REJECTED, "busy")
    else:
        call.become("in-progress")


async def _answer(call: StandInCall, exchange: Exchange) -> None:
    """Do what an answered call does: detect machines, and hold it as long as it may last."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_limit, call)
        if call.order.machine_detection and not call.order.amd_callback:
            await wait_for_verdict(call)
        await run_twiml(call, exchange, await _first(call, exchange))
        nursery.cancel_scope.cancel()


async def _first(call: StandInCall, exchange: Exchange) -> Next:
    if call.order.twiml:
        return read_document(call, call.order.twiml.encode())
    wanted = Wanted(purpose="voice", url=call.order.url, method=call.order.method)
    return await fetch(call, exchange, wanted)


async def _limit(call: StandInCall) -> None:
    await trio.sleep(call.order.time_limit_s)
    call.ask(End(by=EndedBy.TIME_LIMIT))
