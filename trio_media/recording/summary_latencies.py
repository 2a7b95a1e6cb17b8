"""How fast the call was: four delays that a caller notices, and the first sound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.awaited import AwaitedAnswer

SAMPLES_MAX: Final = 1_000  # of one delay; the newest are kept

_SPEECH: Final = (ev.Reason.LOCAL_SPEECH, ev.Reason.SERVER_SPEECH)


@attrs.define
class Delay:
    """Samples of one delay."""

    samples_ms: deque[int] = attrs.field(factory=lambda: deque(maxlen=SAMPLES_MAX))
    count: int = 0

    def add(self, sample_ms: int) -> None:
        """Take in one more."""
        self.samples_ms.append(sample_ms)
        self.count += 1

    def build(self) -> dict[str, int | None]:
        """Give count, median, 95th percentile and maximum; None where there is nothing."""
        ordered = sorted(self.samples_ms)
        last = len(ordered) - 1
        return {
            "count": self.count,
            "median_ms": ordered[last // 2] if ordered else None,
            "p95_ms": ordered[-(-last * 95 // 100)] if ordered else None,
            "max_ms": ordered[-1] if ordered else None,
        }


def _nobody(_turn: str, _took_ms: int) -> None:
    """Nobody is told."""


class Latencies:
    """Measures delays by the events and commands of a call."""

    def __init__(self, answered: Callable[[str, int], None] = _nobody) -> None:
        self._answered = answered
        """Told of each turn how long its answer took."""
        self.commit_to_audio = Delay()
        self.quiet_to_audio = Delay()
        self.onset_to_clear = Delay()
        self.cancel_to_settled = Delay()
        self.first_audio_ms: int | None = None
        self._cancels_ms: dict[str, int] = {}
        self._awaited = AwaitedAnswer()
        self._quiet_before_ms: int | None = None
        """When the caller fell silent before the answer that is awaited."""
        self._onset_ms: int | None = None
        self._clear_ms: int | None = None
        self._quiet_ms: int | None = None

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in an event."""
        match event:
            case ev.CarrierWrote(seq=seq, at_ms=at_ms):
                self._wrote(seq, at_ms)
            case ev.AudioReceived(response_id=response_id, item_id=item_id):
                self._awaited.received(response_id, item_id)
            case ev.TurnCommitted(item_id=item_id):
                self._awaited.committed(item_id, t_ms)
            case ev.LocalSpeechBegan(at_ms=at_ms):
                self._onset(t_ms if at_ms is None else at_ms)
            case ev.ServerSpeechStarted():
                self._onset(t_ms)
            case ev.LocalSpeechEnded(at_ms=at_ms):
                self._onset_ms = None
                self._quiet_ms = t_ms if at_ms is None else at_ms
            case ev.ServerSpeechStopped():
                self._onset_ms = None
                self._quiet_ms = t_ms
            case _:
                pass

    def _onset(self, at_ms: int) -> None:
        if self._onset_ms is None:
            self._onset_ms = at_ms

    def command(self, command: cm.Command, t_ms: int) -> None:
        """Take in what the core ordered."""
        match command:
            case cm.ClearCarrier():
                self._clear_ms = t_ms
                self._awaited.cleared()
            case cm.Hushed():
                self._cleared(t_ms)
            case cm.Taken(reason=reason) if self._clear_ms == t_ms and reason in _SPEECH:
                self._cleared(t_ms)
            case _:
                self._answering(command, t_ms)

    def _cleared(self, t_ms: int) -> None:
        if self._onset_ms is not None:
            self.onset_to_clear.add(t_ms - self._onset_ms)
            self._onset_ms = None

    def _answering(self, command: cm.Command, t_ms: int) -> None:
        match command:
            case cm.TurnDecided():
                if self._awaited.decided(command):
                    self._quiet_before_ms = self._quiet_ms
            case cm.CreateResponse():
                self._awaited.creating(command)
            case cm.ResponseOpened():
                self._awaited.opened(command)
            case cm.PlayAudio(seq=seq, item_id=item_id):
                if self._awaited.answer is not None:
                    self._awaited.answer.playing(item_id, seq)
            case _:
                self._cancelling(command, t_ms)

    def _cancelling(self, command: cm.Command, t_ms: int) -> None:
        match command:
            case cm.CancelResponse(response_id=response_id):
                self._cancels_ms.setdefault(response_id, t_ms)
            case cm.ResponseClosed(response_id=response_id) if response_id is not None:
                cancelled_ms = self._cancels_ms.pop(response_id, None)
                if cancelled_ms is not None:
                    self.cancel_to_settled.add(t_ms - cancelled_ms)
            case _:
                pass

    def _wrote(self, seq: int, at_ms: int) -> None:
        if self.first_audio_ms is None:
            self.first_audio_ms = at_ms
        answer = self._awaited.wrote(seq)
        if answer is None:
            return
        self.commit_to_audio.add(at_ms - answer.committed_ms)
        self._answered(answer.turn, at_ms - answer.committed_ms)
        if self._quiet_before_ms is not None:
            self.quiet_to_audio.add(at_ms - self._quiet_before_ms)

    def build(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it."""
        return {
            "first_audio_ms": self.first_audio_ms,
            "commit_to_audio": self.commit_to_audio.build(),
            "quiet_to_audio": self.quiet_to_audio.build(),
            "onset_to_clear": self.onset_to_clear.build(),
            "cancel_to_settled": self.cancel_to_settled.build(),
        }
