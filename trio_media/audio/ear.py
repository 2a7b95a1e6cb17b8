"""The local ear of one call: what the onset detector and the voice model say together.  Pure.

The onset detector hears at once and is easily fooled; the voice model comes a moment later and
knows better.  Together they say when speech began, was a voice, was confirmed and ended.

Rule 1: either of them may begin speech.  What the onset detector began is ended by the voice model
when it hears no voice in it for `DENY_MS`, and does not begin again until the onset has ended.
Rule 2: speech ends when neither hears any more of it.
Rule 3: while the voice model is not asked, its last word is forgotten.
Rule 4: with a voice model, it alone says that there is a voice, and that it wants the floor.  Where
there is none, or when it fails, the onset detector's own confirmation counts.
"""

from __future__ import annotations

from typing import Final

from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.audio.onset import EdgeTracker
from trio_media.audio.silero import CHUNK_MS, Judged

VOICE_MIN: Final = 0.5  # the probability from which a chunk counts as a voice
NEAR_DBFS: Final = -40.0  # a caller's vowels are louder; people behind them are not
DOUBT_MIN: Final = 0.3  # below it there is no voice at all
DENY_MS: Final = 256  # no voice for so long: a consonant is shorter


class LocalEar:
    """Merges the edges of the onset detector and the verdicts of the voice model."""

    def __init__(self, *, voice_ms: int, confirm_ms: int, has_judge: bool) -> None:
        """``voice_ms``: how long a voice must be heard to be one.  ``confirm_ms``: how long speech
        must last to be confirmed.  ``has_judge``: verdicts of the voice model will come."""
        self.has_judge = has_judge
        """False: nothing but the onset detector is heard, or is any more."""
        self._voice = EdgeTracker(confirm_ms, voice_ms=voice_ms, frame_ms=CHUNK_MS)
        self._has_onset = False
        self._is_heard = False
        self._said: set[SpeechEdge] = set()
        """What was said of the speech that is heard."""
        self._voiceless_from_ms = 0
        self._paused_ms = 0

    def onset(self, transition: SpeechTransition) -> list[SpeechTransition]:
        """Take in an edge of the onset detector."""
        match transition.edge:
            case SpeechEdge.BEGAN:
                self._has_onset = True
                self._voiceless_from_ms = transition.at_ms
                return self._begin(transition.at_ms)
            case SpeechEdge.ENDED:
                self._has_onset = False
                return [] if self._voice.is_speaking else self._end(transition.at_ms)
            case _:
                return [] if self.has_judge or not self._is_heard else self._say(transition)

    def judged(self, verdict: Judged) -> list[SpeechTransition]:
        """Take in a verdict of the voice model; verdicts come in order."""
        out: list[SpeechTransition] = []
        if verdict.end_ms <= self._paused_ms or not self.has_judge:
            return out
        is_voice = verdict.probability >= VOICE_MIN and verdict.dbfs >= NEAR_DBFS
        for edge in self._voice.hear(is_voice, verdict.end_ms):
            if edge.edge is SpeechEdge.BEGAN:
                out += self._begin(edge.at_ms)
            elif edge.edge is not SpeechEdge.ENDED:
                out += self._say(edge)
            elif not self._has_onset:
                out += self._end(edge.at_ms)
        return out + self._deny(verdict)

    def may_say(self, verdicts: int, end_ms: int) -> bool:
        """Whether so many more verdicts, on audio up to ``end_ms``, may say anything.

        Where they may not, they can be given later, but before anything else is taken in.
        """
        if verdicts >= self._voice.frames_until_edge():
            return True
        return self._is_heard and end_ms - self._voiceless_from_ms >= DENY_MS

    def pause(self, at_ms: int) -> list[SpeechTransition]:
        """The voice model is not asked from here on, until it is; late verdicts say nothing."""
        self._paused_ms = at_ms
        self._voice.end(at_ms)
        return [] if self._has_onset else self._end(at_ms)

    def lose_judge(self, at_ms: int) -> list[SpeechTransition]:
        """The voice model fails: the onset detector is on its own."""
        self.has_judge = False
        return self.pause(at_ms)

    def _deny(self, verdict: Judged) -> list[SpeechTransition]:
        if verdict.probability >= DOUBT_MIN or self._voice.is_speaking:
            self._voiceless_from_ms = verdict.end_ms
        voiceless_ms = verdict.end_ms - self._voiceless_from_ms
        return self._end(verdict.end_ms) if voiceless_ms >= DENY_MS else []

    def _begin(self, at_ms: int) -> list[SpeechTransition]:
        if self._is_heard:
            return []
        self._is_heard = True
        self._said.clear()
        return [SpeechTransition(SpeechEdge.BEGAN, at_ms)]

    def _say(self, edge: SpeechTransition) -> list[SpeechTransition]:
        """Say what the speech is, once: an onset may outlast a pause of the voice model."""
        if edge.edge in self._said:
            return []
        self._said.add(edge.edge)
        return [edge]

    def _end(self, at_ms: int) -> list[SpeechTransition]:
        if not self._is_heard:
            return []
        self._is_heard = False
        return [SpeechTransition(SpeechEdge.ENDED, at_ms)]
