"""Which words of a text were heard."""

from __future__ import annotations


def heard_text(text: str, heard_ms: int, received_ms: int) -> str:
    """Return the words of a text that were heard, when so much of its audio was.

    As many characters as the share of the audio, rounded down to whole words: an estimate, for no
    service says which word belongs to which millisecond.  A text without any spaces has no words to
    be found, and is cut between two characters.
    """
    count = len(text) * heard_ms // max(received_ms, 1)
    if count >= len(text):
        return text
    words = text.split()
    if len(words) > 1 and not text[count].isspace():
        count = max((at for at in range(count + 1) if text[at].isspace()), default=0)
    return text[:count].rstrip()
