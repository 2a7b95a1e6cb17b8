"""The stage of one simulated call: the real `run_call`, the far ends, and what happens to them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

import attrs
import trio
import wsproto

from trio_media.call.attending import Attend, Attendance
from trio_media.call.control import CallControl
from trio_media.call.line import Line
from trio_media.call.listening import VoiceJudge
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.run import CallOptions, run_call
from trio_media.call.tool import RunTool, Tool, as_tools
from trio_media.call.websocket.handshake import FRAMES
from trio_media.config import Config
from trio_media.errors import first_of
from trio_media.realtime.handshakes import handshake_refused
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.account import Account
from trio_media.simulation.calls.befalling import act_application, act_caller, move_on, suffer
from trio_media.simulation.calls.caller import Caller
from trio_media.simulation.calls.ears import LabelDetector
from trio_media.simulation.calls.legs import BARE, BarePeer, Peer, PeerGone, WebSocketPeer
from trio_media.simulation.calls.model import Model
from trio_media.simulation.calls.network import End, Link, Weather
from trio_media.simulation.calls.phone import Phone
from trio_media.simulation.calls.questions import AnswerTo
from trio_media.simulation.calls.record import MODEL, Record
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.watching import Watch
from trio_media.telephony.events import MediaStreamStarted

Wrap = Callable[[trio.abc.Stream], trio.abc.Stream]
Act = sc.CallerAct | sc.ApplicationAct | sc.Fault


class _NoLog:
    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None:
        """Say nothing."""

    warning = info


@attrs.define(kw_only=True)
class Cast:
    """Who and what is on the stage."""

    config: Config
    answers: Callable[[], AnswerTo]
    """What the model answers, made anew for each of its sessions."""
    hearing: sc.Hearing = attrs.field(factory=sc.Hearing)
    tools: Mapping[str, Tool | RunTool] = attrs.field(factory=dict)
    judge: VoiceJudge | None = None
    attend: Attend | None = None
    """Who attends the call; None: nobody."""
    account: Account | None = None
    """The carrier's, where it can be asked."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """What the media stream is started with."""
    options: CallOptions = attrs.field(factory=CallOptions)
    """Of the call; what the stage must decide itself is overwritten."""
    websockets: bool = True
    """False: the legs carry bare messages."""
    to_model: Weather = sc.FAR
    from_model: Weather = sc.FAR
    wrap_carrier: Wrap | None = None
    """Put around the stream that the call has of the carrier; needs websockets."""
    wrap_model: Wrap | None = None
    no_sessions: deque[sc.NoSession] = attrs.field(factory=deque)
    """The attempts at a session of the model's that come to nothing, next first."""
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
    watch: Watch = attrs.field(
        default=attrs.Factory(lambda self: Watch(self.record), takes_self=True)
    )
    control: CallControl | None = None
    attendance: Attendance | None = None
    """What was decided about the call before it began."""
    end: CallEnd | None = None
    acts: int = 0
    """Of the application, so far."""
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
        if self.cast.account is not None:
            self.cast.account.note = self.note_account
            self.nursery.start_soon(move_on, self, self.cast.account)

    def note_account(self, request: str) -> None:
        """Note what the carrier's account is asked."""
        self.record.account.append((now_ms(), request))

    def add(self, act: Act) -> None:
        """Have something happen when its time comes; if that is past, it happens now."""
        match act:
            case sc.Speaks() | sc.Coughs() | sc.Beeps():
                self.caller.plan(attrs.evolve(act, at_ms=round(self.began_ms) + act.at_ms))
            case sc.SpeaksOver():
                self.caller.plan(act)
            case sc.Fault():
                self.nursery.start_soon(suffer, self, act)
            case sc.Presses() | sc.HangsUp():
                self.nursery.start_soon(act_caller, self, act)
            case _:
                self.acts += 1
                self.nursery.start_soon(act_application, self, act, self.acts)

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
        refusal = cast.no_sessions.popleft() if cast.no_sessions else None
        if refusal is not None:
            record.faults.append((now_ms(), f"{MODEL} no session {refusal.status or refusal.code}"))
        if refusal is not None and refusal.status:
            raise handshake_refused(refusal.status, b"")
        link = Link.between(cast.to_model, cast.from_model, stage.rng)
        stage.model_link = link
        stage.nursery.start_soon(_hold_model, stage, link.far, refusal)
        return link.near if cast.wrap_model is None else cast.wrap_model(link.near)

    def observers(started: MediaStreamStarted, line: Line, _: trio.Nursery) -> list[CallObserver]:
        stage.watch.line = line
        return [stage.watch]

    options = attrs.evolve(
        cast.options,
        attend=None if cast.attend is None else partial(_attend, stage, cast.attend),
        account=cast.account,
        observers=observers,
        connect=connect,
        transport=FRAMES if cast.websockets else BARE,
        detect=LabelDetector,
        tools=as_tools(cast.tools),
        on_control=take_control,
        luck=stage.rng.random,
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
            stage.end, record.end_reason = end, end.reason
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
        stage.crash = error
        record.crash = _described(error)
    record.ended_ms = now_ms()
    stage.watch.call_over()
    links = {"carrier": stage.carrier, "model": stage.model_link}
    record.left_open = [n for n, link in links.items() if link and not link.near.is_closed]
    stage.ended.set()


async def _attend(stage: Stage, attend: Attend, started: MediaStreamStarted) -> Attendance:
    stage.attendance = await attend(started)
    tools = {} if stage.attendance.attendant is None else stage.attendance.attendant.tools
    stage.record.fillers |= {tool.filler for tool in tools.values() if tool.filler}
    return stage.attendance


def _described(error: BaseException) -> str:
    error = first_of(error)
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
        await phone.start(**stage.cast.parameters)
        await phone.talk()
    except PeerGone:
        return


async def _hold_model(stage: Stage, end: End, refusal: sc.NoSession | None) -> None:
    cast = stage.cast
    try:
        peer = await _peer(cast, end, None)
    except PeerGone:
        return
    model, before = _model(stage, peer), stage.model
    if before is not None:
        model.go_on_from(before)
    stage.model = model
    if refusal is not None:
        await model.refuse(refusal.code)
    else:
        await model.serve()


def _model(stage: Stage, peer: Peer) -> Model:
    cast = stage.cast
    return Model(
        peer,
        stage.record,
        stage.nursery,
        cast.answers(),
        cast.hearing,
        lambda: stage.caller.text,
    )
