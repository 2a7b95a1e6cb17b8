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
from trio_media.core.awaited import AwaitedAnswer

TRUNCATES_MAX: Final = 64  # that the service may still refuse


@attrs.define(eq=False)
class Measures:
    """What is being timed in one call.  The owner's alone."""

    _line: Line
    awaited: AwaitedAnswer = attrs.field(factory=AwaitedAnswer)
    _onset_ms: int | None = None
    _server_speech_ms: int | None = None
    _has_sounded: bool = False
    """The carrier was given audio."""
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
        self.awaited.committed(event.item_id, now_ms)

    def _received(self, event: ev.AudioReceived, now_ms: int) -> None:
        self.awaited.received(event.response_id, event.item_id)

    def _wrote(self, event: ev.CarrierWrote, now_ms: int) -> None:
        if not self._has_sounded:
            self._has_sounded = True
            self._line.tally.took("first_audio", event.at_ms)
        answer = self.awaited.wrote(event.seq)
        if answer is not None:
            self._line.tally.took("turn_to_audio", event.at_ms - answer.committed_ms)

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
        self.awaited.cleared()

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
        self.awaited.decided(command)


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
