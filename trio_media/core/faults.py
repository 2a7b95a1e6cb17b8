"""What the observer knows of answers that failed: books beside those of the `ledger`."""

from __future__ import annotations

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev


@attrs.define
class Faults:
    """What is known of faults."""

    unmet: set[int] = attrs.field(factory=set)
    """Responses that ended in one in this step, and nothing was decided about it."""
    since_ms: int | None = None
    """Since when another try is due."""
    free_ms: int | None = None
    """Since when nothing keeps it back."""
    is_tried: bool = False
    """The caller waits for an answer that is tried again."""
    was_tried: bool = False
    """... or did at some time."""
    faults: int = 0
    """So many tries in a row."""
    sorries: int = 0
    """How often the caller was asked to say it again, and heard nothing besides."""
    is_answer_due: bool = False
    """Keys wait for their answer."""

    def settled(self) -> None:
        """Nobody waits for another try any more."""
        self.since_ms, self.is_tried = None, False

    def saw(self, event: ev.Event) -> None:
        """Note what happened."""
        match event:
            case ev.AudioReceived() | ev.SessionAway() | ev.SessionLost() | ev.AnsweringHeld():
                self.settled()
            case ev.ToolCalled():
                self.settled()
                self.sorries = 0
            case ev.SpeechRequested() | ev.EndingRequested() | ev.ToolAnswered():
                self.faults = 0
            case _:
                pass

    def took(self, command: cm.Command) -> None:
        """Note what was decided."""
        match command:
            case cm.CreateResponse():
                self.since_ms, self.is_answer_due = None, False
            case cm.SendKeys():
                self.faults, self.is_answer_due = 0, True
            case cm.TurnDecided(fate=fate):
                self.faults = 0
                if fate == "answered by the server":
                    self.settled()
            case cm.Taken() | cm.SpeechDropped() | cm.ResponseOpened(cause=cm.Cause.SERVER):
                self.faults = 0
                self.settled()
            case _:
                pass
