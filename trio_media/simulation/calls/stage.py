"""The stage of one simulated call: the real `run_call`, the far ends, and what happens to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs
import trio
import wsproto

from trio_media.call.control import CallControl, Words
from trio_media.call.leg import WEBSOCKETS
from trio_media.call.listening import VoiceJudge
from trio_media.call.run import CallOptions, run_call
from trio_media.call.tool import RunTool, Tool, as_tools
from trio_media.config import Config
from trio_media.errors import LocalProtocolError
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.caller import Caller
from trio_media.simulation.calls.ears import LabelDetector
from trio_media.simulation.calls.legs import BARE, BarePeer, Peer, PeerGone, WebSocketPeer
from trio_media.simulation.calls.model import Model
from trio_media.simulation.calls.network import End, Link, Weather
from trio_media.simulation.calls.phone import Phone
from trio_media.simulation.calls.record import CARRIER, Asked, Record, Wish
from trio_media.simulation.calls.scheduling import now_ms

Wrap = Callable[[trio.abc.Stream], trio.abc.Stream]
Act = sc.CallerAct | sc.ApplicationAct | sc.Fault
WISHES: Final = {sc.Interrupts: Wish.INTERRUPT, sc.Says: Wish.SPEAK, sc.Ends: Wish.HANG_UP}


class _NoLog:
    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None:
        """Say nothing."""

    warning = info


@attrs.define(kw_only=True)
class Cast:
    """Who and what is on the stage."""

    config: Config
    answers: Callable[[], Iterator[sc.Answer]]
    """What the model answers, made anew for each of its sessions."""
    hearing: sc.Hearing = attrs.field(factory=sc.Hearing)
    tools: Mapping[str, Tool | RunTool] = attrs.field(factory=dict)
    judge: VoiceJudge | None = None
    options: CallOptions = attrs.field(factory=CallOptions)
    """Of the call; what the stage must decide itself is overwritten."""
    websockets: bool = True
    """False: the legs carry bare messages."""
    to_model: Weather = sc.FAR
    from_model: Weather = sc.FAR
    wrap_carrier: Wrap | None = None
    """Put around the stream that the call has of the carrier; needs websockets."""
    wrap_model: Wrap | None = None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    """Around the call."""


@attrs.define(eq=False)
class Stage:
    """Everything that is there while a call goes on."""

    cast: Cast
    nursery: trio.Nursery
    rng: random.Random
    carrier: Link
    record: Record = attrs.field(factory=Record)
    began_ms: float = attrs.field(factory=now_ms)
    """What is done at some time is done so long after this."""
    model_link: Link | None = None
    model: Model | None = None
    phone: Phone | None = None
    caller: Caller = attrs.field(
        default=attrs.Factory(lambda self: Caller(self.record, self.is_audible), takes_self=True)
    )
    control: CallControl | None = None
    crash: Exception | None = None
    """What the call raised."""
    started: trio.Event = attrs.field(factory=trio.Event)
    """The application has the call's control."""
    ended: trio.Event = attrs.field(factory=trio.Event)

    def is_audible(self) -> bool:
        """Whether the caller hears the model now."""
        return self.phone is not None and self.phone.is_audible

    def begin(self) -> None:
        """Begin the call."""
        self.nursery.start_soon(_call, self)
        self.nursery.start_soon(_hold_phone, self)

    def add(self, act: Act) -> None:
        """Have something happen when its time comes; if that is past, it happens now."""
        match act:
            case sc.Speaks() | sc.Coughs():
                self.caller.plan(attrs.evolve(act, at_ms=round(self.began_ms) + act.at_ms))
            case sc.SpeaksOver():
                self.caller.plan(act)
            case sc.Fault():
                self.nursery.start_soon(_suffer, self, act)
            case sc.Presses() | sc.HangsUp():
                self.nursery.start_soon(_act, self, act)
            case _:
                self.nursery.start_soon(_apply, self, act)

    async def until(self, at_ms: int) -> None:
        """Wait until some time of the call."""
        await trio.sleep_until((self.began_ms + at_ms) / 1_000)


# --- the system under test -------------------------------------------------------------------


async def _call(stage: Stage) -> None:
    cast, record = stage.cast, stage.record

    def take_control(control: CallControl) -> None:
        stage.control = control
        stage.started.set()

    async def connect() -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()  # here, and not when there is something to be closed
        link = Link.between(cast.to_model, cast.from_model, stage.rng)
        stage.model_link = link
        stage.nursery.start_soon(_hold_model, stage, link.far)
        return link.near if cast.wrap_model is None else cast.wrap_model(link.near)

    options = attrs.evolve(
        cast.options,
        connect=connect,
        transport=WEBSOCKETS if cast.websockets else BARE,
        detect=LabelDetector,
        tools=as_tools(cast.tools),
        on_control=take_control,
    )
    near = stage.carrier.near
    try:
        with cast.scope:
            end = await run_call(
                near if cast.wrap_carrier is None else cast.wrap_carrier(near),
                config=cast.config,
                log=_NoLog(),
                judge=cast.judge,
                options=options,
            )
            record.end_reason = end.reason
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
        stage.crash = error
        record.crash = _described(error)
    record.ended_ms = now_ms()
    links = {"carrier": stage.carrier, "model": stage.model_link}
    record.left_open = [n for n, link in links.items() if link and not link.near.is_closed]
    stage.ended.set()


def _described(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


# --- the far ends ----------------------------------------------------------------------------


async def _peer(cast: Cast, end: End, path: str | None) -> Peer:
    """Shake hands, as a client if there is a path.  Raises `PeerGone`."""
    if not cast.websockets:
        return BarePeer(end)
    side = wsproto.ConnectionType.SERVER if path is None else wsproto.ConnectionType.CLIENT
    peer = WebSocketPeer(end, wsproto.WSConnection(side))
    if path is None:
        await peer.accept()
    else:
        await peer.connect(path)
    return peer


async def _hold_phone(stage: Stage) -> None:
    try:
        peer = await _peer(stage.cast, stage.carrier.far, "/twilio/media")
        phone = Phone(peer, stage.record, stage.caller.sound_now)
        stage.phone = phone
        stage.nursery.start_soon(phone.listen)
        stage.nursery.start_soon(phone.echo_marks)
        await phone.start()
        await phone.talk()
    except PeerGone:
        return


async def _hold_model(stage: Stage, end: End) -> None:
    cast = stage.cast
    try:
        peer = await _peer(cast, end, None)
    except PeerGone:
        return
    stage.model = Model(
        peer,
        stage.record,
        stage.nursery,
        cast.answers(),
        cast.hearing,
        lambda: stage.caller.text,
    )
    await stage.model.serve()


# --- what happens to it ----------------------------------------------------------------------


async def _act(stage: Stage, act: sc.Presses | sc.HangsUp) -> None:
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


async def _apply(stage: Stage, act: sc.ApplicationAct) -> None:
    await stage.until(act.at_ms)
    if stage.control is None:
        return
    is_protected = isinstance(act, sc.Says) and act.protected
    asked = Asked(WISHES[type(act)], now_ms(), is_protected=is_protected)
    stage.record.asked.append(asked)
    match act:
        case sc.Interrupts():
            result = await stage.control.interrupt()
            asked.outcome = result.outcome.value
        case sc.Says(protected=protected, keep=keep):
            try:
                more = Words(text="Say more.")
                await stage.control.speak(more, protected=protected, keep=keep)
                asked.outcome = "asked"
            except LocalProtocolError as error:
                asked.outcome = str(error)
        case sc.Ends():
            await stage.control.hang_up()
            asked.outcome = "asked"
    asked.settled_ms = now_ms()


async def _suffer(stage: Stage, fault: sc.Fault) -> None:  # noqa: C901  # one row a trouble
    await stage.until(fault.at_ms)
    link = stage.carrier if fault.wire == CARRIER else stage.model_link
    far: Phone | Model | None = stage.phone if fault.wire == CARRIER else stage.model
    if link is None or far is None:
        return
    stage.record.faults.append((now_ms(), f"{fault.wire} {fault.trouble.value} {fault.length_ms}"))
    trouble, length_ms = fault.trouble, fault.length_ms
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
            await far.peer.close(1000)
        case sc.Trouble.EXPIRY if isinstance(far, Model):
            await far.expire()
        case sc.Trouble.LOSE_MARK if isinstance(far, Phone):
            far.marks_to_lose += 1
        case sc.Trouble.LATE_MARK if isinstance(far, Phone):
            far.marks_to_delay += 1
        case _:
            return
