"""How long callers wait for answers: the model owes one, and nobody is heard.

Rule 1: an answer that never comes is waited for until the call is over.
Rule 2: whoever speaks while they wait is not waiting; when they fall silent they are again.
"""

from __future__ import annotations

import attrs

from trio_media.core import commands as cm
from trio_media.core.awaited import AwaitedAnswer


@attrs.define(eq=False)
class DeadAir:
    """Of one call.  What gives milliseconds gives those that are newly known."""

    _awaited: AwaitedAnswer = attrs.field(factory=AwaitedAnswer)
    _owes: bool = False
    _is_caller_heard: bool = False
    _since_ms: int | None = None
    """When it fell silent; None: it is not."""

    def committed(self, item_id: str, t_ms: int) -> None:
        """A turn of the caller is over."""
        self._awaited.committed(item_id, t_ms)

    def decided(self, command: cm.TurnDecided, *, is_model_heard: bool) -> None:
        """It is known what becomes of a turn."""
        answer = self._awaited.answer if self._awaited.decided(command) else None
        if answer is None or is_model_heard:
            return
        self._owes = True
        if self._since_ms is None and not self._is_caller_heard:
            self._since_ms = answer.committed_ms

    def caller_began(self, t_ms: int) -> int:
        """The caller is heard."""
        self._is_caller_heard = True
        return self._broken(t_ms)

    def caller_ended(self, t_ms: int) -> None:
        """The caller is heard no more."""
        self._is_caller_heard = False
        if self._owes and self._since_ms is None:
            self._since_ms = t_ms

    def model_began(self, t_ms: int) -> int:
        """The model is heard: whatever it says, it owes nothing any more.  Also: all is over."""
        self._owes = False
        return self._broken(t_ms)

    def _broken(self, t_ms: int) -> int:
        since_ms, self._since_ms = self._since_ms, None
        return 0 if since_ms is None else max(0, t_ms - since_ms)
