"""One phone call in virtual time: the real `run_call` between a phone and a model that obey."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final, cast

import attrs
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.application import agent_threads, limit_agent_threads
from trio_media.agent.call import Call as AgentCall
from trio_media.call.control import CallControl, InterruptionResult
from trio_media.call.run import CallOptions
from trio_media.call.tool import RunTool, Tool
from trio_media.config import Config
from trio_media.errors import ScriptError
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.ears import LabelJudge
from trio_media.simulation.calls.network import Link
from trio_media.simulation.calls.record import CARRIER, MODEL, Record
from trio_media.simulation.calls.seen import Broken
from trio_media.simulation.calls.stage import Cast, Stage, Wrap
from trio_media.testing.account import ScriptedAccount
from trio_media.testing.direction import Director, whole
from trio_media.testing.ends import hung_up_by, transferred_to
from trio_media.testing.interruptions import Interruption, interruptions_in
from trio_media.testing.judging import judge_call, settings_of
from trio_media.testing.model import ScriptedModel
from trio_media.testing.network import ScriptedNetwork
from trio_media.testing.phone import ScriptedPhone
from trio_media.testing.report import report_of
from trio_media.testing.running import Running
from trio_media.testing.threads import PatientThreads

AFTERMATH_MS: Final = 2_000  # of the call's end: what closes then is seen to close
OVERTIME_MS: Final = 60_000  # a call that goes on for so long after its caller hung up never ends
PATIENCE_MS: Final = 60_000
LOOK_MS: Final = 10  # between two looks at what is waited for; half a frame


@attrs.define(eq=False, kw_only=True, repr=False)
class Call:
    """A phone call, directed by a test.

    Times are whole milliseconds since the call began.  It is held once: by `run`, or by `running`.
    """

    config: Config
    tools: Mapping[str, Tool | RunTool] = attrs.field(factory=dict)
    agent: Agent | None = None
    """Attends the call."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """What the media stream is started with: who calls whom, and what else there is."""
    account: ScriptedAccount | None = None
    """The carrier's, where it can be asked."""
    websockets: bool = False
    """Both wires carry websocket frames over bytes; else bare messages, which are faster."""
    observe: bool = True
    """The promises are judged when the test is over."""
    seed: int = 0
    """Of the jitter of the networks."""
    wrap_carrier: Wrap | None = None
    """Put around the stream that the call has of the carrier, as `StallingStream` is."""
    wrap_model: Wrap | None = None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Around the call: what cancels it from outside."""
    phone: ScriptedPhone = attrs.field(init=False)
    model: ScriptedModel = attrs.field(init=False)
    carrier_network: ScriptedNetwork = attrs.field(init=False)
    model_network: ScriptedNetwork = attrs.field(init=False)
    _director: Director = attrs.field(factory=Director, init=False)

    def __attrs_post_init__(self) -> None:
        director = self._director
        self.phone = ScriptedPhone(director)
        self.model = ScriptedModel(director)
        self.carrier_network = ScriptedNetwork(director, CARRIER, sc.NEAR)
        self.model_network = ScriptedNetwork(director, MODEL, sc.FAR)

    def __repr__(self) -> str:
        if not self.has_run:
            return "<Call, not held yet>"
        return f"<Call: {self.end_reason}>" if self.end_reason else "<Call>"

    # --- holding it -------------------------------------------------------------------------

    async def run(self, *, until_ms: int) -> None:
        """Hold the call; the caller hangs up at ``until_ms``, if nothing ended it before.

        Raises what the call raised, and `ScriptError` if it was held before.
        **Cancellation:** the call is dropped.
        """
        whole("until_ms", until_ms, "run", least=1)
        async with self.running():
            with trio.move_on_after(until_ms / 1_000):
                await self._stage.ended.wait()

    def running(self) -> Running:
        """Hold the call while the test is inside; leaving it, the caller hangs up.

        Entering raises `ScriptError` if it was held before, or the clock is not a virtual one;
        leaving raises what the call raised.
        """
        return Running(self)

    async def at(self, at_ms: int) -> None:
        """Wait until some time of the call, also if it has ended.

        Raises `ScriptError` if that time is past.
        """
        if self.now_ms > whole("at_ms", at_ms, "at"):
            raise ScriptError(f"at: at_ms={at_ms} is past, the call is at {self.now_ms}")
        await self._stage.until(at_ms)

    async def until(self, condition: Callable[[], object], *, within_ms: int = PATIENCE_MS) -> None:
        """Wait until something is true.  Raises `AssertionError` if it is not ``within_ms``."""
        whole("within_ms", within_ms, "until")
        late_ms = self.now_ms + within_ms
        while not condition():
            assert self.now_ms < late_ms, f"not within {within_ms} ms, at {self.now_ms} ms"
            await trio.sleep(LOOK_MS / 1_000)

    async def interrupt(self) -> InterruptionResult:
        """Interrupt the model, as an application does, and wait until it is settled."""
        await self._stage.started.wait()
        return await self.control.interrupt()

    @property
    def control(self) -> CallControl:
        """What an application has of the call.  Raises `ScriptError` before it started."""
        control = self._stage.control
        if control is None:
            raise ScriptError("control: the call has not started; wait for `call.started()`")
        return control

    @property
    def agent_call(self) -> AgentCall:
        """The call as its agent has it.  Raises `ScriptError` before it started, or without one."""
        if self.agent is None:
            raise ScriptError("agent_call: no agent attends the call; give make_call(agent=...)")
        attendance = self._stage.attendance
        if attendance is None or not self._stage.started.is_set():
            raise ScriptError("agent_call: the call has not started; wait for `call.started()`")
        assert isinstance(attendance.attendant, AgentCall), "an agent attends by its own call"
        return attendance.attendant

    @property
    def carrier_account(self) -> ScriptedAccount:
        """The carrier's account.  Raises `ScriptError` where the call has none."""
        if self.account is None:
            raise ScriptError("carrier_account: there is none; give make_call(account=True)")
        return self.account

    async def started(self) -> None:
        """Wait until the application has the call's control."""
        await self._stage.started.wait()

    @property
    def _stage(self) -> Stage:
        if self._director.stage is None:
            raise ScriptError("the call does not run; enter `call.running()` first")
        return self._director.stage

    # --- what became of it ------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The time of the call (ms); where it has ended, when that was."""
        return self._director.now_ms()

    @property
    def has_run(self) -> bool:
        """Whether it was held, or is being held."""
        return self._director.stage is not None

    @property
    def end_reason(self) -> str:
        """Why it ended, as `CallEnd.reason`; empty while it goes on."""
        return self._director.record.end_reason

    @property
    def hung_up_by(self) -> str:
        """Who ended it: ``caller``, ``us``, or what was lost: ``carrier``, ``model``; empty while
        it goes on."""
        return hung_up_by(self.end_reason)

    @property
    def transferred_to(self) -> str | None:
        """To whom it was handed over: a number, a SIP address, a room; None: to nobody."""
        stage = self._director.stage
        if stage is None or stage.end is None:
            return None
        return transferred_to(stage.end, () if self.account is None else self.account.redirects)

    @property
    def interruptions(self) -> list[Interruption]:
        """The answers that were taken from the model, in order, as the wires show them."""
        return interruptions_in(self.record())

    def record(self) -> Record:
        """Return everything that passed the wires, in the call's time."""
        stage = self._director.stage
        record = self._director.record
        return record if stage is None else record.since(stage.began_ms)

    def broken_promises(self) -> list[Broken]:
        """Judge the call, once it is over: what was broken, in the order of time.

        Nothing is said of a call that goes on, or that was dropped because the test was cancelled.
        """
        if self._director.stage is None or not self._director.is_over:
            return []
        stage = self._director.stage
        latency_ms = max(self.carrier_network.slowest_ms, self.model_network.slowest_ms)
        own = [attrs.evolve(b, at_ms=b.at_ms - stage.began_ms) for b in stage.watch.broken]
        settings = settings_of(self.config, stage.attendance, has_account=self.account is not None)
        return judge_call(self.record(), settings, latency_ms, own)

    def report(self) -> str:
        """Tell the call: what was broken, and a time line of both wires."""
        return report_of(self.record(), self.broken_promises())

    # --- for `Running` ----------------------------------------------------------------------

    def require_new(self) -> None:
        """Raise `ScriptError` if the call was held before, or cannot be held here."""
        if self._director.stage is not None:
            raise ScriptError("a call is held once; make another with `make_call`")
        if not isinstance(trio.lowlevel.current_clock(), MockClock):
            raise ScriptError("calls are held in virtual time: run the test under a MockClock")

    def begin(self, nursery: trio.Nursery) -> None:
        """Begin to hold it."""
        rng = random.Random(self.seed)  # chance, not secrets
        near, far = self.carrier_network.weather, self.model_network.weather
        account = None if self.account is None else self.account.account
        attend = None
        if self.agent is not None:
            attend = self.agent.attend(self.config, account)
            spare_clock()
        cast = Cast(
            config=self.config,
            answers=lambda: self.model.answers,
            no_sessions=self.model.no_sessions,
            tools=self.tools,
            attend=attend,
            account=account,
            parameters=self.parameters,
            judge=LabelJudge(),
            options=CallOptions(checks_invariants=True),
            websockets=self.websockets,
            to_model=far,
            from_model=far,
            wrap_carrier=self.wrap_carrier,
            wrap_model=self.wrap_model,
            scope=self.scope,
        )
        link = Link.between(near, near, rng)
        stage = Stage(cast, nursery, rng, link, self._director.record)
        stage.begin()
        self._director.begin(stage)

    async def end(self) -> None:
        """Let the caller hang up, and wait until all is over."""
        stage = self._stage
        if not stage.ended.is_set():
            stage.add(sc.HangsUp(self.now_ms))
        with trio.move_on_after(OVERTIME_MS / 1_000):
            await stage.ended.wait()
            await trio.sleep(AFTERMATH_MS / 1_000)
        if stage.phone is not None:
            stage.phone.hang_up()
        self._director.is_over = True
        stage.nursery.cancel_scope.cancel()

    @property
    def crash(self) -> Exception | None:
        """What the call raised."""
        return self._stage.crash


def spare_clock() -> None:
    """Keep virtual time from jumping while functions of an agent work in threads."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock), "calls are held in virtual time"
    if not isinstance(agent_threads(), PatientThreads):
        # Trio takes whatever has these two methods of a limiter.
        limiter = cast("trio.CapacityLimiter", PatientThreads(clock, clock.autojump_threshold))
        limit_agent_threads(limiter)
