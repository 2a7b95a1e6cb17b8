"""A call, as its agent attends it: its hooks, its tools, what is seen of it, and its tasks.

Rule 1: everything of it runs in the call's nursery, and ends with the call.
Rule 2: a call whose media stream was cut, and that comes back, is the same call: its transcript
        goes on, and ``on_end`` is told of it once.  What ran in it ended with the media stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVarTuple, Unpack

import attrs
import trio

from trio_media.agent.answering_machine import CalleeWatch, meet_machine
from trio_media.agent.application import Code
from trio_media.agent.asking import Ending
from trio_media.agent.earlier import Earlier
from trio_media.agent.hooks import HookRuns, run_hooks, run_last_hooks
from trio_media.agent.info import CallInfo
from trio_media.agent.limits import LengthLimit
from trio_media.agent.voicemail import Voicemail
from trio_media.agent.watching import CallState, CallWatch
from trio_media.boundary import crash_boundary
from trio_media.call.account import CarrierAccount
from trio_media.call.control import CallControl, Reply, running_tool
from trio_media.call.line import Line
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.tools import Tool
from trio_media.config import AgentConfig
from trio_media.core.commands import EndingOutcome
from trio_media.errors import AgentError, LocalProtocolError
from trio_media.facts.failures import Failure
from trio_media.facts.privacy import Redact
from trio_media.facts.transcript import REDACTED, Role, Spoken
from trio_media.facts.usage import Usage
from trio_media.logs import CallLogger, call_logger

APPLICATION: Final = "application"
"""Why nothing is recorded, when the application paused it by hand."""
TASKS_MAX: Final = 64  # of the application in one call; each is one that can hang
Args = TypeVarTuple("Args")


@attrs.frozen(kw_only=True)
class CallPlan:
    """How an agent attends a call."""

    hooks: Mapping[str, Sequence[Code]] = attrs.field(factory=dict)
    hook_timeout_s: float = 30
    config: AgentConfig = attrs.field(factory=AgentConfig)
    account: CarrierAccount | None = attrs.field(default=None, repr=False)
    """None: there are no warm transfers."""
    redact: Redact | None = attrs.field(default=None, repr=False)
    """What others than the application are told of a text; None: all of it."""


@attrs.define(eq=False, repr=False)
class AttendedCall:
    """One call and what its agent has in it.  Implements `Attendant`."""

    info: CallInfo
    plan: CallPlan = attrs.field(factory=CallPlan)
    tools: Mapping[str, Tool] = attrs.field(factory=dict)
    """What the model can call, by name."""
    log: CallLogger = attrs.field(init=False)
    watch: CallWatch = attrs.field(init=False)
    callee: CalleeWatch = attrs.field(init=False)
    """Who answered, where that is looked for."""
    _runs: HookRuns = attrs.field(init=False)
    _line: Line | None = attrs.field(default=None, init=False)
    _clock: trio.abc.Clock | None = attrs.field(default=None, init=False)
    _control: CallControl | None = attrs.field(default=None, init=False)
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _tasks: int = attrs.field(default=0, init=False)
    _end: CallEnd | None = attrs.field(default=None, init=False)
    _earlier: Earlier = attrs.field(factory=Earlier, init=False)

    def __attrs_post_init__(self) -> None:
        self.log = call_logger(self.info.call_sid)
        self._runs = HookRuns(self.plan.hooks, self.plan.hook_timeout_s, self.log, self.count)
        self._watch()

    def _watch(self) -> None:
        """Have a new media stream of the call seen."""
        self.watch = CallWatch(self.tell)
        voicemail = Voicemail(self.plan.config.voicemail if self._meets_machines else "go_on")
        self.callee = CalleeWatch(voicemail=voicemail, watch=self.watch, tell=self.tell)

    def __repr__(self) -> str:
        """Return what tells it from other calls."""
        return f"<Call {self.info.call_sid}>"

    @property
    def _meets_machines(self) -> bool:
        is_new = self.info.direction == "outbound" and not self.info.resumed
        return is_new and self.plan.config.voicemail != "go_on"

    # --- what is known of it -----------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether nothing can be asked of it any more."""
        return self._end is not None or (self._control is not None and self._control.is_over)

    @property
    def state(self) -> CallState:
        """Where the call stands."""
        watch, is_live = self.watch, not self.is_over
        return CallState(
            duration_ms=self._duration_ms(),
            is_ready=watch.is_ready and is_live,
            is_model_speaking=watch.is_model_speaking and is_live,
            is_caller_speaking=watch.is_caller_speaking and is_live,
            is_ending=watch.is_ending and is_live,
            is_over=not is_live,
        )

    def _duration_ms(self) -> int:
        if self._end is not None:
            return self._end.duration_ms
        if self._line is None or self._clock is None:
            return 0
        # Not `Line.now_ms`: a thread of the application may ask, and has no current time.
        return int((self._clock.current_time() - self._earlier.began(self._line)) * 1_000)

    @property
    def transcript(self) -> tuple[Spoken, ...]:
        """What was said and heard up to now, in the order in which it was said."""
        return self._earlier.with_spoken(self.watch.transcript.entries, self._line)

    @property
    def counters(self) -> Mapping[str, int]:
        """What was counted up to now."""
        return self._earlier.with_counters(self._line)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What went wrong up to now, and what was done about it, oldest first."""
        return self._earlier.with_failures(self.watch.failures.kept, self._line)

    @property
    def usage(self) -> Usage:
        """What the model services were used for up to now, and what that cost."""
        return Usage() if self._line is None else self._line.spending.usage()

    # --- for whoever runs the call -----------------------------------------------------------

    def observers(self, line: Line) -> Sequence[CallObserver]:
        """See `Attendant.observers`."""
        self._line = self.callee.line = line
        line.privacy.began_ms = self.watch.transcript.began_ms
        if self.plan.redact is not None:
            line.privacy.redact = partial(self._redacted, self.plan.redact)
        self._clock = trio.lowlevel.current_clock()
        return [self.watch, self.callee] if self._meets_machines else [self.watch]

    def begin(self, control: CallControl, nursery: trio.Nursery) -> None:
        """See `Attendant.begin`."""
        self._control, self._nursery = control, nursery
        if self.plan.hooks:
            nursery.start_soon(run_hooks, self._runs, nursery)
        # Late texts are given up also in a silent call.
        control.line.looks.append(self.watch.transcript.advance)
        max_call_s = self._earlier.left_s(self.plan.config.max_call_s, control.line)
        LengthLimit(control, nursery, max_call_s).begin()
        self.tell("resume" if self.info.resumed else "start")
        if self._earlier.was_paused:
            self.pause_recording()
        self.callee.begin()
        if self._meets_machines:
            nursery.start_soon(meet_machine, self.callee, control, self.plan.config)

    async def replaced(self) -> None:
        """The call has come back in another media stream, or is about to: this one ends."""
        if self._control is not None and not self.is_over:
            await self._control.replaced()

    def cut(self) -> None:
        """The media stream was cut, and everything of the call in it has ended.

        `resume` follows, or `ended`.
        """
        if self._line is not None:
            self.watch.transcript.end(self._line.now_ms())

    def resume(self, number: int) -> None:
        """The call has come back, for the ``number``-th time: `observers` and `begin` follow."""
        if self._line is not None:
            was_paused = self._line.privacy.is_paused_for(APPLICATION)
            self._earlier = self._earlier.and_then(self._line, self.watch, was_paused=was_paused)
        self.info, self._line = attrs.evolve(self.info, resumed=number), None
        self._watch()

    def machine_detected(self, result: str) -> None:
        """Take in who answered, as the carrier's detection says (Twilio's ``AnsweredBy``).

        At any time, also before the call has begun.  Never blocks.
        """
        if not self.is_over:
            self.callee.carrier_says(result)

    async def ended(self, end: CallEnd) -> None:
        """See `Attendant.ended`.  Comes back within the deadline of one hook."""
        self.watch.transcript.end(end.duration_ms if self._line is None else self._line.now_ms())
        self._end = end = self._earlier.whole(end, self._line)
        await run_last_hooks(self._runs, self, end)

    # --- for the modules of this package -----------------------------------------------------

    @property
    def control(self) -> CallControl:
        """What may be asked of the call."""
        assert self._control is not None, "the call has not begun"
        return self._control

    def tell(self, hook: str, *args: Any) -> None:  # noqa: ANN401
        """Have the functions of a hook run soon.  Never blocks, never raises."""
        self._runs.tell(hook, self, *args)

    def count(self, name: str) -> None:
        """Count something in the call's tally."""
        if self._line is not None:
            self._line.tally.count(name)

    def _redacted(self, redact: Redact, role: Role, text: str) -> str:
        """Redact a text; what cannot be redacted is withheld."""
        told = [REDACTED]
        with crash_boundary(partial(self.crashed, "redact")):
            told.append(redact(role, text))
        return told[-1]

    def crashed(self, name: str, error: Exception) -> None:
        """Log and count what code of the application raised."""
        self._runs.crashed(name, error)

    def spawn(self, task: Callable[[Unpack[Args]], Awaitable[None]], *args: *Args) -> bool:
        """Start a task in the call's nursery.  Returns False when the call is over."""
        if self.is_over:
            return False
        assert self._nursery is not None, "the call has not begun"
        self._nursery.start_soon(task, *args)
        return True

    async def ask_to_end(self, ending: Ending) -> Reply[EndingOutcome]:
        """Ask for an end; the reply waits for it."""
        try:
            return await self.control.end(
                words=ending.words,
                reason=ending.reason,
                is_final=ending.is_final,
                onward=ending.onward,
            )
        except LocalProtocolError:  # too many requests to speak wait already
            failed: Reply[EndingOutcome] = Reply(EndingOutcome.ENDED)
            failed.give(EndingOutcome.FAILED)
            return failed

    # --- for the application -----------------------------------------------------------------

    def pause_recording(self) -> None:
        """Record nothing, until `resume_recording`: a passage is nobody else's business.

        The recording is silent on both sides, texts of what is said meanwhile are withheld, and
        keys are not told.  The application goes on to have all of it.
        """
        self.pause_for(APPLICATION)

    def resume_recording(self) -> None:
        """Record again.  Where a tool of its own pauses, or is to be announced first, not yet."""
        self.resume_for(APPLICATION)

    def pause_for(self, why: str) -> None:
        """Record nothing for a reason of several."""
        if self._line is not None and not self.is_over:
            self._line.pause_recording(why)

    def resume_for(self, why: str) -> None:
        """Record again, as far as this reason goes."""
        if self._line is not None and not self.is_over:
            self._line.resume_recording(why)

    def start_soon(self, task: Callable[[Unpack[Args]], Awaitable[object]], *args: *Args) -> None:
        """Start a task of the application, which ends with the call at the latest.

        What it raises is logged, and harms nothing.  Once the call is over nothing is started.
        """
        if self._tasks >= TASKS_MAX:
            raise AgentError(f"start_soon: {TASKS_MAX} tasks run already in this call")
        if self.spawn(self._run_task, partial(task, *args)):
            self._tasks += 1

    async def _run_task(self, task: Callable[[], Awaitable[object]]) -> None:
        running_tool.set(None)  # a task outlives the tool that starts it
        name = getattr(getattr(task, "func", task), "__qualname__", "task")
        try:
            with crash_boundary(partial(self.crashed, name)):
                await task()
        finally:
            self._tasks -= 1
