"""How the speech model of a test finds its answers: what is planned, and what it is told to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import attrs

from trio_media.call.phrases import ASK_FOR_A_WORD, EXACTLY, GOODBYE, GREETING, STILL_AT_IT
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.questions import Question
from trio_media.testing.words import spoken_ms

UNSCRIPTED: Final = "Is there anything else I can do for you?"
"""What the model answers when the test has told it nothing more."""
UNASKED: Final[Mapping[str, str]] = {
    ASK_FOR_A_WORD: "Are you still there?",
    GOODBYE: "Goodbye.",
    STILL_AT_IT: "One moment, please.",
}
"""What it says when it is told to, in words of its own."""
CREATED_MS: Final = 60  # from a create to the answer's id, unless the answer is faster
FIRST_MS: Final = 200  # from a create to the answer's first audio


@attrs.define(eq=False)
class Answers:
    """What the model answers: an obedient one, where it is told what to say."""

    planned: deque[sc.Answer] = attrs.field(factory=deque)

    def __call__(self, question: Question) -> sc.Answer:
        """Answer a create.

        What it is told to say it says, and nothing planned is used up; but a greeting is the first
        that is planned, if there is one.  Where no tool may be called none is: a call that is
        planned waits for another create.
        """
        told = question.instructions or ""
        words = _exactly(told, EXACTLY) or next((w for t, w in UNASKED.items() if t in told), None)
        if words is not None:
            return spoken(words)
        is_kept = self.planned and self.planned[0].tools and not question.may_call_tools
        if self.planned and not is_kept:
            return self.planned.popleft()
        return spoken(_exactly(told, GREETING) or UNSCRIPTED)


def _exactly(told: str, form: str) -> str | None:
    """Return the words that a model is told to say, if it is told in this form."""
    before = form.partition("{words}")[0]
    return told.removeprefix(before) if told.startswith(before) else None


def spoken(text: str, length_ms: int | None = None, after_ms: int = FIRST_MS) -> sc.Answer:
    """Return an answer that says a text."""
    created_ms = min(CREATED_MS, after_ms)
    return sc.Answer(
        created_ms=created_ms,
        first_ms=after_ms - created_ms,
        items_ms=(spoken_ms(text) if length_ms is None else length_ms,),
        texts=(text,),
    )
