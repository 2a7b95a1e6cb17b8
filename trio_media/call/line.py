"""What the tasks of one call share: its clock, its outboxes, the owner's inbox, its tally.

Each field has one writer, named here; nobody decides by what another wrote, but the owner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import trio

from trio_media.call.audio_store import AudioStore
from trio_media.call.leg import Leg
from trio_media.call.model_service import ModelService
from trio_media.call.outboxes import CarrierOutbox, ModelOutbox
from trio_media.call.record import CallObserver, Tally
from trio_media.call.texts import Texts
from trio_media.call.tool import Tool
from trio_media.config import PricesConfig, RecordingConfig
from trio_media.core.commands import Command
from trio_media.core.events import Event, SessionReady
from trio_media.facts.failures import FAILURE
from trio_media.facts.privacy import PAUSED, RESUMED, Privacy
from trio_media.facts.usage import Spending

INBOX_MAX: Final = 128  # events; full: producers wait, and TCP pushes the peers back


@attrs.frozen
class Nudge:
    """Progress was made on a wire: the owner should look."""


@attrs.frozen
class SessionOpened:
    """There is a model session, and nothing was said in it."""

    leg: Leg
    service: ModelService
    ready: SessionReady
    number: int
    """Counts the sessions of the call that were there."""


@attrs.frozen
class Ending:
    """A reader is at its end, and with it the call."""

    reason: str


Letter: TypeAlias = Event | Nudge | SessionOpened | Ending


@attrs.frozen
class ToolCall:
    """A function call of the model."""

    call_id: str
    name: str
    arguments: str
    """JSON as the model wrote it."""


@attrs.frozen
class RunningTool:
    """A tool that is being run, and what stops it."""

    call: ToolCall
    scope: trio.CancelScope


@attrs.define(eq=False)
class Watched:
    """A leg that is looked after."""

    leg: Leg
    nursery: trio.Nursery
    """Where a ping waits for its answer: it ends with the leg."""
    since_s: float = attrs.field(factory=trio.current_time)
    """Since when it is looked after without a break, on Trio's clock."""
    asked_s: float = -math.inf
    """When it was last pinged."""
    is_asked: bool = False
    """A ping waits for its answer, or none can be sent any more."""


@attrs.define(eq=False)
class Line:
    """One call's wiring."""

    began_s: float
    """Trio's time at which the call's clock is 0."""
    send_inbox: trio.MemorySendChannel[Letter]
    receive_inbox: trio.MemoryReceiveChannel[Letter]
    observers: Sequence[CallObserver] = ()
    insiders: Sequence[CallObserver] = ()
    """Of the observers those that are the application's own: they are told what others are not."""
    privacy: Privacy = attrs.field(factory=Privacy)
    """The attendant says how texts are redacted, before the call begins."""
    recording: RecordingConfig = attrs.field(factory=RecordingConfig)
    """What is kept of this call.  Set before the call begins, as are the prices."""
    prices: PricesConfig = attrs.field(factory=PricesConfig)
    spending: Spending = attrs.field(factory=Spending)
    """The model's reader adds."""
    resumed_from: str = ""
    """The media stream that the call was in before; empty: this is its first."""
    carrier_outbox: CarrierOutbox = attrs.field(factory=CarrierOutbox)
    model_outbox: ModelOutbox = attrs.field(factory=ModelOutbox)
    store: AudioStore = attrs.field(factory=AudioStore)
    """The model's reader adds, the owner takes."""
    texts: Texts = attrs.field(factory=Texts)
    """The model's reader adds, the owner reads."""
    tally: Tally = attrs.field(factory=Tally)
    tool_calls: dict[str, ToolCall] = attrs.field(factory=dict)
    """The model's reader adds, the owner removes."""
    tool_outputs: dict[str, str] = attrs.field(factory=dict)
    """Tools add, the owner removes."""
    fault_codes: dict[str, str] = attrs.field(factory=dict)
    """What the service calls the faults of responses.  The model's reader adds, the owner
    removes."""
    running_tools: dict[str, RunningTool] = attrs.field(factory=dict)
    """Tools add and remove themselves, the owner stops them."""
    tools: Mapping[str, Tool] = attrs.field(factory=dict)
    """What the model can call.  Set before the call begins."""
    server_asked: bool | None = None
    """Whether the server was last asked to act by itself; None: as at the start.  The owner writes,
    the model's reader reads it into what the service does not say."""
    server_speech_ms: int | None = None
    """When the model last said that it hears the caller.  The model's reader writes: by the time
    that the owner decides on it, some time has passed."""
    is_interruptible: bool = False
    """Whether the caller's speech matters now.  The owner writes, the listener reads."""
    watched: list[Watched] = attrs.field(factory=list)
    """Who opens a leg adds it, and removes it again."""
    looks: list[Callable[[int], None]] = attrs.field(factory=list)
    """Told now and then what time it is on the call's clock; not when the process has just stood
    still, and what came meanwhile may be unread.  Never block, never raise.
    Added before the call begins."""
    newest_response: int = 0
    """The owner writes; whoever interrupts means what is there when they ask."""

    @classmethod
    def begin(cls, observers: Sequence[CallObserver] = ()) -> Line:
        """Wire a call whose clock begins now."""
        send, receive = trio.open_memory_channel[Letter](INBOX_MAX)
        return cls(trio.current_time(), send, receive, observers)

    def now_ms(self) -> int:
        """The call's monotonic clock."""
        return int((trio.current_time() - self.began_s) * 1_000)

    async def tell_owner(self, letter: Letter) -> None:
        """Put something into the owner's inbox; wait while it is full.

        Not a checkpoint when there is room, which costs more than all the rest of it.
        """
        try:
            self.send_inbox.send_nowait(letter)
        except trio.WouldBlock:
            await self.send_inbox.send(letter)

    def nudge(self) -> None:
        """Have the owner look.  When its inbox is full it is awake anyway."""
        try:
            self.send_inbox.send_nowait(Nudge())
        except trio.WouldBlock:
            return

    def forget_tool(self, call_id: str) -> None:
        """A tool call was answered, or needs no answer."""
        self.tool_calls.pop(call_id, None)
        self.tool_outputs.pop(call_id, None)

    def note(self, kind: str, **fields: Any) -> None:  # noqa: ANN401
        """Tell the observers of something that decides nothing: others than the application as
        they may have it."""
        now_ms = self.now_ms()
        if kind == FAILURE:
            self.tally.count("failures", why=str(fields.get("what", "")))
        told = self.privacy.told(kind, fields, now_ms)
        inside = fields if told is fields else {**fields, "shown": told["text"]}
        for observer in self.observers:
            is_inside = any(one is observer for one in self.insiders)
            observer.note(kind, now_ms, **(inside if is_inside else told))

    def pause_recording(self, why: str, *, is_of_caller: bool = False) -> None:
        """Record nothing until `resume_recording` for this reason, and all others.

        ``is_of_caller``: what the model says meanwhile is recorded in words.
        """
        if self.privacy.pause(why, self.now_ms(), is_of_caller=is_of_caller):
            self.note(PAUSED, why=why)

    def resume_recording(self, why: str) -> None:
        """Record again, as far as this reason goes."""
        if self.privacy.resume(why, self.now_ms()):
            self.note(RESUMED, why=why)

    def observe_event(self, event: Event, now_ms: int) -> None:
        """Tell the observers what is about to be decided on: before, so that whatever the core
        makes of it, they know what it was."""
        for observer in self.observers:
            observer.event(event, now_ms)

    def observe_commands(self, commands: Sequence[Command], now_ms: int) -> None:
        """Tell the observers what was decided."""
        for observer in self.observers:
            observer.commands(commands, now_ms)
