"""When the call is over, and in what order things close.

A call ends when its owner says so, when the carrier's reader is at its end, or when it is cancelled
from outside.  Then the outboxes close, both legs say goodbye within half a second, the streams are
aborted, and the nursery is cancelled: nothing outlives it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVarTuple, Unpack

import attrs
import trio

from trio_media.audio.detector import Detector
from trio_media.audio.ear import LocalEar
from trio_media.audio.echo import EchoGate
from trio_media.audio.webrtc import make_onset_detector
from trio_media.call.caller_timeline import CallerTimeline
from trio_media.call.control import CallControl
from trio_media.call.desk import Desk
from trio_media.call.heard import HeardTape
from trio_media.call.inbound import fill_gaps, inbound_audio
from trio_media.call.leg import WEBSOCKETS, Leg, Transport
from trio_media.call.line import Line
from trio_media.call.listening import VoiceJudge, start_listening
from trio_media.call.model_service import Connect, model_service
from trio_media.call.model_session import hold_model_session
from trio_media.call.outbound import write_carrier
from trio_media.call.owner import own_call
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.tools import Tool
from trio_media.call.watch import CLOSE_S, close_leg, ping_leg, watch_leg
from trio_media.config import Config
from trio_media.core.events import Say
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.errors import CallRefused, LegLost, RemoteProtocolError
from trio_media.telephony import CARRIERS
from trio_media.telephony.events import MediaStreamStarted, TelephonyCodec

ACCEPT_S: Final = 5.0  # the upgrade request is there already; answering it takes one round trip
GOODBYES_S: Final = 2 * CLOSE_S  # for what is being written, and then for the goodbyes
Args = TypeVarTuple("Args")
CLOSE_CODES: Final = {"carrier_protocol_error": 1002}  # all other ends are normal ones
GREETING: Final = "Greet the caller. Say exactly this, and nothing else: {words}"


class Log(Protocol):
    """A logger of one call."""

    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = ...) -> None:
        """Log what an operator wants to know."""
        ...

    def warning(self, msg: object, *args: object, extra: Mapping[str, object] | None = ...) -> None:
        """Log what an operator should look at."""
        ...


Admit = Callable[[MediaStreamStarted], None]
Detect = Callable[[int], Detector]


def admit_all(started: MediaStreamStarted) -> None:
    """Take every call."""


@attrs.define(kw_only=True)
class CallOptions:
    """What a call can be given besides its configuration; tests and applications use it."""

    carrier: str = "twilio"
    connect: Connect | None = None
    """How the model is reached; None: over the network, by the configured URL."""
    transport: Transport = WEBSOCKETS
    """What is spoken on both legs' streams."""
    detect: Detect | None = None
    """Makes the caller's onset detector, given how much speech (ms) confirms; None: the best that
    is installed, behind the echo gate."""
    tools: Mapping[str, Tool] = attrs.field(factory=dict)
    observers: Callable[[MediaStreamStarted, Line, trio.Nursery], Sequence[CallObserver]] | None = (
        None
    )
    """Makes the observers of a call that has started, with the nursery they may run in."""
    on_control: Callable[[CallControl], None] | None = None
    """Given the call's control when it has started."""
    checks_invariants: bool = False


def policy_of(config: Config, *, has_judge: bool) -> Policy:
    """The core's choices, from the operator's.  ``has_judge``: a voice model confirms speech."""
    barge_in, playout = config.barge_in, config.playout
    return Policy(
        authority=Authority(barge_in.authority),
        ear=Ear(barge_in.detector),
        confirm_ms=max(_voice_ms(config, has_judge=has_judge), barge_in.backchannel_ms),
        hush_max_ms=barge_in.hush_max_ms,
        recover_ms=barge_in.recover_ms,
        echo_guard_ms=barge_in.echo_guard_ms,
        dtmf_interrupts=barge_in.dtmf_interrupts,
        lead_ms=playout.lead_ms,
        mark_every_ms=playout.mark_every_ms,
    )


def _voice_ms(config: Config, *, has_judge: bool) -> int:
    """How long speech must last to be believed: longer where only its length speaks for it."""
    return config.barge_in.min_speech_ms * (1 if has_judge else 2)


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
    leg: Leg | None = None
    call_sid = ""
    try:
        with trio.fail_after(ACCEPT_S):
            leg = await options.transport.accept_carrier(nursery, stream)
        with trio.fail_after(config.twilio.start_timeout_s):
            started = await _await_start(leg, codec)
        call_sid = started.call_sid
        admit(started)
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
    return await _run(leg, codec, started, config, judge, options)


async def _refuse(leg: Leg | None, call_sid: str, reason: str, code: int) -> CallEnd:
    if leg is not None:
        await close_leg(leg, code)
    return CallEnd(call_sid=call_sid, reason=reason, duration_ms=0)


async def _await_start(leg: Leg, codec: TelephonyCodec) -> MediaStreamStarted:
    while True:
        event = codec.decode(await leg.receive())
        if isinstance(event, MediaStreamStarted):
            return event


async def _run(
    leg: Leg,
    codec: TelephonyCodec,
    started: MediaStreamStarted,
    config: Config,
    judge: VoiceJudge | None,
    options: CallOptions,
) -> CallEnd:
    """The call's nursery: its tasks, and the owner in the middle."""
    line = Line.begin()
    service = model_service(config, options.connect, options.transport)
    control = CallControl(line)
    policy = policy_of(config, has_judge=judge is not None)
    timeline, echo = CallerTimeline(), EchoGate()
    session = trio.CancelScope()
    written, session_over = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        if options.observers is not None:
            line.observers = options.observers(started, line, nursery)
        desk = Desk(
            line=line,
            core=DecisionCore(policy),
            carrier_codec=codec,
            model_codec=service.codec,
            control=control,
            tools=options.tools,
            nursery=nursery,
            abort_carrier=leg.abort,
            end_session=session.cancel,
            invariants=Invariants(policy) if options.checks_invariants else None,
            tape=_tape(line, echo) if line.observers or policy.hears_locally else None,
        )
        line.note("started", call_sid=started.call_sid, stream_sid=started.stream_sid)
        nursery.start_soon(_tell_end, session_over, hold_model_session, service, line, session)
        listener = None
        if policy.hears_locally:
            ear = LocalEar(
                voice_ms=_voice_ms(config, has_judge=judge is not None),
                confirm_ms=policy.confirm_ms,
                has_judge=judge is not None,
            )
            detect = options.detect or partial(make_onset_detector, is_echo=echo.is_echo)
            onsets = detect(policy.confirm_ms)
            listener = start_listening(nursery, line, onsets, echo, ear, judge)
        nursery.start_soon(inbound_audio, leg, codec, line, timeline, listener)
        nursery.start_soon(fill_gaps, line, timeline, listener)
        nursery.start_soon(_tell_end, written, write_carrier, leg, line)
        nursery.start_soon(watch_leg, leg, line)
        nursery.start_soon(ping_leg, leg)
        if options.on_control is not None:
            options.on_control(control)
        if config.agent.greeting:
            nursery.start_soon(_greet, control, config)
        reason = await own_call(desk)
        line.note("call_ended", by=_who_ended(reason), reason=reason)
        line.carrier_outbox.close()
        line.model_outbox.close()
        session.cancel()
        with trio.move_on_after(GOODBYES_S):
            with trio.move_on_after(CLOSE_S):
                await written.wait()
            await close_leg(leg, CLOSE_CODES.get(reason, 1000))
            await session_over.wait()
        nursery.cancel_scope.cancel()
    return _ended(started, reason, line)


def _who_ended(reason: str) -> str:
    return "carrier" if reason.startswith(("caller", "carrier")) else "us"


async def _tell_end(
    over: trio.Event, task: Callable[[Unpack[Args]], Awaitable[None]], *args: *Args
) -> None:
    """Run a task of the call, and say when it is over."""
    try:
        await task(*args)
    finally:
        over.set()


async def _greet(control: CallControl, config: Config) -> None:
    words = GREETING.format(words=config.agent.greeting)
    await control.speak(words, say=Say.GREETING, protected=config.barge_in.protect_greeting)


def _tape(line: Line, echo: EchoGate) -> HeardTape:
    def heard(at_ms: int, payload: bytes) -> None:
        for observer in line.observers:
            observer.heard_audio(at_ms, payload)

    return HeardTape(echo.played, echo.cut, heard)


def _ended(started: MediaStreamStarted, reason: str, line: Line) -> CallEnd:
    counters = dict(line.tally.counters)
    if line.model_outbox.dropped_ms:
        counters["caller_dropped_ms"] = line.model_outbox.dropped_ms
    return CallEnd(
        call_sid=started.call_sid,
        reason=reason,
        duration_ms=line.now_ms(),
        counters=counters,
        latencies_ms=line.tally.latencies_ms,
    )
