"""What an application asks of a call, noted for the judges, and what the call finds wrong itself.

Implements `call.record.CallObserver`.  The wires cannot tell that somebody asked the model to
speak; without it a create of the application's own would look like one that nothing asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.call.line import Line
from trio_media.call.translate import event_id
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.simulation.calls.record import Asked, Away, Record, Wish
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.seen import Broken
from trio_media.simulation.calls.sounds import Span, pieces_of


@attrs.define(eq=False)
class Watch:
    """The observer of one call."""

    wants_heard_audio: ClassVar[bool] = False
    record: Record
    broken: list[Broken] = attrs.field(factory=list)
    """Promises that the call itself found broken."""
    line: Line | None = None
    """Where clips are kept."""
    _open: dict[int, Asked] = attrs.field(factory=dict)
    """Requests that have no outcome yet."""

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Note what was asked."""
        match event:
            case ev.SpeechRequested(request, say, protected) if say is not ev.Say.GREETING:
                self._note(Wish.SPEAK, request).is_protected = protected
            case ev.ClipOffered(int(request), item_id, length_ms, protected):
                asked = self._note(Wish.PLAY, request)
                asked.is_protected, asked.length_ms = protected, length_ms
                self._listen(asked, item_id)
            case ev.InterruptRequested(request=request, through=through):
                self._note(Wish.INTERRUPT, request).is_partial = through is not None
            case ev.DigitsRequested(request=request):
                self._note(Wish.DIGITS, request)
            case ev.DigitsAbandoned(request=request):
                self._settle(request, "abandoned")
            case ev.EndingRequested():
                asked = self._note(Wish.END, event.request)
                asked.has_words, asked.is_final = event.words is not None, event.is_final
                asked.is_leaving = event.leaves
            case ev.SessionAway() | ev.SessionLost() | ev.SessionReady():
                self._note_session(event)
            case ev.HangUpRequested():
                asked = self._note(Wish.HANG_UP, None)
                asked.outcome, asked.settled_ms = "asked", now_ms()
            case _:
                return

    def _note_session(self, event: ev.SessionAway | ev.SessionLost | ev.SessionReady) -> None:
        record = self.record
        is_away = bool(record.aways) and record.aways[-1].until_ms is None
        if isinstance(event, ev.SessionLost):
            record.lost_ms = now_ms()
        elif isinstance(event, ev.SessionAway) and not is_away:
            record.aways.append(Away(now_ms()))
        elif isinstance(event, ev.SessionReady) and is_away:
            record.aways[-1].until_ms = now_ms()

    def _note(self, wish: Wish, request: int | None) -> Asked:
        asked = Asked(wish, now_ms())
        self.record.asked.append(asked)
        if request is not None:
            self._open[request] = asked
        return asked

    def _listen(self, asked: Asked, item_id: str) -> None:
        """Note what is to be heard of a clip: its label, or how much of it sounds."""
        if self.line is None:
            return
        for _, piece in pieces_of(self.line.store.span(item_id, 0, asked.length_ms)):
            if isinstance(piece, Span):
                asked.clip = piece.item
            else:
                asked.sound_ms += len(piece) // BYTES_PER_MS

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """Note what became of it."""
        for command in commands:
            match command:
                case cm.CreateResponse(token=token, request=int(request)):
                    if request in self._open:
                        self._open[request].token = event_id(token)
                case cm.InterruptionSettled(request=int(request), outcome=outcome):
                    self._settle(request, outcome.value)
                case cm.SpeechEnded(request, outcome, heard_ms):
                    self._settle(request, outcome.value, heard_ms=heard_ms)
                case cm.SpeechDropped(request):
                    self._settle(request, cm.SpeechOutcome.DROPPED.value)
                case cm.DigitsCollected(request, digits, outcome):
                    self._settle(request, outcome.value, digits=digits)
                case cm.EndingSettled(request=int(request), outcome=outcome):
                    self._settle(request, outcome.value)
                case _:
                    continue

    def _settle(self, request: int, outcome: str, **more: Any) -> None:  # noqa: ANN401
        asked = self._open.pop(request, None)
        if asked is None:
            return
        asked.outcome, asked.settled_ms = outcome, now_ms()
        for name, value in more.items():
            setattr(asked, name, value)

    def call_over(self) -> None:
        """The call is over: what was to end it did."""
        for asked in self._open.values():
            if asked.wish is Wish.END:
                asked.outcome, asked.settled_ms = cm.EndingOutcome.ENDED.value, now_ms()

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """Keep what the call found broken."""
        if kind == "broken_invariant":
            self.broken.append(Broken("the core", now_ms(), str(fields.get("promise"))))

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """Nothing: the wires tell."""

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """Nothing: the wires tell."""
