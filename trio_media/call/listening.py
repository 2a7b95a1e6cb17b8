"""The caller's ear: onsets at once, and the voice model's verdicts when they come.

```
 inbound_audio ── Listener: onsets, inline ── ear ── transitions ──► barge_in_detection ──► owner
                     │ audio, while there is         ▲
                     │ something to interrupt        │ verdicts
                     └──────────► track ──► VoiceJudge
```

Rule 1: an onset never waits for the voice model, and caller audio never waits for either.
Rule 2: the voice model hears only what may matter: there is something to interrupt, and the line is
not silent.  It hears a little of what was before, so that it does not begin in mid-word.
Rule 3: audio that waits for the model for too long is dropped and counted; a model that fails is
lost for the rest of the call, and speech is then confirmed by its length alone.
Rule 4: a chunk on which no verdict could say anything waits for those behind it: several in a row
cost the model little more than one.  An onset and a pause first settle what waits.
Rule 5: a verdict is taken in where it is made, without a task of its own: most change nothing.
Only transitions go to `barge_in_detection`, which waits for the owner in their place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

import attrs
import trio

from trio_media.audio import silero
from trio_media.audio.detector import Detector, SpeechEdge, SpeechTransition
from trio_media.audio.ear import LocalEar
from trio_media.audio.echo import EchoGate
from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.audio.levels import level_dbfs
from trio_media.audio.silero import CHUNK_MS, Judged, SileroModel, VoiceTrack
from trio_media.call.line import Line
from trio_media.core import events as ev
from trio_media.errors import JudgeLost

TRANSITIONS_MAX: Final = 16  # that wait for the owner; more is no speech
WAITING_MAX: Final = (
    15  # chunks that wait for the voice model: older than 480 ms interrupts nothing
)
BATCH_MS: Final = 40  # of audio that goes to the voice model at once
PREROLL_FRAMES: Final = 5  # heard by the voice model before it is first asked
SILENT_DBFS: Final = -55.0  # no voice is below it; the comfort noise of a line is
LINGER_MS: Final = 300  # audio goes on to the voice model so long after the line fell silent


class Asker(Protocol):
    """Who wants to know about one caller's voice."""

    @property
    def track(self) -> VoiceTrack:
        """The audio that it is about."""
        ...

    def judged(self, verdict: Judged) -> None:
        """Take in the verdict on a chunk of the track; they come in order."""
        ...

    def judge_lost(self, reason: str) -> None:
        """There will be no more verdicts."""
        ...


class VoiceJudge(Protocol):
    """Says how likely some audio is a human voice.  One for all calls of a process."""

    def ask(self, asker: Asker) -> None:
        """Have all chunks judged that wait in the asker's track, now or soon.

        Whoever asks again before that asks once.  A track that waits for nothing any more, because
        it was told to forget, is left alone.
        """
        ...

    def settle(self, asker: Asker) -> None:
        """Judge what waits in the asker's track now, if that takes no waiting."""
        ...


@attrs.define
class InlineJudge:
    """Judges while it is asked: for a virtual clock, in which nothing takes time."""

    model: SileroModel = attrs.field(factory=SileroModel)

    def ask(self, asker: Asker) -> None:
        """Judge all chunks that wait."""
        self.settle(asker)

    def settle(self, asker: Asker) -> None:
        """Judge all chunks that wait."""
        try:
            while asker.track.is_waiting:
                asker.judged(silero.judge(self.model, [asker.track])[0])
        except JudgeLost as lost:
            asker.judge_lost(str(lost))


@attrs.define(eq=False)
class Listener:
    """The inline half of the ear.  The carrier's reader owns it; the judge tells it verdicts."""

    line: Line
    onsets: Detector
    echo: EchoGate
    """Fed with what the carrier plays, too."""
    ear: LocalEar
    said: trio.MemorySendChannel[SpeechTransition]
    judge: VoiceJudge | None
    """None: there is no voice model, or none any more."""
    track: VoiceTrack = attrs.field(factory=VoiceTrack)
    _before: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=PREROLL_FRAMES))
    _batch: bytearray = attrs.field(factory=bytearray)
    _batch_at_ms: int = 0
    _is_feeding: bool = False
    _loud_until_ms: int = 0
    _is_speaking: bool = False
    _unsaid: deque[SpeechTransition] = attrs.field(factory=deque)
    """What found no room.  Bounded: nothing more of the caller is heard before it is sent, and of
    what was heard at most `WAITING_MAX` chunks are still to be judged."""
    _is_over: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether `catch_up` has anything to do."""
        return bool(self._unsaid)

    async def catch_up(self) -> None:
        """Wait for an owner that does not keep up.  Before more is heard, while ``is_behind``."""
        while self._unsaid:
            await self.said.send(self._unsaid.popleft())

    def hear(self, payload: bytes, at_ms: int) -> None:
        """Take in mu-law audio whose first sample was spoken at ``at_ms``."""
        clean = self.echo.hear(payload, at_ms, is_speaking=self._is_speaking)
        for transition in self.onsets.hear(payload, at_ms):
            self._is_speaking = transition.edge is not SpeechEdge.ENDED
            if transition.edge is SpeechEdge.BEGAN:  # an end is the same before and after them
                self._settle()
            self._say(self.ear.onset(transition))
        if self.judge is not None:
            self._feed(clean, at_ms, self.judge)

    def judged(self, verdict: Judged) -> None:
        """Take in a verdict of the voice model."""
        self._say(self.ear.judged(verdict))

    def judge_lost(self, reason: str) -> None:
        """The voice model will not be asked any more."""
        self.judge = None
        self.track.forget()
        if not self._is_over:
            self.line.note("voice_model_lost", reason=reason)
            self.line.tally.count("voice_model_losses")
            self._say(self.ear.lose_judge(self._batch_at_ms))

    def leave(self) -> None:
        """The call is over: a verdict that is still to come is of no use."""
        self._is_over = True
        self.judge = None
        self.track.forget()

    def _settle(self) -> None:
        """Have the verdicts on what was heard before, and does not depend on what comes now."""
        if self.judge is not None and self.track.is_waiting:
            self.judge.settle(self)

    def _say(self, transitions: list[SpeechTransition]) -> None:
        for transition in transitions:
            if self._is_over:
                return
            if self._unsaid:  # nothing overtakes it
                self._unsaid.append(transition)
                continue
            try:
                self.said.send_nowait(transition)
            except trio.WouldBlock:
                self._unsaid.append(transition)

    def _feed(self, payload: bytes, at_ms: int, judge: VoiceJudge) -> None:
        if level_dbfs(payload) > SILENT_DBFS:
            self._loud_until_ms = at_ms + LINGER_MS
        is_wanted = self.line.is_interruptible and at_ms < self._loud_until_ms
        if is_wanted and not self.echo.may_be_echo(at_ms):
            self._collect(payload, at_ms)
            if len(self._batch) >= BATCH_MS * BYTES_PER_MS:
                self._pass_on(judge)
            return
        self._before.append(payload)
        if self._is_feeding:
            self._is_feeding = False
            self._batch.clear()
            self._settle()
            self._say(self.ear.pause(at_ms))

    def _collect(self, payload: bytes, at_ms: int) -> None:
        if not self._is_feeding:
            self._is_feeding = True
            self._batch = bytearray(b"".join(self._before))
            self._before.clear()
            self._batch_at_ms = at_ms - len(self._batch) // BYTES_PER_MS
        elif not self._batch:
            self._batch_at_ms = at_ms
        self._batch += payload

    def _pass_on(self, judge: VoiceJudge) -> None:
        """Let what was collected wait for the voice model, and nothing that has waited too long."""
        track = self.track
        if track.waiting >= WAITING_MAX:
            self.line.tally.count("judge_dropped_ms", track.waiting * CHUNK_MS)
            track.forget()
        track.feed(bytes(self._batch), self._batch_at_ms)
        self._batch.clear()
        if track.is_waiting and self.ear.may_say(track.waiting, track.newest_ms):
            judge.ask(self)


def start_listening(
    nursery: trio.Nursery,
    line: Line,
    onsets: Detector,
    echo: EchoGate,
    ear: LocalEar,
    judge: VoiceJudge | None,
) -> Listener:
    """Start the task of the ear; return the half of it that is none.

    ``judge`` None: there is no voice model.
    """
    send_said, said = trio.open_memory_channel[SpeechTransition](TRANSITIONS_MAX)
    listener = Listener(line, onsets, echo, ear, send_said, judge)
    nursery.start_soon(barge_in_detection, said, listener)
    return listener


async def barge_in_detection(
    said: trio.MemoryReceiveChannel[SpeechTransition], listener: Listener
) -> None:
    """Report what the caller's speech does.  Runs until the call is over."""
    line = listener.line
    with said:
        try:
            async for transition in said:
                # By the carrier's clock it may seem to lie ahead of ours.
                at_ms = min(transition.at_ms, line.now_ms())
                await line.tell_owner(_EVENTS[transition.edge](at_ms))
        finally:
            listener.leave()  # before the channel closes: a verdict may come at any moment


_LocalSpeech: TypeAlias = (
    type[ev.LocalSpeechBegan]
    | type[ev.LocalSpeechVoiced]
    | type[ev.LocalSpeechConfirmed]
    | type[ev.LocalSpeechEnded]
)
_EVENTS: Final[Mapping[SpeechEdge, _LocalSpeech]] = {
    SpeechEdge.BEGAN: ev.LocalSpeechBegan,
    SpeechEdge.VOICED: ev.LocalSpeechVoiced,
    SpeechEdge.CONFIRMED: ev.LocalSpeechConfirmed,
    SpeechEdge.ENDED: ev.LocalSpeechEnded,
}
