"""What is known of a call when it is over, and what can be measured from it."""

from __future__ import annotations

import enum
from typing import Final

import attrs

from trio_media.phone.wire import CallIdentity

WIRE_ENTRIES_MAX: Final = 2_000_000  # over five hours of a busy call
VIOLATIONS_MAX: Final = 100  # the first ones tell the story
REACTION_MS_MAX: Final = 5_000  # a clear later than this answers something else


class CallEnd(enum.Enum):
    """How a call ended, seen from the phone."""

    HUNG_UP = "the caller hung up"
    VANISHED = "the caller vanished"
    FAR_END_CLOSED = "the far end closed"
    REFUSED = "the far end refused the call"
    UNREACHABLE = "the far end could not be reached"
    LOST = "the connection was lost"
    STALLED = "the far end stopped reading"


@attrs.frozen
class WireEntry:
    """One message on the wire."""

    t_ms: float
    """Since ``start`` was sent."""
    is_sent: bool
    """By the phone; else by the server."""
    event: str
    detail: str = ""
    """A mark's name, a key, the text of a message that breaks the protocol."""
    audio_bytes: int = 0
    buffered_ms: float = 0.0
    """What the carrier's buffer held right after this message."""


@attrs.frozen
class MarkEcho:
    """One mark, there and back."""

    name: str
    arrived_ms: float
    echoed_ms: float
    was_cleared: bool


@attrs.frozen
class Onset:
    """The caller began to speak."""

    at_ms: int
    is_over_far_end: bool
    """The far end could be heard at that moment: this interrupts it."""


@attrs.frozen
class GapHeard:
    """Nothing to play between two pieces of audio, though no clear was between them."""

    at_ms: float
    length_ms: float


@attrs.frozen(kw_only=True)
class CallRecord:
    """One call.  All times are milliseconds since ``start`` was sent."""

    identity: CallIdentity
    ended_by: CallEnd
    detail: str = ""
    """What the far end or the network said about the end."""
    refusal_status: int | None = None
    close_code: int | None = None
    """The websocket close code of the far end, if it closed."""
    connect_ms: float = 0.0
    """Dialling and handshake."""
    duration_ms: float = 0.0
    caller_audio: bytes = b""
    """Mu-law as sent; sample n was spoken n/8 ms after the start.  Empty without a recording."""
    heard_audio: bytes = b""
    """Mu-law as heard, aligned with ``caller_audio`` and silent where nothing played."""
    wire: tuple[WireEntry, ...] = ()
    frames_sent: int = 0
    media_received: int = 0
    media_received_bytes: int = 0
    bytes_discarded: int = 0
    """Audio over the buffer's ten minutes."""
    first_media_ms: float | None = None
    first_audible_ms: float | None = None
    clears_ms: tuple[float, ...] = ()
    marks: tuple[MarkEcho, ...] = ()
    onsets: tuple[Onset, ...] = ()
    gaps: tuple[GapHeard, ...] = ()
    lateness_ms: tuple[float, ...] = ()
    """For each frame, how long after its time it was handed to the network."""
    blocked_ms_max: float = 0.0
    """The longest time that the server's side took to accept a write, by sampling."""
    violations: tuple[str, ...] = ()
    """What the server sent that no carrier accepts."""

    @property
    def has_failed(self) -> bool:
        """Whether the call went wrong, as far as a phone can tell."""
        bad = (CallEnd.REFUSED, CallEnd.UNREACHABLE, CallEnd.LOST, CallEnd.STALLED)
        return self.ended_by in bad or bool(self.violations)

    def reactions_ms(self) -> list[float | None]:
        """For each onset over the far end, the time to the next ``clear``; None: none came.

        None is no failure where the far end ended by itself at about that time.
        """
        reactions: list[float | None] = []
        for onset in self.onsets:
            if onset.is_over_far_end:
                delays = (at_ms - onset.at_ms for at_ms in self.clears_ms)
                reactions.append(next((d for d in delays if 0 <= d <= REACTION_MS_MAX), None))
        return reactions
