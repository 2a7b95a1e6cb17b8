"""The transcripts of the caller's turns, each a little after its commit."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.embedded.behaviour import ModelBehaviour
from trio_media.embedded.generation import Emit
from trio_media.embedded.items import CallerAudioItem

PENDING_MAX: Final = 64  # with more, the oldest is given at once
_KIND: Final = "conversation.item.input_audio_transcription"


@attrs.frozen(kw_only=True)
class _Pending:
    due_s: float
    item: CallerAudioItem


class Transcriber:
    """What one model session claims to have understood."""

    def __init__(self, behaviour: ModelBehaviour, emit: Emit) -> None:
        self._behaviour = behaviour
        self._emit = emit
        self._pending: list[_Pending] = []

    @property
    def due_s(self) -> float | None:
        """When `advance` has something to do; None: nothing is pending."""
        return self._pending[0].due_s if self._pending else None

    def ask(self, item: CallerAudioItem, now_s: float) -> None:
        """Have a turn transcribed, as it was understood; one without words gives an empty text."""
        if len(self._pending) >= PENDING_MAX:
            self.advance()
        due_s = now_s + self._behaviour.transcription_delay_ms / 1_000
        self._pending.append(_Pending(due_s=due_s, item=item))

    def advance(self) -> None:
        """Give the oldest pending transcript."""
        pending = self._pending.pop(0)
        item = pending.item
        place = {"item_id": item.item_id, "content_index": 0}
        if self._behaviour.transcription_fails:
            error = {
                "type": "server_error",
                "code": "transcription_failed",
                "message": "The caller's audio could not be transcribed.",
                "param": None,
            }
            self._emit(f"{_KIND}.failed", **place, error=error)
            return
        item.transcript = item.understood
        if item.transcript:
            self._emit(f"{_KIND}.delta", **place, delta=item.transcript)
        usage = {"type": "duration", "seconds": item.length_ms / 1_000}
        self._emit(f"{_KIND}.completed", **place, transcript=item.transcript, usage=usage)

    def forget_all(self) -> None:
        """Give no transcript any more."""
        self._pending.clear()
