"""What an application asks of a call, noted for the judges, and what the call finds wrong itself.

Implements `call.record.CallObserver`.  The wires cannot tell that somebody asked the model to
speak; without it a create of the application's own would look like one that nothing asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.simulation.calls.record import Asked, Record, Wish
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.seen import Broken


@attrs.define(eq=False)
class Watch:
    """The observer of one call."""

    record: Record
    broken: list[Broken] = attrs.field(factory=list)
    """Promises that the call itself found broken."""
    _interrupting: dict[int, Asked] = attrs.field(factory=dict)

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Note what was asked."""
        match event:
            case ev.SpeechRequested(say=say, protected=protected) if say is not ev.Say.GREETING:
                self._note(Wish.SPEAK, "asked").is_protected = protected
            case ev.HangUpRequested():
                self._note(Wish.HANG_UP, "asked")
            case ev.InterruptRequested(request=request, through=through):
                self._interrupting[request] = self._note(Wish.INTERRUPT)
                self._interrupting[request].is_partial = through is not None
            case _:
                return

    def _note(self, wish: Wish, outcome: str | None = None) -> Asked:
        asked = Asked(wish, now_ms(), outcome, None if outcome is None else now_ms())
        self.record.asked.append(asked)
        return asked

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """Note how interruptions ended."""
        for command in commands:
            if isinstance(command, cm.InterruptionSettled) and command.request is not None:
                asked = self._interrupting.pop(command.request, None)
                if asked is not None:
                    asked.outcome, asked.settled_ms = command.outcome.value, now_ms()

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """Keep what the call found broken."""
        if kind == "broken_invariant":
            self.broken.append(Broken("the core", now_ms(), str(fields.get("promise"))))

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """Nothing: the wires tell."""

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """Nothing: the wires tell."""
