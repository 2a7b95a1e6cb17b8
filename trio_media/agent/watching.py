"""What an application sees of its call: its state, its transcript, and what its hooks are told.

Rule 1: it sees what the call decides, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.failures import FAILURE, Failures
from trio_media.facts.transcript import Spoken, Transcript

ENDINGS_KEPT: Final = 16  # requests to end the call of which a reason is known
TEXTS: Final = frozenset({"caller_text", "model_text"})
UNFELT: Final = frozenset({cm.Outcome.NOTHING_TO_INTERRUPT, cm.Outcome.PROTECTED})
"""Outcomes of interruptions that interrupted nothing."""
Tell = Callable[..., None]
"""Tells a hook, named first, of something.  Never blocks, never raises."""


@attrs.frozen(kw_only=True)
class CallState:
    """Where a call stands, as seen from outside: it may have moved on already."""

    duration_ms: int = 0
    is_ready: bool = False
    """The model is there."""
    is_model_speaking: bool = False
    """The caller hears the model, or is about to."""
    is_caller_speaking: bool = False
    is_ending: bool = False
    """It ends when everything was heard, unless the caller speaks."""
    is_over: bool = False


@attrs.frozen
class Interruption:
    """The model was interrupted."""

    reason: ev.Reason
    outcome: cm.Outcome
    heard_ms: int
    """What the caller had heard of the newest answer concerned."""


@attrs.define(eq=False)
class CallWatch:
    """Sees one call.  Implements `CallObserver`."""

    tell: Tell
    transcript: Transcript = attrs.field(init=False)
    failures: Failures = attrs.field(factory=Failures)
    wants_heard_audio: ClassVar[bool] = False
    is_ready: bool = False
    is_ending: bool = False
    left_as: str | None = None
    """For which reason the call was handed over to others, if it was."""
    _playing: set[str] = attrs.field(factory=set)
    """Items with audio that was neither heard nor thrown away."""
    _is_hushed: bool = False
    _is_heard_here: bool = False
    _is_heard_there: bool = False
    _reasons: dict[int | None, str] = attrs.field(factory=dict)
    """Why the call is to end, by the request."""

    def __attrs_post_init__(self) -> None:
        self.transcript = Transcript(self._spoken)

    @property
    def is_model_speaking(self) -> bool:
        """Whether the caller hears the model, or is about to."""
        return bool(self._playing) and not self._is_hushed

    @property
    def is_hushed(self) -> bool:
        """Whether the model was silenced, and it is not decided whether for good."""
        return self._is_hushed

    @property
    def is_caller_speaking(self) -> bool:
        """Whether a voice is heard: here, or by the server."""
        return self._is_heard_here or self._is_heard_there

    # --- what it sees ------------------------------------------------------------------------

    def event(self, event: ev.Event, t_ms: int) -> None:
        """See `CallObserver.event`."""
        self.transcript.event(event, t_ms)
        match event:
            case ev.KeyPressed(digit=digit):
                self.tell("dtmf", digit)
            case ev.SessionReady():
                self.is_ready = True
            case ev.SessionAway() | ev.SessionLost():
                self.is_ready = self._is_heard_there = False
            case ev.EndingRequested(request=request, reason=reason):
                self._reasons[request] = reason
                if len(self._reasons) > ENDINGS_KEPT:
                    del self._reasons[next(iter(self._reasons))]
            case ev.LeaveFailed():
                self.left_as = None
            case _:
                self._listen(event)

    def _listen(self, event: ev.Event) -> None:
        match event:
            case ev.LocalSpeechVoiced() | ev.LocalSpeechConfirmed():
                self._is_heard_here = True
            case ev.LocalSpeechEnded():
                self._is_heard_here = False
            case ev.ServerSpeechStarted():
                self._is_heard_there = True
            case ev.ServerSpeechStopped() | ev.TurnCommitted() | ev.TurnFailed():
                self._is_heard_there = False
            case _:
                return

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """See `CallObserver.commands`."""
        for command in commands:
            self.transcript.commands(command, t_ms)
            self._follow_audio(command)
            self._follow_ending(command)
            if isinstance(command, cm.InterruptionSettled) and command.outcome not in UNFELT:
                settled = Interruption(command.reason, command.outcome, command.heard_ms)
                self.tell("interrupted", settled)
        self.transcript.advance(t_ms)

    def _follow_audio(self, command: cm.Command) -> None:
        match command:
            case cm.PlayAudio(item_id=item_id):
                self._playing.add(item_id)
            case cm.ReleaseAudio(item_id=item_id):
                self._playing.discard(item_id)
            case cm.Hushed():
                self._is_hushed = True
            case cm.Resumed() | cm.Taken():
                self._is_hushed = False
            case _:
                return

    def _follow_ending(self, command: cm.Command) -> None:
        match command:
            case cm.EndingBegan(reason=reason):
                self.is_ending = True
                self.tell("ending", reason)
            case cm.EndingSettled(outcome=cm.EndingOutcome.REVOKED | cm.EndingOutcome.FAILED):
                self.is_ending = False
            case cm.Leave(request=request):
                self.left_as = self._reasons.get(request, "")
            case _:
                return

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """See `CallObserver.note`."""
        if kind == "transfer_failed":
            self.left_as = None  # here, for one that the end of the call overtook, too
        if kind == FAILURE:
            self.tell("failure", self.failures.note(fields, t_ms))
        if kind in TEXTS:
            shown = fields.get("shown")
            item_id, text = fields["item_id"], fields["text"]
            self.transcript.note(kind, item_id, text, shown=shown, t_ms=t_ms)
            self.transcript.advance(t_ms)

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.caller_audio`."""

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.heard_audio`."""

    def _spoken(self, spoken: Spoken) -> None:
        self.tell(f"{spoken.role}_spoke", spoken.text)
