"""What the model is to say next: the queue of creates, and the answer that may be owed.

Rule 1: causes that want the same thing, an answer, are one create.
Rule 2: what an interruption may drop is said by whoever asks; answers to the caller are kept.
Rule 3: after an interruption by speech that no turn explains, the model speaks again by itself, but
        at most so many times in a row.
"""

from __future__ import annotations

import attrs

from trio_media.core.commands import Cause
from trio_media.core.units import RECOVERIES_IN_A_ROW

OWED = (Cause.RECOVERY, Cause.CONTINUATION, Cause.EXPLANATION)
"""Answers that are owed to no words of the caller: those that are take their place."""
ANSWERS = (Cause.TURN, Cause.KEYS, Cause.TOOL, *OWED)
FILLS = (Cause.FILLER, Cause.SILENCE)
CONTINUED = (*ANSWERS, Cause.SERVER, Cause.GREETING)
"""What goes on where it was cut off: the rest was asked for by somebody, who is told."""
UNASKED = (*OWED, Cause.FILLER, Cause.SILENCE)


@attrs.frozen
class Vain:
    """What was done in vain so far for one answer that the service did not give, or not whole."""

    retries: int = 0
    continuations: int = 0
    was_explained: bool = False


NEVER = Vain()


@attrs.frozen
class Queued:
    """One create that waits."""

    cause: Cause
    number: int
    """The newest response known when it was asked for; what it asks for is newer."""
    request: int | None = None
    is_protected: bool = False
    is_kept: bool = True
    tries: int = 0
    vain: Vain = NEVER


def _joined(queued: Queued, cause: Cause, is_protected: bool, vain: Vain) -> Queued:
    """Have an answer that waits be the answer to something more."""
    if queued.cause not in ANSWERS:
        return queued
    if queued.cause in OWED and cause not in OWED:
        queued = attrs.evolve(queued, cause=cause, is_kept=True)
    if queued.vain == NEVER:
        queued = attrs.evolve(queued, vain=vain)
    return attrs.evolve(queued, is_protected=queued.is_protected or is_protected)


@attrs.define
class Creates:
    """Creates not sent yet, in the order of asking."""

    queue: list[Queued] = attrs.field(factory=list)
    not_before_ms: int = 0
    """A create that was refused, or came to nothing, is not tried again before this."""

    def want_answer(
        self, cause: Cause, number: int, *, is_protected: bool = False, vain: Vain = NEVER
    ) -> None:
        """An answer is wanted.  One that waits already will do."""
        self.queue = [q for q in self.queue if q.cause not in (Cause.FILLER, Cause.SILENCE)]
        if all(queued.cause not in ANSWERS for queued in self.queue):
            is_kept = cause not in OWED
            queued = Queued(cause, number, is_protected=is_protected, is_kept=is_kept, vain=vain)
            self.queue.append(queued)
            return
        self.queue = [_joined(q, cause, is_protected, vain) for q in self.queue]

    def has_answer(self, *, is_protected: bool) -> bool:
        """Whether an answer waits already that nothing drops, and is protected if need be."""
        return any(
            q.cause in ANSWERS and q.is_kept and (q.is_protected or not is_protected)
            for q in self.queue
        )

    def ask(self, queued: Queued) -> None:
        """Queue a request to speak."""
        self.queue.append(queued)

    def ask_again(self, queued: Queued) -> None:
        """Queue what came to nothing, before all else.  An answer that waits is the same one."""
        if queued.cause in ANSWERS:
            waiting = [q for q in self.queue if q.cause in ANSWERS]
            self.queue = [q for q in self.queue if q not in waiting]
            if waiting and queued.cause in OWED:
                queued = attrs.evolve(queued, cause=waiting[0].cause, is_kept=waiting[0].is_kept)
            is_protected = any(q.is_protected for q in (queued, *waiting))
            queued = attrs.evolve(queued, is_protected=is_protected)
        self.queue.insert(0, queued)

    def drop(self, through: int | None) -> list[Queued]:
        """An interruption drops what may be dropped and was asked for before it."""
        dropped = [
            q for q in self.queue if not q.is_kept and (through is None or q.number <= through)
        ]
        self.queue = [q for q in self.queue if q not in dropped]
        return dropped

    def drop_recovery(self) -> None:
        """Somebody else speaks: nothing is owed any more, and no silence is to be filled."""
        self.queue = [q for q in self.queue if q.cause not in UNASKED]

    def drop_answers(self) -> None:
        """Nothing that was heard is answered, and nobody is asked for a word."""
        self.queue = [q for q in self.queue if q.cause not in (*ANSWERS, *UNASKED)]

    def drop_turns(self) -> None:
        """No turn is left to be answered; whatever else is, is owed as well."""
        self.queue = [q for q in self.queue if q.cause is not Cause.TURN]

    def drop_greeting(self) -> list[Queued]:
        """The conversation has begun without a greeting."""
        dropped = [q for q in self.queue if q.cause is Cause.GREETING]
        self.queue = [q for q in self.queue if q.cause is not Cause.GREETING]
        return dropped


@attrs.define
class Owed:
    """The answer owed after an interruption by speech that nothing followed, or a failed create."""

    is_owed: bool = False
    in_a_row: int = 0
    not_before_ms: int = 0
    """The service is given until then to speak by itself."""

    def take_by_speech(self) -> None:
        """The caller interrupted: unless a turn counts, an answer is owed."""
        self.is_owed = True

    def turn_counts(self) -> None:
        """A turn explains the interruption; its answer is the answer."""
        self.is_owed = False
        self.in_a_row = 0

    def pay(self) -> bool:
        """The time has come.  Returns whether the model shall speak."""
        self.is_owed = False
        return self.in_a_row < RECOVERIES_IN_A_ROW
