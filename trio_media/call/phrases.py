"""What the model is told to say when nobody asked for words, and how words are put to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from trio_media.call.control import Words
from trio_media.call.tool import Tool
from trio_media.core.commands import Cause

EXACTLY: Final = "Say exactly this, and nothing else: {words}"
GREETING: Final = "Greet the caller. Say exactly this, and nothing else: {words}"
ASK_FOR_A_WORD: Final = (
    "The caller has said nothing for a while. Ask in a few words, in the language of the "
    "conversation, whether they are still there."
)
GOODBYE: Final = (
    "The caller does not answer any more, and the call ends now. Say goodbye in a few words, in "
    "the language of the conversation."
)
STILL_AT_IT: Final = (
    "What the caller asked for takes a while. Tell them so in a few words, in the language of the "
    "conversation. Do not guess the result, and ask nothing."
)

GO_ON: Final = (
    "Your last answer was cut off. Go on from where the conversation shows that you stopped; where "
    "it shows nothing of the answer, give it now. Do not begin anew, and do not speak of this."
)
CANNOT_SPEAK: Final = (
    "Your last answer was withheld from the caller. Tell them in a few words, in the language of "
    "the conversation, that you cannot speak about that, and ask what else you can do for them."
)


def exactly(text: str) -> Words:
    """Have the model say a text, word for word."""
    return Words(text=EXACTLY.format(words=text))


@attrs.frozen
class Phrases:
    """What the model is told of itself, to which other words are added."""

    instructions: str = ""
    """Those of the session."""

    def put(self, words: Words) -> str:
        """Give the instructions of one response for some words."""
        if words.is_alone or not self.instructions:
            return words.text
        return f"{self.instructions}\n\n{words.text}"

    def unasked(self, cause: Cause, tools: Sequence[Tool]) -> Words | None:
        """The words for a cause that brings none; None: the session's instructions are enough.

        ``tools``: those that run.
        """
        match cause:
            case Cause.SILENCE:
                return Words(text=ASK_FOR_A_WORD, is_alone=False)
            case Cause.GOODBYE:
                return Words(text=GOODBYE, is_alone=False)
            case Cause.CONTINUATION:
                return Words(text=GO_ON, is_alone=False)
            case Cause.EXPLANATION:
                return Words(text=CANNOT_SPEAK, is_alone=False)
            case Cause.FILLER:
                fillers = [tool.filler for tool in tools if tool.filler]
                return exactly(fillers[-1]) if fillers else Words(text=STILL_AT_IT, is_alone=False)
            case _:
                return None
