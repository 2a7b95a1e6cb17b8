"""One simulated call, from its scenario to its record."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

import attrs
import trio
import wsproto

from trio_media.call.control import CallControl
from trio_media.call.leg import WEBSOCKETS
from trio_media.call.run import CallOptions, run_call
from trio_media.config import AgentConfig, BargeInConfig, Config, PlayoutConfig
from trio_media.errors import LocalProtocolError
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.caller import Caller
from trio_media.simulation.calls.ears import LabelDetector, LabelJudge
from trio_media.simulation.calls.legs import BARE, BarePeer, Peer, PeerGone, WebSocketPeer
from trio_media.simulation.calls.model import Model
from trio_media.simulation.calls.network import End, Link
from trio_media.simulation.calls.phone import Phone
from trio_media.simulation.calls.record import CARRIER, Asked, Record, Wish
from trio_media.simulation.calls.scheduling import now_ms, run_virtual
from trio_media.simulation.calls.sounds import Sound

GREETING: Final = "Good evening, how may I help?"
TOOL_MS: Final = 400
AFTERMATH_MS: Final = 2_000  # of the call's end: what closes then is seen to close
OVERTIME_MS: Final = 60_000  # a call that lasts so much longer than its caller never ends


class _NoLog:
    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None:
        """Say nothing."""

    warning = info


def play(scenario: sc.Scenario) -> Record:
    """Hold the call, in virtual time."""
    stage = run_virtual(_play, scenario, seed=scenario.seed)
    return stage.record


@attrs.define(eq=False)
class Stage:
    """Everything that is there while a call goes on."""

    scenario: sc.Scenario
    nursery: trio.Nursery
    rng: random.Random
    carrier: Link
    record: Record = attrs.field(factory=Record)
    model_link: Link | None = None
    model: Model | None = None
    phone: Phone | None = None
    caller: Caller | None = None
    control: CallControl | None = None
    started: trio.Event = attrs.field(factory=trio.Event)
    """The application has the call's control."""
    ended: trio.Event = attrs.field(factory=trio.Event)


async def _play(scenario: sc.Scenario) -> Stage:
    async with trio.open_nursery() as nursery:
        rng = random.Random(scenario.seed)  # chance, not secrets
        link = Link.between(scenario.to_carrier, scenario.from_carrier, rng)
        stage = Stage(scenario, nursery, rng, link)
        nursery.start_soon(_call, stage)
        nursery.start_soon(_hold_phone, stage)
        for fault in scenario.faults:
            nursery.start_soon(_suffer, stage, fault)
        for act in scenario.application:
            nursery.start_soon(_apply, stage, act)
        with trio.move_on_after((scenario.length_ms + OVERTIME_MS) / 1_000):
            await stage.ended.wait()
            await trio.sleep(AFTERMATH_MS / 1_000)
        if stage.phone is not None:
            stage.phone.hang_up()
        nursery.cancel_scope.cancel()
    return stage


# --- the system under test -------------------------------------------------------------------


def config_of(settings: sc.Settings) -> Config:
    """The configuration of a simulated call."""
    return Config(
        agent=AgentConfig(greeting=GREETING if settings.greeting else ""),
        barge_in=BargeInConfig(
            authority=settings.authority,  # type: ignore[arg-type]  # a scenario is plain data
            detector=settings.detector,  # type: ignore[arg-type]
            backchannel_ms=settings.backchannel_ms,
            protect_greeting=settings.protect_greeting,
        ),
        playout=PlayoutConfig(lead_ms=settings.lead_ms),
    )


async def _look_up(arguments: str) -> str:
    await trio.sleep(TOOL_MS / 1_000)
    return '{"found": true}'


async def _call(stage: Stage) -> None:
    scenario, record = stage.scenario, stage.record

    def take_control(control: CallControl) -> None:
        stage.control = control
        stage.started.set()

    async def connect() -> trio.abc.Stream:
        link = Link.between(scenario.to_model, scenario.from_model, stage.rng)
        stage.model_link = link
        stage.nursery.start_soon(_hold_model, stage, link.far)
        await trio.lowlevel.checkpoint()
        return link.near

    options = CallOptions(
        connect=connect,
        transport=WEBSOCKETS if scenario.websockets else BARE,
        detect=LabelDetector,
        tools={"look_up": _look_up},
        on_control=take_control,
    )
    judge = LabelJudge() if scenario.settings.has_judge else None
    try:
        end = await run_call(
            stage.carrier.near,
            config=config_of(scenario.settings),
            log=_NoLog(),
            judge=judge,
            options=options,
        )
        record.end_reason = end.reason
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
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


async def _peer(scenario: sc.Scenario, end: End, path: str | None) -> Peer:
    """Shake hands, as a client if there is a path.  Raises `PeerGone`."""
    if not scenario.websockets:
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
        peer = await _peer(stage.scenario, stage.carrier.far, "/twilio/media")
        phone = Phone(peer, stage.record, lambda: Sound.QUIET)
        stage.phone = phone
        caller = Caller.of(stage.scenario.caller, stage.record, lambda: phone.is_audible)
        stage.caller, phone.sound_now = caller, caller.sound_now
        stage.nursery.start_soon(phone.listen)
        stage.nursery.start_soon(phone.echo_marks)
        await phone.start()
        for act in stage.scenario.caller:
            if isinstance(act, sc.Presses | sc.HangsUp):
                stage.nursery.start_soon(_act, stage, phone, act)
        last = sc.HangsUp(stage.scenario.length_ms)
        stage.nursery.start_soon(_act, stage, phone, last)
        await phone.talk()
    except PeerGone:
        return


async def _act(stage: Stage, phone: Phone, act: sc.Presses | sc.HangsUp) -> None:
    await trio.sleep_until(act.at_ms / 1_000)
    if phone.is_over:
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


async def _hold_model(stage: Stage, end: End) -> None:
    try:
        peer = await _peer(stage.scenario, end, None)
    except PeerGone:
        return
    scenario = stage.scenario
    stage.model = Model(
        peer,
        stage.record,
        stage.nursery,
        scenario.answers,
        scenario.hearing,
        lambda: "" if stage.caller is None else stage.caller.text,
    )
    await stage.model.serve()


# --- what happens to it ----------------------------------------------------------------------


async def _apply(stage: Stage, act: sc.ApplicationAct) -> None:
    await trio.sleep_until(act.at_ms / 1_000)
    if stage.control is None:
        return
    wishes = {sc.Interrupts: Wish.INTERRUPT, sc.Says: Wish.SPEAK, sc.Ends: Wish.HANG_UP}
    asked = Asked(wishes[type(act)], now_ms())
    stage.record.asked.append(asked)
    match act:
        case sc.Interrupts():
            result = await stage.control.interrupt()
            asked.outcome = result.outcome.value
        case sc.Says(protected=protected, keep=keep):
            try:
                await stage.control.speak("Say more.", protected=protected, keep=keep)
                asked.outcome = "asked"
            except LocalProtocolError as error:
                asked.outcome = str(error)
        case sc.Ends():
            await stage.control.hang_up()
            asked.outcome = "asked"
    asked.settled_ms = now_ms()


async def _suffer(stage: Stage, fault: sc.Fault) -> None:  # noqa: C901  # one row a trouble
    await trio.sleep_until(fault.at_ms / 1_000)
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


def facts(record: Record) -> dict[str, Any]:
    """Count what was seen, for reports."""
    return {
        "messages": len(record.entries),
        "faults": len(record.faults),
        "clears": sum(e.kind == "clear" for e in record.entries),
        "cancels": sum(e.kind == "response.cancel" for e in record.entries),
    }
