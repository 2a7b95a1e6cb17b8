"""How far a call has come, as Twilio's status callbacks tell it: in any order, repeated, late.

Rule 1: a status that is over is final, and the first final one that is heard stands.
Rule 2: nothing goes back: a status of an earlier stage says nothing new.
Rule 3: the stage decides and not the ``SequenceNumber``.  The two agree wherever Twilio counts; its
clones count carelessly, and a callback that is believed because of its number could then undo a
later stage, or make the end of a call depend on the order of arrival.

Source: https://www.twilio.com/docs/voice/api/call-resource#statuscallbackevent
"""

from __future__ import annotations

import enum
from typing import Final

import attrs


class CallStatus(enum.Enum):
    """The status of a call, spelled as on the wire."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    """It was answered, and is over."""
    BUSY = "busy"
    FAILED = "failed"
    """It could not be put through, as to a number that does not exist."""
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    """We took it back before it was answered."""

    @property
    def is_final(self) -> bool:
        """Whether the call is over."""
        return _STAGES[self] == _OVER


_OVER: Final = 4
_STAGES: Final = {
    CallStatus.QUEUED: 0,
    CallStatus.INITIATED: 1,
    CallStatus.RINGING: 2,
    CallStatus.IN_PROGRESS: 3,
    CallStatus.COMPLETED: _OVER,
    CallStatus.BUSY: _OVER,
    CallStatus.FAILED: _OVER,
    CallStatus.NO_ANSWER: _OVER,
    CallStatus.CANCELED: _OVER,
}


def call_status(text: str) -> CallStatus | None:
    """Read a ``CallStatus`` as a callback or a call resource spells it; None: unknown."""
    try:
        return CallStatus(text)
    except ValueError:
        return None


@attrs.define
class CallProgress:
    """One call, as far as we have heard of it."""

    status: CallStatus = CallStatus.QUEUED
    sequence_max: int | None = None
    """The highest ``SequenceNumber`` heard, which counts from 0; None: none was given."""
    callbacks_heard: int = 0
    """With repetitions and with unknown ones."""

    @property
    def is_over(self) -> bool:
        """Whether a final status was heard."""
        return self.status.is_final

    def heard(self, status: str, sequence: int | None = None) -> bool:
        """Take in a callback; return whether it is news, which happens once for each stage.

        Args:
            status: ``CallStatus`` as on the wire; an unknown one changes nothing.
            sequence: ``SequenceNumber``, None where there is none.  Kept, but it decides nothing:
                rule 3.
        """
        self.callbacks_heard += 1
        if sequence is not None:
            self.sequence_max = max(sequence, self.sequence_max or 0)
        found = call_status(status)
        if found is None or _STAGES[found] <= _STAGES[self.status]:
            return False
        self.status = found
        return True
