"""What a model session hears: frames, whether one is missing, and where a turn begins and ends.

Rule 1: a frame is known by its stamp; where a bridge changes the audio, only its loudness is left.
"""

from __future__ import annotations

import enum
from array import array
from typing import Final

import stamps
from tally import Tally

SPEECH_FRAMES: Final = 6  # 120 ms of speech until it is called that
SILENCE_FRAMES: Final = 25  # 500 ms until the turn is over
PAUSE_FRAMES: Final = 10  # 200 ms between words are none
LOUD_PCM: Final = 600  # of 32,768: less than `stamps.is_loud`, for a filter makes onsets soft
PCM_FRAME_BYTES: Final = 960  # 20 ms at 24 kHz
NUMBERS: Final = 1 << 16  # of frames, until they begin again


class Turn(enum.Enum):
    """What became of the caller's turn."""

    BEGAN = "began"
    ENDED = "ended"


class Ear:
    """One session's."""

    def __init__(self, call: int, tally: Tally) -> None:
        self.call = call
        """As the frames say; until then, as we were told."""
        self.is_pcm = False
        self._tally = tally
        self._carry = b""
        self._last_frame: int | None = None
        self._speech_run = 0
        self._silence_run = 0
        self._in_turn = False

    def hear(self, audio: bytes) -> list[Turn]:
        """Take audio of any length; return where a turn began or ended in it."""
        size = PCM_FRAME_BYTES if self.is_pcm else stamps.FRAME_BYTES
        self._tally.audio_ms += len(audio) * 20 / size
        if self._carry:
            audio = self._carry + audio
        whole = len(audio) - len(audio) % size
        self._carry = audio[whole:]
        turns = (self._hear_frame(audio[at : at + size]) for at in range(0, whole, size))
        return [turn for turn in turns if turn is not None]

    def _hear_frame(self, audio: bytes) -> Turn | None:
        tally = self._tally
        tally.frames += 1
        stamp = None if self.is_pcm else stamps.read(audio)
        if stamp is None:
            tally.unstamped_frames += 1
            return self._attend(self._is_loud(audio))
        is_speech, at_us, number, self.call = stamp
        tally.frame_us.append(stamps.since_us(at_us))
        if self._last_frame is not None and number != (self._last_frame + 1) % NUMBERS:
            ahead = (number - self._last_frame - 1) % NUMBERS
            if ahead < NUMBERS // 2:
                tally.missing += ahead
            else:
                tally.out_of_order += 1
        self._last_frame = number
        return self._attend(is_speech)

    def _is_loud(self, audio: bytes) -> bool:
        if self.is_pcm:
            return max(array("h", audio)[::3]) > LOUD_PCM
        return stamps.is_loud(audio)

    def _attend(self, is_speech: bool) -> Turn | None:
        if is_speech:
            self._speech_run += 1
            self._silence_run = 0
            if self._speech_run == 1 and not self._in_turn:
                self._tally.onsets.append((self.call, stamps.now_us()))
            if self._speech_run == SPEECH_FRAMES and not self._in_turn:
                self._in_turn = True
                return Turn.BEGAN
            return None
        self._silence_run += 1
        if self._silence_run >= PAUSE_FRAMES:
            self._speech_run = 0
        if self._in_turn and self._silence_run == SILENCE_FRAMES:
            self._in_turn = False
            return Turn.ENDED
        return None
