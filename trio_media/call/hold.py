"""A call that has begun: its nursery, its tasks, and in what order things close."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVarTuple, Unpack

import attrs
import trio

from trio_media.audio.ear import LocalEar
from trio_media.audio.echo import EchoGate
from trio_media.audio.webrtc import make_onset_detector
from trio_media.call.attending import Attendance
from trio_media.call.caller_timeline import CallerTimeline
from trio_media.call.choosing import Services
from trio_media.call.control import CallControl
from trio_media.call.desk import Desk
from trio_media.call.forgetting import forget_sound
from trio_media.call.going import CALLER_HUNG_UP, end_at_carrier, is_ended_well, onward_of, why_over
from trio_media.call.greeting import (
    CONSENT,
    begin_keeping,
    greet,
    is_announced,
    is_unannounced,
)
from trio_media.call.heard import HeardTape, nobody
from trio_media.call.inbound import fill_gap, inbound_audio
from trio_media.call.keeping import SessionKeeper
from trio_media.call.leg import Leg
from trio_media.call.line import Line, Watched
from trio_media.call.listening import Listener, VoiceJudge, start_listening
from trio_media.call.model_service import FIRST, Reaching, services_of
from trio_media.call.options import CallOptions, policy_of, voice_ms
from trio_media.call.outbound import write_carrier
from trio_media.call.owner import own_call
from trio_media.call.phrases import Phrases
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.recorded_lines import recorded_words
from trio_media.call.resuming import go_on, note_cut, note_resumed, resumption_of
from trio_media.call.watch import CLOSE_S, close_leg, look_after
from trio_media.config import Config
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.telephony.events import MediaStreamStarted, TelephonyCodec
from trio_media.telephony.twiml import Dial, Verb, dial_target

GOODBYES_S: Final = 2 * CLOSE_S  # for what is being written, and then for the goodbyes
Args = TypeVarTuple("Args")
CLOSE_CODES: Final = {"carrier_protocol_error": 1002}  # all other ends are normal ones


async def hold_call(
    leg: Leg,
    codec: TelephonyCodec,
    started: MediaStreamStarted,
    attendance: Attendance,
    judge: VoiceJudge | None,
    options: CallOptions,
) -> CallEnd:
    """Hold a call whose media stream has started, until it ends.

    **Cancellation:** a forced end: both legs are dropped at once.
    """
    held = _Held(leg, codec, started, attendance, judge, options)
    go_on(held.line, held.keeper, attendance.resumption)
    legs = _Legs(leg, trio.Event(), trio.Event())
    async with trio.open_nursery() as nursery:
        _begin_observing(held, nursery)
        desk = _desk(held, nursery)
        _begin(held, legs, nursery)
        reason = await own_call(desk)
        onward = _say_why(desk, reason, options)
        held.line.carrier_outbox.close()
        held.line.model_outbox.close()
        held.keeper.end()
        await _part(desk, legs, reason)
        reason = await why_over(desk, reason)
        onward = _unless_redirected(desk, onward, options)
        nursery.cancel_scope.cancel()
    end = _ended(started, reason, held.line)
    end = attrs.evolve(end, onward=None if reason == CALLER_HUNG_UP else onward)
    resumption = resumption_of(desk, held.keeper, started, attendance.resumption)
    is_kept = resumption is not None and options.cut is not None and options.cut(resumption, end)
    if attendance.attendant is not None and not is_kept:
        await attendance.attendant.ended(end)
    return end


@attrs.define(eq=False)
class _Held:
    """A call that is held: what it was given, and what it is made of."""

    leg: Leg
    codec: TelephonyCodec
    started: MediaStreamStarted
    attendance: Attendance
    judge: VoiceJudge | None
    options: CallOptions
    line: Line = attrs.field(factory=Line.begin, init=False)
    control: CallControl = attrs.field(init=False)
    policy: Policy = attrs.field(init=False)
    services: Services = attrs.field(init=False)
    keeper: SessionKeeper = attrs.field(init=False)
    echo: EchoGate | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        line, config, options = self.line, self.config, self.options
        attendant = self.attendance.attendant
        line.tally.counts = options.counts
        line.tools = {**options.tools, **(attendant.tools if attendant is not None else {})}
        line.carrier_outbox.leg = self.leg
        line.model_outbox.keeps_sound = config.realtime.reconnect_max > 0
        self.control = CallControl(line)
        self.policy = policy_of(config, has_judge=self.judge is not None)
        self.services = _services(self.attendance, options)
        most = config.realtime.reconnect_max
        self.keeper = SessionKeeper(self.services, line, most, options.luck)
        is_forwarded = self.policy.forwards_without_model
        self.keeper.parting = "forward" if is_forwarded else "goodbye"
        self.echo = EchoGate() if self.policy.hears_locally else None

    @property
    def config(self) -> Config:
        """The call's own configuration."""
        return self.attendance.config


def _desk(held: _Held, nursery: trio.Nursery) -> Desk:
    """Give the owner what it works with."""
    config, options, before = held.config, held.options, held.attendance.resumption
    return Desk(
        line=held.line,
        core=DecisionCore(held.policy),
        carrier_codec=held.codec,
        model_codec=held.services.first.codec,
        control=held.control,
        nursery=nursery,
        abort_carrier=held.leg.abort,
        drop_session=held.keeper.drop,
        end_sessions=held.keeper.end,
        invariants=Invariants(held.policy) if options.checks_invariants else None,
        tape=_tape(held.line, held.echo),
        phrases=Phrases(config.agent.instructions),
        recorded=recorded_words(config) if options.recorded is None else options.recorded,
        forward=_forward(config),
        account=options.account,
        call_sid=held.started.call_sid,
        before=None if before is None else before.conversation,
    )


def _begin(held: _Held, legs: _Legs, nursery: trio.Nursery) -> None:
    """Start the tasks of the call."""
    line, started, leg = held.line, held.started, held.leg
    line.note("started", call_sid=started.call_sid, stream_sid=started.stream_sid)
    note_resumed(line, held.attendance.resumption)
    kept = (held.keeper.keep, held.attendance.session)
    nursery.start_soon(_tell_end, legs.session_over, *kept)
    line.looks.append(partial(forget_sound, line))
    timeline, listener = CallerTimeline(), _listen(held, nursery)
    nursery.start_soon(inbound_audio, leg, held.codec, line, timeline, listener)
    line.looks.append(partial(fill_gap, line, timeline, listener))
    nursery.start_soon(_tell_end, legs.written, write_carrier, leg, line)
    line.watched.append(Watched(leg, nursery))
    nursery.start_soon(look_after, line)
    _begin_attending(held.control, nursery, held.attendance, held.options)


def _say_why(desk: Desk, reason: str, options: CallOptions) -> tuple[Verb, ...] | None:
    """Tell everybody that the call is over here; return what the carrier does with the caller."""
    note_cut(desk, reason, may_return=options.cut is not None)
    desk.line.note("call_ended", by=_who_ended(reason), reason=reason)
    onward = onward_of(reason, desk)
    if options.left is not None:
        options.left(desk.call_sid, onward)
    return onward


def _unless_redirected(
    desk: Desk, onward: tuple[Verb, ...] | None, options: CallOptions
) -> tuple[Verb, ...] | None:
    """Take back what the carrier was to do, if it has done it already: a media stream may end
    before the carrier's account has said that it took the call over."""
    if not (onward and desk.is_redirect_known):
        return onward
    if options.left is not None:
        options.left(desk.call_sid, None)
    return None


def _forward(config: Config) -> tuple[Verb, ...]:
    """What a call is handed over to that has no model any more."""
    number = config.agent.lost_forward
    return (Dial(target=dial_target(number)),) if number else ()


def _services(attendance: Attendance, options: CallOptions) -> Services:
    """Where the model may be: a session that was made beforehand knows."""
    session = attendance.session
    if session is not None:
        return session.services or Services(services=(session.service,))
    if options.services is not None:
        return options.services(attendance.config)
    connects = {} if options.connect is None else {FIRST: options.connect}
    reaching = Reaching(connects=connects, transport=options.transport)
    return Services(services=services_of(attendance.config, reaching))


@attrs.frozen
class _Legs:
    """Both legs, as they close."""

    carrier: Leg
    written: trio.Event
    """The carrier's writer is done."""
    session_over: trio.Event


async def _part(desk: Desk, legs: _Legs, reason: str) -> None:
    """Close both legs, and end the call at the carrier meanwhile."""
    at_carrier = trio.Event()
    if is_ended_well(reason):
        ending = (desk.account, desk.call_sid, desk.line)
        desk.nursery.start_soon(_tell_end, at_carrier, end_at_carrier, *ending)
    else:
        at_carrier.set()
    with trio.move_on_after(GOODBYES_S):
        with trio.move_on_after(CLOSE_S):
            await legs.written.wait()
        await close_leg(legs.carrier, CLOSE_CODES.get(reason, 1000))
        await legs.session_over.wait()
    await at_carrier.wait()


def _begin_observing(held: _Held, nursery: trio.Nursery) -> None:
    """Let everybody see what the call decides, before it decides anything."""
    line, started, attendance, options = held.line, held.started, held.attendance, held.options
    begin_keeping(line, attendance.config, started)
    attendant = attendance.attendant
    if options.observers is not None:
        line.observers = options.observers(started, line, nursery)
    if attendant is not None:
        line.insiders = attendant.observers(line)
        line.observers = [*line.observers, *line.insiders]
    before = attendance.resumption
    if is_announced(line) and not (before is not None and before.is_announced):
        line.pause_recording(CONSENT, is_of_caller=True)


def _begin_attending(
    control: CallControl, nursery: trio.Nursery, attendance: Attendance, options: CallOptions
) -> None:
    """Give the call into the hands of the application, and greet."""
    config, before = attendance.config, attendance.resumption
    if options.on_control is not None:
        options.on_control(control)
    has_begun = before is not None and before.has_begun
    if (config.agent.greeting and not has_begun) or is_unannounced(control.line):
        nursery.start_soon(partial(greet, control, config, has_begun=has_begun))
    if attendance.attendant is not None:
        attendance.attendant.begin(control, nursery)


def _listen(held: _Held, nursery: trio.Nursery) -> Listener | None:
    """Start the local ear, if there is one."""
    echo, policy, judge = held.echo, held.policy, held.judge
    if echo is None:
        return None
    ear = LocalEar(
        voice_ms=voice_ms(held.config, has_judge=judge is not None),
        confirm_ms=policy.confirm_ms,
        has_judge=judge is not None,
    )
    detect = held.options.detect or partial(make_onset_detector, is_echo=echo.is_echo)
    onsets = detect(policy.confirm_ms)
    return start_listening(nursery, held.line, onsets, echo, ear, judge)


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


def _tape(line: Line, echo: EchoGate | None) -> HeardTape | None:
    """Follow what is heard, where anybody wants to know.

    ``echo`` None: nobody listens for one.  What is told to it stays there until it listens.
    """
    wanting = [observer for observer in line.observers if observer.wants_heard_audio]
    heard = partial(_tell_heard, wanting) if wanting else nobody
    if echo is not None:
        return HeardTape(echo.played, echo.cut, heard)
    return HeardTape(heard=heard) if wanting else None


def _tell_heard(wanting: Sequence[CallObserver], at_ms: int, payload: bytes) -> None:
    for observer in wanting:
        observer.heard_audio(at_ms, payload)


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
        usage=line.spending.usage(),
    )
