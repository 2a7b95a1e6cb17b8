"""The caller: says one clip after the other over the model's speech, and wakes a silent model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np
from conditions import Condition, Echo
from peers import Model, Phone, sleep_until_ms, to_mulaw
from seen import FRAME_BYTES, FRAME_MS, Spoken
from sources import Clip, Sound

from trio_media.audio.g711 import decode_mulaw

AUDIBLE_S: Final = (1.2, 2.5)  # how long the model is heard before the caller speaks
CLIP_LIMIT_MS: Final = 12_000  # nobody waits longer, however little was heard
CLIP_PAUSE_MS: Final = 1_500  # after a clip: what it led to is over
WAKE_MS: Final = 4_000  # a caller to whom nobody has spoken for so long says something
WAKE_PAUSE_MS: Final = 1_000
LOST_PACKETS: Final = (0.02, 2, 20)  # how often a gap begins at a frame, and how long it is
TURN: Final = "I would like something else."
BACKCHANNEL: Final = "Okay."
WAKE: Final = "Hello? Are you still there?"


@attrs.define(eq=False, kw_only=True)
class Caller:
    """Says one clip after the other, each over the model's speech."""

    phone: Phone
    model: Model
    condition: Condition
    clips: deque[Clip]
    wakes: Iterator[Clip]
    """Without end.  Said while the model is silent, so that it has something to lose again."""
    background: Sound
    echo: Echo | None
    rng: np.random.Generator
    server_delay_ms: int
    _saying: Sound | None = None
    _heard_ms: int = 0
    _wanted_ms: float = 0.0
    _waiting_since_ms: int = 0
    _silent_ms: int = 0
    _quiet_until_ms: int = 0
    _lost: int = 0

    async def talk(self) -> None:
        """Send audio, a frame every 20 ms, until everything is said or heard."""
        self._wanted_ms = self.rng.uniform(*AUDIBLE_S) * 1_000
        limit = len(self.background) // FRAME_BYTES
        for number in range(limit):
            await sleep_until_ms((number + 1) * FRAME_MS)
            frame = await self._frame(number)
            if not self._is_lost():
                await self.phone.media(to_mulaw(frame), number * FRAME_MS)
            is_over = not self.clips and self._saying is None
            if self.condition.clip_s and is_over and self.phone.now_ms() > self._quiet_until_ms:
                return
        assert not self.clips, f"no time for {len(self.clips)} clips"

    async def _frame(self, number: int) -> Sound:
        played = await self.phone.play()
        start = number * FRAME_BYTES
        sound = self.background[start : start + FRAME_BYTES].copy()
        if self.echo is not None:
            sound += self.echo.returns(decode_mulaw(played) / 32_768)
        self._consider(is_audible=self.phone.seen.audible[-1])
        if self._saying is not None:
            piece, self._saying = self._saying[:FRAME_BYTES], self._saying[FRAME_BYTES:]
            sound[: len(piece)] += piece
            if not len(self._saying):
                self._saying = None
        return sound

    def _consider(self, *, is_audible: bool) -> None:
        """Begin to speak when the model has been heard for long enough, or not for too long."""
        self._silent_ms = 0 if is_audible else self._silent_ms + FRAME_MS
        if self._saying is not None or self.phone.now_ms() < self._quiet_until_ms:
            return
        self._heard_ms += FRAME_MS if is_audible else 0
        is_time = is_audible and self._heard_ms >= self._wanted_ms
        is_late = self.phone.now_ms() - self._waiting_since_ms >= CLIP_LIMIT_MS
        if self.clips and (is_time or is_late):
            self._say_clip(self.clips.popleft())
        elif self._silent_ms >= WAKE_MS:
            clip = next(self.wakes)
            spoken = self._say(clip, "wake", len(self.phone.seen.wakes), WAKE)
            self.phone.seen.wakes.append(spoken)
            self._quiet_until_ms = spoken.end_ms + WAKE_PAUSE_MS

    def _say_clip(self, clip: Clip) -> None:
        text = BACKCHANNEL if self.condition.is_backchannel else TURN
        spoken = self._say(clip, "turn", len(self.phone.seen.spoken), text)
        self.phone.seen.spoken.append(spoken)
        self._heard_ms = 0
        self._quiet_until_ms = self._waiting_since_ms = spoken.end_ms + CLIP_PAUSE_MS
        self._wanted_ms = self.rng.uniform(*AUDIBLE_S) * 1_000

    def _say(self, clip: Clip, kind: str, number: int, text: str) -> Spoken:
        # This frame was spoken in the 20 ms before it is sent.
        began_ms = self.phone.now_ms() - FRAME_MS
        spoken = Spoken(clip.name, began_ms + clip.onset_ms, began_ms + clip.end_ms)
        self._saying = clip.at_level(self.condition.caller_dbfs)
        self._silent_ms = 0
        turn, delay_ms = f"{kind}_{number + 1}", self.server_delay_ms
        self.model.nursery.start_soon(self.model.hears, turn, spoken, text, delay_ms)
        return spoken

    def _is_lost(self) -> bool:
        if not self.condition.loses_packets:
            return False
        chance, shortest, longest = LOST_PACKETS
        if self._lost == 0 and self.rng.random() < chance:
            self._lost = int(self.rng.integers(shortest, longest + 1))
        self._lost = max(0, self._lost - 1)
        return self._lost > 0
