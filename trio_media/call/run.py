"""When the call is over, and in what order things close.

A call ends when its owner says so, when the carrier's reader is at its end, or when it is cancelled
from outside.  Then the outboxes close, both legs say goodbye within half a second, the streams are
aborted, and the nursery is cancelled: nothing outlives it.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import trio

from trio_media.call.attending import Attendance
from trio_media.call.hold import hold_call
from trio_media.call.leg import Leg
from trio_media.call.listening import VoiceJudge
from trio_media.call.options import Admit as Admit
from trio_media.call.options import CallOptions as CallOptions
from trio_media.call.options import Log as Log
from trio_media.call.options import admit_all as admit_all
from trio_media.call.options import policy_of as policy_of
from trio_media.call.record import CallEnd
from trio_media.call.transports import transport_named
from trio_media.call.watch import close_leg
from trio_media.config import Config
from trio_media.errors import CallRefused, LegLost, RemoteProtocolError
from trio_media.telephony import CARRIERS
from trio_media.telephony.events import MediaStreamStarted, TelephonyCodec

ACCEPT_S: Final = 5.0  # the upgrade request is there already; answering it takes one round trip
ATTEND_S: Final = 10.0  # whoever decides about a call has deadlines of their own, below this


async def run_call(
    carrier_stream: trio.abc.Stream,
    *,
    config: Config,
    admit: Admit = admit_all,
    log: Log,
    judge: VoiceJudge | None = None,
    options: CallOptions | None = None,
) -> CallEnd:
    """Carry one call, from the websocket upgrade on the carrier's stream to its end.

    ``admit`` is asked once the media stream has started; it raises `CallRefused`.  ``judge`` tells
    voices from noise; without it only the length of speech does.  The stream is closed when this
    returns.  **Cancellation:** a forced end: both legs are dropped at once.
    """
    options = options or CallOptions()
    began_s = trio.current_time()
    end: CallEnd | None = None
    try:
        async with trio.open_nursery() as nursery:
            end = await _carry(carrier_stream, nursery, config, admit, log, judge, options)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(carrier_stream)
    assert end is not None
    duration_ms = int((trio.current_time() - began_s) * 1_000)
    end = attrs.evolve(end, duration_ms=duration_ms)
    fields: dict[str, Any] = {"reason": end.reason, "duration_ms": duration_ms, **end.counters}
    log.info("call ended", extra=fields)
    return end


async def _carry(
    stream: trio.abc.Stream,
    nursery: trio.Nursery,
    config: Config,
    admit: Admit,
    log: Log,
    judge: VoiceJudge | None,
    options: CallOptions,
) -> CallEnd:
    """Accept, wait for the start, admit, and run the call."""
    codec = CARRIERS[options.carrier]()
    transport = options.transport or transport_named(config.server.transport)
    leg: Leg | None = None
    call_sid = ""
    try:
        with trio.fail_after(ACCEPT_S):
            leg = await transport.accept_carrier(nursery, stream)
        with trio.fail_after(config.twilio.start_timeout_s):
            started = await _await_start(leg, codec)
        call_sid = started.call_sid
        admit(started)
        attendance = await _attendance(started, config, options)
    except trio.TooSlowError:
        log.warning("the media stream did not start in time")
        return await _refuse(leg, call_sid, "start_timeout", 1008)
    except CallRefused as refused:
        log.warning("call refused", extra={"reason": refused.reason})
        return await _refuse(leg, call_sid, "refused", 1013)
    except LegLost as lost:
        log.info("carrier lost before the start", extra={"detail": lost.reason})
        return await _refuse(leg, call_sid, "carrier_lost", 1000)
    except RemoteProtocolError as error:
        log.warning("carrier protocol error", extra={"detail": str(error)})
        return await _refuse(leg, call_sid, "carrier_protocol_error", 1002)
    log.info("call started", extra={"stream_sid": started.stream_sid})
    return await hold_call(leg, codec, started, attendance, judge, options)


async def _refuse(leg: Leg | None, call_sid: str, reason: str, code: int) -> CallEnd:
    if leg is not None:
        await close_leg(leg, code)
    return CallEnd(call_sid=call_sid, reason=reason, duration_ms=0)


async def _await_start(leg: Leg, codec: TelephonyCodec) -> MediaStreamStarted:
    while True:
        event = codec.decode(await leg.receive())
        if isinstance(event, MediaStreamStarted):
            return event


async def _attendance(
    started: MediaStreamStarted, config: Config, options: CallOptions
) -> Attendance:
    """Ask who attends; the answer has its deadline."""
    if options.attend is None:
        return Attendance(config=config)
    with trio.fail_after(ATTEND_S):
        return await options.attend(started)
