"""How a call ended, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "caller_hung_up": "The caller hung up.",
    "hung_up": "It was hung up here, at once.",
    "ended": "It was ended here, when all was heard.",
    "transferred": "The caller was handed over.",
    "silence": "Nobody said anything any more.",
    "max_call_s": "It had lasted as long as a call may.",
    "carrier_lost": "The carrier's connection was lost.",
    "replaced": "The call went on in another media stream.",
    "carrier_protocol_error": "What the carrier sent could not be understood.",
    "model_lost": "The model was lost.",
    "start_timeout": "The media stream never began.",
    "refused": "It was not taken.",
    "crashed": "An error of ours ended it.",
    "call_ended": "The media stream ended.",
}
"""By the reason.  Others are named as they are: an application has its own."""


def end_in_words(reason: str, by: str = "") -> str:
    """Say how a call ended; ``by``: ``carrier`` or ``us``."""
    said = WORDS.get(reason)
    if said is not None:
        return said
    whose = "by the carrier" if by == "carrier" else "here"
    return f"It was ended {whose}: {reason.replace('_', ' ') or 'no reason was given'}."
