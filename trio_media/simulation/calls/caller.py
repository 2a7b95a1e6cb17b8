"""The simulated caller: what they say, and when.  They listen, too."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from trio_media.core.units import FRAME_MS
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.scenario import Beeps, Coughs, Speaks, SpeaksOver
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.sounds import Sound

Noise = Speaks | SpeaksOver | Coughs | Beeps
SOUNDS: Final = {Coughs: Sound.COUGH, Beeps: Sound.BEEP}


@attrs.define(eq=False)
class Caller:
    """One caller.  Asked every 20 ms what is to be heard of them."""

    record: Record
    is_model_audible: Callable[[], bool]
    _planned: list[Speaks | Coughs | Beeps] = attrs.field(factory=list)
    """By their times, which are those of the clock."""
    _waiting: deque[SpeaksOver] = attrs.field(factory=deque)
    text: str = ""
    """What they said last."""
    _sound: Sound = Sound.QUIET
    _until_ms: float = 0.0
    _heard_ms: int = 0

    def plan(self, act: Noise) -> None:
        """Be heard when the time for it comes; what is over the model waits for its turn."""
        if isinstance(act, SpeaksOver):
            self._waiting.append(act)
        else:
            insort(self._planned, act, key=lambda a: a.at_ms)

    def sound_now(self) -> Sound:
        """Say what is to be heard now; what was planned meanwhile begins when its turn comes."""
        if now_ms() >= self._until_ms:
            self._sound = Sound.QUIET
            act = self._next()
            if act is not None:
                self._begin(act)
        return self._sound

    def _next(self) -> Noise | None:
        if self._planned and self._planned[0].at_ms <= now_ms():
            return self._planned.pop(0)
        self._heard_ms += FRAME_MS if self.is_model_audible() else 0
        if self._waiting and self._heard_ms >= self._waiting[0].heard_ms:
            return self._waiting.popleft()
        return None

    def _begin(self, act: Noise) -> None:
        begins_ms = now_ms()
        self._until_ms = begins_ms + act.length_ms
        self._sound = SOUNDS.get(type(act), Sound.VOICE)
        if not isinstance(act, Beeps):
            self.text = "" if isinstance(act, Coughs) else act.text
        self._heard_ms = 0
        # This frame was spoken in the 20 ms before it is sent.
        self.record.voiced_ms.append((begins_ms - FRAME_MS, self._until_ms - FRAME_MS))
