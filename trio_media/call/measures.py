"""The times that say how a call feels, and what became of what it asked for.

Rule 1: each is taken where it is decided, on the call's clock, and told at once.
Rule 2: what comes by the frame costs one look at a table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from trio_media.call.line import Line
from trio_media.core import commands as cm
from trio_media.core import events as ev

COMMITS_MAX: Final = 64  # turns whose fate is open
TRUNCATES_MAX: Final = 64  # that the service may still refuse


@attrs.define(eq=False)
class Answer:
    """A turn's answer, on its way from the commit to the caller's ear."""

    committed_ms: int
    response: int | None = None
    """Its number; None until there is a create for it."""
    response_id: str | None = None
    item_id: str | None = None
    seq: int | None = None
    """Of its first audio."""

    def playing(self, item_id: str, seq: int) -> None:
        """Audio goes to the carrier."""
        if self.seq is None and self.item_id == item_id:
            self.seq = seq


@attrs.define(eq=False)
class Measures:
    """What is being timed in one call.  The owner's alone."""

    _line: Line
    answer: Answer | None = None
    _onset_ms: int | None = None
    _server_speech_ms: int | None = None
    _has_sounded: bool = False
    """The carrier was given audio."""
    _commits_ms: dict[str, int] = attrs.field(factory=dict)
    _cancels_ms: dict[str, int] = attrs.field(factory=dict)
    """By response; each ends with its response."""
    _truncates: deque[int] = attrs.field(factory=lambda: deque(maxlen=TRUNCATES_MAX))
    """Numbers of the commands."""

    def event(self, event: ev.Event, now_ms: int) -> None:
        """Take in what was just decided on."""
        measure = _EVENTS.get(type(event))
        if measure is not None:
            measure(self, event, now_ms)

    # --- events ------------------------------------------------------------------------------

    def _began(self, event: ev.LocalSpeechBegan, now_ms: int) -> None:
        self._onset_ms = now_ms if event.at_ms is None else event.at_ms

    def _ended(self, event: ev.LocalSpeechEnded, now_ms: int) -> None:
        self._onset_ms = None

    def _server_began(self, event: ev.ServerSpeechStarted, now_ms: int) -> None:
        came_ms = self._line.server_speech_ms
        self._server_speech_ms = now_ms if came_ms is None else came_ms

    def _server_ended(self, event: ev.ServerSpeechStopped, now_ms: int) -> None:
        self._server_speech_ms = None

    def _committed(self, event: ev.TurnCommitted, now_ms: int) -> None:
        if len(self._commits_ms) < COMMITS_MAX:
            self._commits_ms.setdefault(event.item_id, now_ms)

    def _received(self, event: ev.AudioReceived, now_ms: int) -> None:
        answer = self.answer
        if answer is not None and answer.response_id == event.response_id:
            answer.item_id = answer.item_id or event.item_id

    def _wrote(self, event: ev.CarrierWrote, now_ms: int) -> None:
        if not self._has_sounded:
            self._has_sounded = True
            self._line.tally.took("first_audio", event.at_ms)
        answer = self.answer
        if answer is not None and answer.seq is not None and event.seq >= answer.seq:
            self._line.tally.took("turn_to_audio", event.at_ms - answer.committed_ms)
            self.answer = None

    def _refused(self, event: ev.CommandRefused, now_ms: int) -> None:
        if event.command is not None and event.command in self._truncates:
            self._truncates.remove(event.command)
            self._line.tally.count("truncates_rejected")

    # --- commands ----------------------------------------------------------------------------

    def cleared(self, now_ms: int) -> None:
        """The carrier is to throw away what it holds."""
        if self._onset_ms is not None:
            self._line.tally.took("onset_to_clear", now_ms - self._onset_ms)
        elif self._server_speech_ms is not None:
            self._line.tally.took("server_speech_to_clear", now_ms - self._server_speech_ms)
        self._onset_ms = self._server_speech_ms = None
        if self.answer is not None and self.answer.seq is not None:
            self.answer = None  # cut off before it was written

    def creating(self, command: cm.CreateResponse) -> None:
        """A response is asked for."""
        answer = self.answer
        if answer is not None and answer.response is None and command.cause is cm.Cause.TURN:
            answer.response = command.response

    def opened(self, command: cm.ResponseOpened) -> None:
        """A response has its id."""
        answer = self.answer
        if answer is None or answer.response_id is not None:
            return
        is_server = answer.response is None and command.cause is cm.Cause.SERVER
        if is_server or answer.response == command.response:
            answer.response_id = command.response_id

    def closed(self, command: cm.ResponseClosed, now_ms: int) -> None:
        """A response's generation is over."""
        self._line.tally.count(f"responses_{command.ended.value}")
        cancelled_ms = self._cancels_ms.pop(command.response_id or "", None)
        if cancelled_ms is not None:
            self._line.tally.took("cancel_settled", now_ms - cancelled_ms)

    def cancelling(self, command: cm.CancelResponse, now_ms: int) -> None:
        """A response is to be generated no further."""
        self._cancels_ms[command.response_id] = now_ms

    def truncating(self, command: cm.TruncateItem) -> None:
        """The model is told what was heard."""
        self._truncates.append(command.command)

    def turn_decided(self, command: cm.TurnDecided) -> None:
        """It is known what becomes of a caller's turn."""
        fate = command.fate.replace(" ", "_")
        self._line.tally.count(f"turns_{fate}")
        committed_ms = self._commits_ms.pop(command.item_id, None)
        if committed_ms is not None and fate.startswith("answered"):
            self.answer = Answer(committed_ms)


_EVENTS: Final[Mapping[type[ev.Event], Callable[[Measures, Any, int], None]]] = {
    ev.LocalSpeechBegan: Measures._began,
    ev.LocalSpeechEnded: Measures._ended,
    ev.ServerSpeechStarted: Measures._server_began,
    ev.ServerSpeechStopped: Measures._server_ended,
    ev.TurnCommitted: Measures._committed,
    ev.AudioReceived: Measures._received,
    ev.CarrierWrote: Measures._wrote,
    ev.CommandRefused: Measures._refused,
}
