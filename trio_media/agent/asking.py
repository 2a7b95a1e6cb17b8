"""What an application may ask of a call, judged before it is asked: words, endings, whom to dial.

Rule 1: what makes no sense is an `AgentError` that says what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import attrs

from trio_media.call.control import Words
from trio_media.call.phrases import exactly
from trio_media.errors import AgentError, LocalProtocolError
from trio_media.telephony.twiml import Dial, Verb, dial_target, voice_response

IfInterrupted: TypeAlias = Literal["stay", "hang_up"]
HUNG_UP: Final = "hung_up"
TRANSFERRED: Final = "transferred"


@attrs.frozen(kw_only=True)
class Ending:
    """How a call is to end, or to be handed over."""

    reason: str = HUNG_UP
    words: Words | None = None
    """Said before."""
    is_final: bool = False
    """The caller cannot keep the call by speaking."""
    onward: Sequence[Verb] = ()
    """What the call is handed over to."""


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise `AgentError` for a value that is none of a few."""
    if value not in allowed:
        raise AgentError(f"{name}: one of {', '.join(allowed)}, not {value!r}")


def written(text: str) -> str:
    """Return a text that says something."""
    if not text.strip():
        raise AgentError("a text to be said or sent must not be empty")
    return text


def exact_words(text: str) -> Words:
    """Have the model say exactly this: no tools, nothing of its own."""
    return exactly(written(text))


def words_before(say: str | None) -> Words | None:
    """Return what is to be said before something else, if anything is."""
    return None if say is None else exact_words(say)


def is_final(if_interrupted: IfInterrupted) -> bool:
    """Whether a call ends though the caller speaks."""
    check_choice("if_interrupted", if_interrupted, ("stay", "hang_up"))
    return if_interrupted == "hang_up"


def dial_verb(to: str, *, caller_id: str, ring_s: float) -> Dial:
    """Dial a number or a SIP address.  Whole seconds of ringing, rounded up."""
    try:
        verb = Dial(target=dial_target(to), caller_id=caller_id, timeout_s=math.ceil(ring_s))
        voice_response([verb])
    except (LocalProtocolError, OverflowError, ValueError) as wrong:
        raise AgentError(f"transfer: {wrong}") from None
    return verb
