"""One open response: when each of its events is due, and how it ends.

Rule 1: ``response.done`` is sent exactly once, whatever ends the response, and after every item's.
Rule 2: nothing happens by itself; `OpenResponse.advance` performs what is due.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any, Final

import attrs

from trio_media.embedded.agent import Output
from trio_media.embedded.behaviour import ModelBehaviour
from trio_media.embedded.conversation import Conversation
from trio_media.embedded.creates import ResponseWish
from trio_media.embedded.faults import OfResponse
from trio_media.embedded.generation import (
    CallGeneration,
    Emit,
    Generation,
    Place,
    SpeechGeneration,
)
from trio_media.embedded.items import (
    AUDIO_TOKEN_MS,
    FunctionCallItem,
    ItemStatus,
    SpokenItem,
)
from trio_media.embedded.speech import Speech
from trio_media.embedded.voice_clips import PCM_RATE_HZ, AudioFormat

UNLIMITED_MS: Final = 24 * 3_600_000  # stands for "inf": no response is a day long


class StopReason(enum.Enum):
    """Why a response was cancelled."""

    CLIENT_CANCELLED = "client_cancelled"
    TURN_DETECTED = "turn_detected"


@attrs.frozen(kw_only=True)
class Surroundings:
    """What a response needs of the model session that it belongs to."""

    behaviour: ModelBehaviour
    conversation: Conversation
    conversation_id: str
    emit: Emit
    new_id: Callable[[str], str]
    """Returns a fresh id with the prefix given."""


class OpenResponse:
    """A response from its create to its ``response.done``."""

    def __init__(
        self,
        wish: ResponseWish,
        outputs: tuple[Output, ...],
        surroundings: Surroundings,
        *,
        now_s: float,
        fault: OfResponse | None = None,
    ) -> None:
        assert outputs, "a response has something to say"
        self.response_id = surroundings.new_id("resp")
        self.wish = wish
        self.is_announced = False
        """Whether ``response.created`` was sent: before it no cancel can find the response."""
        self.is_over = False
        self._outputs = outputs
        self._fault = fault
        self._around = surroundings
        self._began_s = now_s + surroundings.behaviour.created_delay_ms / 1_000
        self._due_s = self._began_s
        self._spoken_ms = 0
        self._stop: StopReason | None = None
        self._stop_at_s = math.inf
        self._finished: list[SpokenItem | FunctionCallItem] = []
        self._current: Generation | None = None
        self._budget_ms = (
            UNLIMITED_MS if wish.tokens_max is None else wish.tokens_max * AUDIO_TOKEN_MS
        )
        self._input_tokens = _context_tokens(wish)

    @property
    def due_s(self) -> float:
        """When `advance` has something to do."""
        return min(self._due_s, self._stop_at_s)

    @property
    def is_stopping(self) -> bool:
        """Whether it was cancelled and only stragglers come."""
        return self._stop is not None

    @property
    def has_spoken(self) -> bool:
        """Whether any of its speech was sent."""
        made = [*self._finished, *([self._current.item] if self._current else [])]
        return any(isinstance(item, SpokenItem) for item in made)

    def stop(self, reason: StopReason, *, now_s: float) -> None:
        """Cancel it; the first reason counts."""
        if self._stop is None:
            self._stop = reason
            self._stop_at_s = now_s + self._around.behaviour.cancel_delay_ms / 1_000

    def advance(self) -> None:
        """Perform what was due at ``due_s``."""
        assert not self.is_over, "a response that is over does nothing"
        if self._stop is not None and self._stop_at_s <= self._due_s:
            self._cut_off()
        elif not self.is_announced:
            self._announce()
            self._began_s += self._around.behaviour.first_audio_delay_ms / 1_000
            self._due_s = self._began_s
        else:
            self._make_output()

    def _cut_off(self) -> None:
        assert self._stop is not None
        if not self.is_announced:
            self._announce()
        if self._current is not None:
            self._close_current(ItemStatus.INCOMPLETE)
        self._finish("cancelled", {"type": "cancelled", "reason": self._stop.value})

    def _make_output(self) -> None:
        if self._fault is not None and self._spoken_ms >= self._fault.after_ms:
            self._break_off(self._fault)
            return
        if self._current is None:
            self._current = self._next_generation()
            self._current.open()
        piece = self._current.advance(self._budget_ms)
        self._budget_ms -= piece.spoken_ms
        self._spoken_ms += piece.spoken_ms
        # From the beginning, not from the last piece: thousands of small steps would drift.
        self._due_s = self._began_s + self._spoken_ms / 1_000 / self._around.behaviour.burst_factor
        is_exhausted = self._budget_ms <= 0
        if piece.is_last or is_exhausted:
            self._close_current(ItemStatus.COMPLETED if piece.is_last else ItemStatus.INCOMPLETE)
        if piece.is_last and len(self._finished) == len(self._outputs):
            if self._fault is None:
                self._finish("completed", None)
            else:
                # It was to say more before; what goes wrong does so all the same.
                self._break_off(self._fault)
        elif is_exhausted:
            self._finish("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})

    def _break_off(self, fault: OfResponse) -> None:
        if self._current is not None:
            self._close_current(ItemStatus.INCOMPLETE)
        self._finish(fault.status, fault.details)

    def _next_generation(self) -> Generation:
        index = len(self._finished)
        output = self._outputs[index]
        around = self._around
        place = Place(
            response_id=self.response_id,
            output_index=index,
            conversation=around.conversation if self.wish.is_default else None,
            emit=around.emit,
        )
        item_id = around.new_id("item")
        if isinstance(output, Speech):
            spoken = SpokenItem(item_id=item_id, speech=output, is_audio=self.wish.is_audio)
            return SpeechGeneration(
                spoken, place, self.wish.audio_format, around.behaviour.delta_ms
            )
        call = FunctionCallItem(
            item_id=item_id, call_id=around.new_id("call"), name=output.name, arguments=""
        )
        return CallGeneration(call, place, output.arguments)

    def _close_current(self, status: ItemStatus) -> None:
        assert self._current is not None
        self._current.close(status)
        self._finished.append(self._current.item)
        self._current = None

    def _announce(self) -> None:
        self.is_announced = True
        self._around.emit("response.created", response=self._payload("in_progress", None, None))
        self._around.emit(
            "rate_limits.updated",
            rate_limits=[
                {"name": "requests", "limit": 20_000, "remaining": 19_999, "reset_seconds": 0.003},
                {"name": "tokens", "limit": 15_000_000, "remaining": 14_995_000,
                 "reset_seconds": 0.02},
            ],
        )  # fmt: skip

    def _finish(self, status: str, details: dict[str, Any] | None) -> None:
        self.is_over = True
        self._due_s = self._stop_at_s = math.inf
        self._around.emit("response.done", response=self._payload(status, details, self._usage()))

    def _payload(
        self, status: str, details: dict[str, Any] | None, usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        wish = self.wish
        audio_format: dict[str, Any] = {"type": wish.audio_format.value}
        if wish.audio_format is AudioFormat.PCM:
            audio_format["rate"] = PCM_RATE_HZ
        return {
            "object": "realtime.response",
            "id": self.response_id,
            "status": status,
            "status_details": details,
            "output": [item.payload() for item in self._finished],
            "conversation_id": self._around.conversation_id if wish.is_default else None,
            "output_modalities": ["audio"] if wish.is_audio else ["text"],
            "max_output_tokens": "inf" if wish.tokens_max is None else wish.tokens_max,
            "audio": {"output": {"format": audio_format, "voice": wish.voice}},
            "usage": usage,
            "metadata": wish.metadata,
        }

    def _usage(self) -> dict[str, Any]:
        text_in, audio_in = self._input_tokens
        spent = [item.tokens() for item in self._finished]
        text_out = sum(text for text, _ in spent)
        audio_out = sum(audio for _, audio in spent)
        return {
            "total_tokens": text_in + audio_in + text_out + audio_out,
            "input_tokens": text_in + audio_in,
            "output_tokens": text_out + audio_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": {
                    "text_tokens": 0,
                    "audio_tokens": 0,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }


def _context_tokens(wish: ResponseWish) -> tuple[int, int]:
    """Return the text and audio tokens of what a response is asked over."""
    spent = [item.tokens() for item in wish.items]
    instructions = len(wish.instructions or "") // 4
    return instructions + sum(text for text, _ in spent), sum(audio for _, audio in spent)
