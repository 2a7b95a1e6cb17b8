"""One call at the simulated carrier: what is known of it, and what it was told to do next.

Rule 1: a call is over once; the first reason for its end is the reason.
Rule 2: whoever wants something of a running call leaves it in `StandInCall.ask`; the call's own
task takes it up, and no other task changes what the call does.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Literal, TypeAlias, TypeVar

import attrs
import trio

from trio_media.phone.hearing import FRAME_MS, is_loud
from trio_media.phone.record import CallRecord
from trio_media.phone.script import CallerScript, CallerVoice
from trio_media.testing.carrier.changes import PATIENCE_S, Changes
from trio_media.testing.carrier.records import (
    DialDone,
    EndedBy,
    RestAsked,
    ServerAsked,
    VerbDone,
)
from trio_media.testing.carrier.script import CallScript, Human, Machine

API_VERSION: Final = "2010-04-01"
LIFE_S_MAX: Final = 600.0 + 14_400.0  # the carrier's longest ringing and its longest call
FINAL_STATUSES: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_EVENTS: Final = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}

_Result = TypeVar("_Result")


@attrs.frozen(kw_only=True)
class Order:
    """How a call was asked for: the fields of the REST request that count."""

    url: str = ""
    method: Literal["GET", "POST"] = "POST"
    twiml: str = ""
    status_callback: str = ""
    status_events: frozenset[str] = frozenset({"completed"})
    ring_timeout_s: float = 60.0
    time_limit_s: float = 14_400.0
    machine_detection: str = ""
    amd_callback: str = ""
    """Empty: the TwiML waits for the verdict."""


@attrs.frozen(kw_only=True)
class End:
    """Somebody wants the call to be over."""

    by: EndedBy


@attrs.frozen(kw_only=True)
class Replace:
    """Somebody wants the call to do other TwiML."""

    twiml: str = ""
    url: str = ""
    method: Literal["GET", "POST"] = "POST"


Update: TypeAlias = End | Replace


@attrs.frozen(kw_only=True)
class StatusTold:
    """A status callback to send."""

    event: str
    form: Mapping[str, str]


@attrs.define(eq=False, kw_only=True)
class StandInCall:
    """A call.  Tests read it; the carrier alone changes it."""

    call_sid: str
    account_sid: str
    from_: str
    to: str
    direction: Literal["inbound", "outbound-api"]
    order: Order
    script: CallScript
    statuses: list[str] = attrs.field(factory=lambda: ["queued"])
    """All that it went through, the present one last."""
    twiml_done: list[VerbDone] = attrs.field(factory=list)
    dials: list[DialDone] = attrs.field(factory=list)
    heard: bytearray = attrs.field(factory=bytearray, repr=False)
    """Mu-law that the person heard, over all media streams, silence included."""
    heard_ms: int = 0
    """How much of it was loud enough to be noticed."""
    streams: list[CallRecord] = attrs.field(factory=list, repr=False)
    """The media streams that are over."""
    requests: list[RestAsked] = attrs.field(factory=list)
    """What the REST API was asked about this call, its beginning first."""
    asked: list[ServerAsked] = attrs.field(factory=list)
    """What the server under test was asked and told, in the order of the answers."""
    answered_by: str = ""
    ended_by: EndedBy | None = None
    problems: list[str] = attrs.field(factory=list)
    """What a person would look up in the carrier's debugger."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """The call is over, and all of its callbacks were sent."""
    interrupted: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Somebody wants something else of the call than what it does."""
    answered_at: float | None = attrs.field(default=None, init=False)
    changes: Changes = attrs.field(repr=False)
    """The carrier's: see `Exchange`."""
    _wanted: Update | None = attrs.field(default=None, init=False)
    _told: list[StatusTold] = attrs.field(factory=list, init=False)
    _told_count: int = attrs.field(default=0, init=False)
    _parts_used: int = attrs.field(default=0, init=False)

    @property
    def status(self) -> str:
        """The present status."""
        return self.statuses[-1]

    @property
    def is_over(self) -> bool:
        """Whether it has ended.  Its last callbacks may still be on their way: see ``over``."""
        return self.status in FINAL_STATUSES

    @property
    def verbs(self) -> list[str]:
        """The names of the verbs that were done, in order."""
        return [verb.name for verb in self.twiml_done]

    def callbacks(self, purpose: str = "status") -> list[ServerAsked]:
        """Give what the server was told, of one kind, in the order of the answers."""
        return [asked for asked in self.asked if asked.purpose == purpose]

    async def until(
        self, is_so: Callable[[StandInCall], bool], *, timeout_s: float = PATIENCE_S
    ) -> None:
        """Wait until something is so, as ``lambda call: call.heard_ms > 500``.

        Raises `trio.TooSlowError`, with the call in words, after ``timeout_s``.
        """
        try:
            await self.changes.until(lambda: is_so(self), timeout_s=timeout_s)
        except trio.TooSlowError as exc:
            raise trio.TooSlowError(f"not within {timeout_s:g} s: {self}") from exc

    async def wait_over(self, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until it is over and all of its callbacks were sent.

        Raises `trio.TooSlowError`, with the call in words, after ``timeout_s``.
        """
        await self.until(lambda call: call.over.is_set(), timeout_s=timeout_s)

    def hang_up(self) -> None:
        """Let the person hang up."""
        self.ask(End(by=EndedBy.PERSON))

    def ask(self, update: Update) -> None:
        """Want something else of the call.  The newest wish counts; an end is not taken back."""
        if not isinstance(self._wanted, End):
            self._wanted = update
            self.interrupted.set()
            self.changes.note()

    def take_update(self) -> Update | None:
        """Take up what is wanted, if anything is."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self.interrupted = trio.Event()
        return wanted

    def become(self, status: str) -> None:
        """Go on to a status, and keep the callback that tells of it."""
        assert not self.is_over, "an end is final"
        self.statuses.append(status)
        if status == "in-progress":
            self.answered_at = trio.current_time()
        event = _EVENTS.get(status, "completed")
        if self.order.status_callback and event in self.order.status_events:
            self._told.append(StatusTold(event=event, form=_status_form(self, self._told_count)))
            self._told_count += 1
        self.changes.note()

    def end(self, by: EndedBy, status: str = "") -> None:
        """Be over, unless it is.  Without a status: by whether it was answered."""
        if not self.is_over:
            unanswered = "canceled" if by in (EndedBy.PERSON, EndedBy.REST) else "failed"
            self.ended_by = by
            self.become(status or ("completed" if self.answered_at is not None else unanswered))

    @property
    def has_told(self) -> bool:
        """Whether callbacks are to be sent."""
        return bool(self._told)

    def take_told(self) -> list[StatusTold]:
        """Take the callbacks that are to be sent."""
        told, self._told = self._told, []
        return told

    def note_verb(self, verb: VerbDone) -> None:
        """A verb begins."""
        self.twiml_done.append(verb)
        self.changes.note()

    def note_asked(self, asked: ServerAsked) -> None:
        """The server was asked something."""
        self.asked.append(asked)
        self.changes.note()

    def note_problem(self, problem: str) -> None:
        """Something went wrong that the carrier would warn of."""
        self.problems.append(problem)
        self.changes.note()

    def hear(self, frame: bytes) -> None:
        """Let the person hear 20 ms."""
        self.heard += frame
        self.heard_ms += FRAME_MS if is_loud(frame) else 0
        self.changes.note()

    def next_part(self) -> CallerScript | CallerVoice:
        """Return what the person does on the next media stream."""
        number, self._parts_used = self._parts_used, self._parts_used + 1
        match self.script.callee:
            case Human(parts=parts) if number < len(parts):
                return parts[number]
            case Machine() as machine if number == 0:
                # By the time the end of the message was waited for, the machine records.
                waited = self.order.machine_detection == "DetectMessageEnd"
                return machine.part(greets=not waited or bool(self.order.amd_callback))
        return CallerScript()

    def base_form(self) -> dict[str, str]:
        """Return the fields that every request about the call has."""
        return {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "CallSid": self.call_sid,
            "CallStatus": self.status,
            "Direction": self.direction,
            "From": self.from_,
            "To": self.to,
        }

    @property
    def talked_s(self) -> int:
        """Whole seconds since it was answered."""
        return 0 if self.answered_at is None else int(trio.current_time() - self.answered_at)


def _status_form(call: StandInCall, sequence: int) -> dict[str, str]:
    form = call.base_form() | {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": format_datetime(datetime.now(UTC)),
    }
    if call.is_over:
        form["CallDuration"] = str(call.talked_s)
        form["Duration"] = str(math.ceil(call.talked_s / 60))
    return form


async def pause(call: StandInCall, length_s: float) -> None:
    """Wait, but no longer than the call goes on as it is."""
    with trio.move_on_after(length_s):
        await call.interrupted.wait()


async def unless_interrupted(
    call: StandInCall, act: Callable[[], Awaitable[_Result]]
) -> _Result | None:
    """Do something that raises nothing; None: the call was wanted for something else first."""
    result: _Result | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when, call.interrupted, nursery.cancel_scope)
        result = await act()
        nursery.cancel_scope.cancel()
    return result


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
