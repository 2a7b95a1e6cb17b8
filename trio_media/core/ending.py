"""How a call is about to end, or to be handed over: what is waited for, and for how long.

Rule 1: it ends when everything was heard: what is being said, what tools that run lead to, and
        then the words of the ending itself.
Rule 2: no wait is for ever: silence of the model ends it, and so does a bound on all of it.
Rule 3: while the caller may keep the call by speaking, it does not end in their words; what they
        say then is answered, as if no ending had been asked for.
"""

from __future__ import annotations

import attrs

from trio_media.core.units import ENDING_MAX_MS, ENDING_SILENT_MS, LEAVE_MS


@attrs.define
class Ending:
    """One ending that was asked for."""

    request: int | None
    reason: str
    is_final: bool
    """The caller cannot keep the call."""
    leaves: bool
    """The call is handed over, and does not end."""
    tool_call_id: str | None
    """The tool call that asked for it."""
    words: int | None
    """Whose words are said before; None: those that the shell has for the reason, or none."""
    has_words: bool
    """Words are to be said before, and were not asked for yet."""
    since_ms: int
    quiet_ms: int | None = None
    """Since when the model is not heard, nor the caller in words that may keep the call; None while
    one of them is."""
    left_ms: int | None = None
    """When the shell was told to hand the call over."""

    @property
    def deadline_ms(self) -> int:
        """When waiting ends, whatever is waited for."""
        if self.left_ms is not None:
            return self.left_ms + LEAVE_MS
        last_ms = self.since_ms + ENDING_MAX_MS
        return last_ms if self.quiet_ms is None else min(self.quiet_ms + ENDING_SILENT_MS, last_ms)
