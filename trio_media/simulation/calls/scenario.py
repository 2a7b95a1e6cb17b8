"""All there is to one simulated call, as data: the same scenario gives the same call.

Its ``repr`` is Python, so that a scenario that broke something can be pasted into a test.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from trio_media.simulation.calls.application import BETWEEN_KEYS_MS as BETWEEN_KEYS_MS
from trio_media.simulation.calls.application import ApplicationAct as ApplicationAct
from trio_media.simulation.calls.application import Carrier as Carrier
from trio_media.simulation.calls.application import Collects as Collects
from trio_media.simulation.calls.application import Does as Does
from trio_media.simulation.calls.application import Ends as Ends
from trio_media.simulation.calls.application import EndsWhenHeard as EndsWhenHeard
from trio_media.simulation.calls.application import Interrupts as Interrupts
from trio_media.simulation.calls.application import Marks as Marks
from trio_media.simulation.calls.application import Plays as Plays
from trio_media.simulation.calls.application import Says as Says
from trio_media.simulation.calls.network import Weather

# --- the caller ------------------------------------------------------------------------------


@attrs.frozen
class Speaks:
    """The caller says something."""

    at_ms: int
    length_ms: int
    text: str = "I would like something else."
    """What a transcriber makes of it."""


@attrs.frozen
class SpeaksOver:
    """The caller says something once the model has been heard for so long since they last spoke."""

    heard_ms: int
    length_ms: int
    text: str = "Wait, no."


@attrs.frozen
class Coughs:
    """The caller is loud, and says nothing."""

    at_ms: int
    length_ms: int


@attrs.frozen
class Beeps:
    """An answering machine beeps."""

    at_ms: int
    length_ms: int


@attrs.frozen
class Presses:
    """The caller presses a key."""

    at_ms: int
    digit: str


class HangUp(enum.Enum):
    """How a caller's end reaches us."""

    STOP = "stop"
    """The carrier says so, and closes."""
    CLOSE = "close"
    """The carrier just closes."""
    BREAK = "break"
    """The connection breaks."""


@attrs.frozen
class HangsUp:
    """The caller hangs up."""

    at_ms: int
    how: HangUp = HangUp.STOP


CallerAct: TypeAlias = Speaks | SpeaksOver | Coughs | Beeps | Presses | HangsUp

# --- the model -------------------------------------------------------------------------------


class Ending(enum.Enum):
    """How a response ends that nobody cancels."""

    COMPLETED = "completed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    LOST = "lost"
    """Its terminal event never comes."""
    DOUBLED = "doubled"
    """Its terminal event comes twice."""
    NAMELESS = "nameless"
    """Its terminal event does not say whose it is."""


class Cancelled(enum.Enum):
    """What a service does about a cancel."""

    OBEYS = "obeys"
    STRAGGLES = "straggles"
    """Some audio still comes before the terminal event, and some behind it."""
    REFUSES = "refuses"
    """It says that nothing is active, though it is."""
    IGNORES = "ignores"
    """It goes on to the end."""
    BOTH = "both"
    """It obeys, and says that nothing was active as well."""


class Refusal(enum.Enum):
    """Why a create comes to nothing."""

    ALREADY_ACTIVE = "conversation_already_has_active_response"
    RATE_LIMIT = "rate_limit_exceeded"
    SERVER = "server_error"
    SILENT = ""
    """Nothing is said at all."""


@attrs.frozen
class CallsTool:
    """The model calls a tool."""

    name: str = "look_up"
    arguments: str = "{}"
    """As JSON."""


@attrs.frozen
class Answer:
    """One response of the model, from the create that asks for it."""

    created_ms: int = 60
    """How long until it has an id."""
    first_ms: int = 150
    """How long from then to its first audio."""
    items_ms: tuple[int, ...] = (2_000,)
    """How long each of its items is when spoken."""
    delta_ms: int = 100
    """How much audio comes in one event."""
    pace: int = 8
    """How many times faster than it is spoken; 0: at once."""
    pause_ms: int = 0
    """How long it falters in the middle of each item."""
    texts: tuple[str, ...] = ()
    """What each of its items says; items without a text come without a transcript."""
    tools: tuple[CallsTool, ...] = ()
    """What it calls behind what it says."""
    ending: Ending = Ending.COMPLETED
    why: str = ""
    """Of an ending that failed or is incomplete; empty: what is usual."""
    cancelled: Cancelled = Cancelled.OBEYS
    refusal: Refusal | None = None
    """It never comes to be."""
    has_metadata: bool = True
    """It says which create it answers."""

    def text_of(self, place: int) -> str:
        """What the item at that place says; empty: nobody knows."""
        return self.texts[place] if place < len(self.texts) else ""


@attrs.frozen
class Hearing:
    """How the service hears the caller."""

    onset_ms: int = 200
    """How much speech it needs."""
    silence_ms: int = 500
    transcript_ms: int = 250
    hears_coughs: bool = False
    loses_commits: bool = False
    """A turn that stopped is never committed."""
    transcribes: bool = True


@attrs.frozen
class NoSession:
    """The service gives no session, once."""

    status: int = 0
    """Of HTTP, with which it refuses the handshake; 0: it takes it."""
    code: str = ""
    """Of the error that then comes first, before it closes."""


# --- the networks ----------------------------------------------------------------------------


class Trouble(enum.Enum):
    """What happens to a connection."""

    STALL = "stall"
    """Nothing arrives, in either direction, for a while."""
    STALL_OUT = "stall out"
    """What we send does not arrive for a while."""
    STALL_BACK = "stall back"
    JAM = "jam"
    """The far end does not read for a while."""
    SILENCE = "silence"
    """The far end is gone, and nobody says so."""
    BREAK = "break"
    CLOSE = "close"
    """The far end closes."""
    EXPIRY = "expiry"
    """The model service says that the session is over, and closes."""
    LOSE_MARK = "lose mark"
    """The next mark never comes back."""
    LATE_MARK = "late mark"
    """The next mark comes back late."""


@attrs.frozen
class Fault:
    """One of it."""

    at_ms: int
    wire: str
    trouble: Trouble
    length_ms: int = 0
    code: int = 1000
    """With which the far end closes."""
    then: tuple[NoSession, ...] = ()
    """What comes of the attempts at the model's next session, before there is one."""


# --- all of it -------------------------------------------------------------------------------


@attrs.frozen
class Settings:
    """What the operator chose."""

    authority: str = "client"
    detector: str = "both"
    greeting: bool = True
    protect_greeting: bool = False
    dtmf_interrupts: bool = True
    backchannel_ms: int = 600
    lead_ms: int = 1_000
    has_judge: bool = False
    """A voice model tells coughs from voices."""
    silence_ms: int = 0
    """Silence of both after which the model asks for a word; 0: it never does."""
    silence_asks: int = 2
    protects_tools: bool = False
    """What a tool leads to cannot be interrupted."""
    has_account: bool = False
    """The carrier's account can be asked."""
    reconnect_max: int = 6
    reconnect_say_after_ms: int = 2_000
    session_max_s: int = 3_600
    """How long the service lets a session last, as the operator knows it."""


NEAR: Final = Weather(latency_ms=20)
FAR: Final = Weather(latency_ms=40)


@attrs.frozen(kw_only=True)
class Scenario:
    """One call."""

    seed: int = 0
    """Of the order of the tasks, and of what the networks do by chance."""
    length_ms: int = 20_000
    """The caller hangs up then, if nobody did before."""
    settings: Settings = Settings()
    websockets: bool = True
    """False: the legs carry bare messages."""
    to_carrier: Weather = NEAR
    from_carrier: Weather = NEAR
    to_model: Weather = FAR
    from_model: Weather = FAR
    hearing: Hearing = Hearing()
    caller: tuple[CallerAct, ...] = ()
    answers: tuple[Answer, ...] = ()
    """Of the model, in order; more of them are like the default."""
    agent: Marks | None = None
    """An agent attends the call, with a tool of these marks; None: nobody does."""
    account: Carrier = Carrier.NONE
    application: tuple[ApplicationAct, ...] = ()
    faults: tuple[Fault, ...] = ()
