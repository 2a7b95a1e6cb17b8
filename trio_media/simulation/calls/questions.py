"""What is asked of a simulated model, and how it finds its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs

from trio_media.simulation.calls.scenario import Answer


@attrs.frozen
class Question:
    """What is asked of the model."""

    instructions: str | None = None
    """For this answer alone."""
    may_call_tools: bool = True


AnswerTo: TypeAlias = Callable[[Question], Answer]


@attrs.define
class InOrder:
    """Answers, one a question; when there are no more, as by default.

    Where no tool may be called none is.
    """

    answers: Sequence[Answer]
    _given: int = 0

    def __call__(self, question: Question) -> Answer:
        """Answer a question."""
        answer = self.answers[self._given] if self._given < len(self.answers) else Answer()
        self._given += 1
        return answer if question.may_call_tools else attrs.evolve(answer, tools=())
