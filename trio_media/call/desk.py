"""The owner's desk: what it works with, and what it has in mind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

import attrs
import trio

from trio_media.call.account import CarrierAccount
from trio_media.call.control import CallControl
from trio_media.call.conversation import Conversation
from trio_media.call.heard import HeardTape
from trio_media.call.line import Line
from trio_media.call.measures import Measures
from trio_media.call.phrases import Phrases
from trio_media.core import events as ev
from trio_media.core.commands import Recorded
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.realtime.events import RealtimeCodec
from trio_media.telephony.events import TelephonyCodec
from trio_media.telephony.twiml import Verb


class DropSession(Protocol):
    """Lets go of a model session by its number; ``renews``: for its age alone."""

    def __call__(self, number: int | None, *, renews: bool = False) -> None: ...


@attrs.frozen(eq=False)
class LeftBehind:
    """What the owner finds in the moment in which the media stream is cut."""

    resumed: ev.ConversationResumed
    """What is due to the caller."""
    sound: bytes
    """What the next model session is to hear first of the caller, mu-law."""


@attrs.define(eq=False)
class Desk:
    """What the owner works with.  Nobody else touches it."""

    line: Line
    core: DecisionCore
    carrier_codec: TelephonyCodec
    model_codec: RealtimeCodec
    control: CallControl
    nursery: trio.Nursery
    """Where tools run."""
    abort_carrier: Callable[[], Awaitable[None]]
    drop_session: DropSession
    """Lets go of this model session, for another: what is being written is finished first."""
    end_sessions: Callable[[], None]
    """Lets go of it, and there is no other."""
    session: int | None = None
    """The number of the model session that knows the conversation; None: there is none."""
    recorded: Mapping[Recorded, bytes] = attrs.field(factory=dict)
    """Words of ours, mu-law, for when the model cannot speak."""
    forward: tuple[Verb, ...] = ()
    """What the call is handed over to when there is no model any more."""
    said_again: Collection[str] = ()
    """Turns of which the next session hears the sound."""
    recorded_played: int = 0
    said_goodbye: bool = False
    """The caller was told that there is none."""
    invariants: Invariants | None = None
    """Checks every step, when asked for."""
    tape: HeardTape | None = None
    """Tells the observers what the carrier plays, when they want to know."""
    phrases: Phrases = attrs.field(factory=Phrases)
    """What the model is told when nobody asked for words."""
    account: CarrierAccount | None = None
    """What can be done to the call beyond its media stream."""
    call_sid: str = ""
    onward: tuple[Verb, ...] = ()
    """What the call is being handed over to."""
    leaving: trio.Event | None = None
    """Set when it is known whether the carrier takes the call over; None: it was not asked to."""
    was_redirected: bool = False
    """The carrier has taken it over, as far as anybody can tell."""
    is_redirect_known: bool = False
    """... its account said so."""
    ended_by: str | None = None
    left_behind: LeftBehind | None = None
    """What the call goes on with, if its media stream was cut; None: it was not."""
    pending: list[ev.Event] = attrs.field(factory=list)
    """What carrying out a command led to."""
    began_ms: dict[int, int] = attrs.field(factory=dict)
    """When each interruption was decided."""
    before: Conversation | None = None
    """What was said in media streams of this call that were cut."""
    conversation: Conversation = attrs.field(init=False)
    measures: Measures = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        before = self.before
        self.conversation = Conversation(self.line.texts) if before is None else before
        self.measures = Measures(self.line)
