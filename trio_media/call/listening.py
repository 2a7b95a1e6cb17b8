"""The caller's ear: onsets at once, and the voice model's verdicts when they come.

```
 inbound_audio ── Listener: onsets, inline ─────────────────────► barge_in_detection ──► owner
                     │ audio, while there is something to interrupt      ▲
                     └──────────────► judge_voice ── verdicts ───────────┘
```

Rule 1: an onset never waits for the voice model, and caller audio never waits for either.
Rule 2: the voice model hears only what may matter: there is something to interrupt, and the line is
not silent.  It hears a little of what was before, so that it does not begin in mid-word.
Rule 3: audio that finds no room on its way to the model is dropped and counted; a model that fails
is lost for the rest of the call, and speech is then confirmed by its length alone.
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
from trio_media.audio.silero import Judged, SileroModel, VoiceTrack
from trio_media.call.line import Line
from trio_media.core import events as ev
from trio_media.errors import JudgeLost

LETTERS_MAX: Final = 16  # edges and verdicts that wait for the owner; more is no speech
BATCHES_MAX: Final = 12  # 500 ms of audio on its way to the voice model; older is no interruption
BATCH_MS: Final = 40  # of audio that goes to the voice model at once
PREROLL_FRAMES: Final = 5  # heard by the voice model before it is first asked
SILENT_DBFS: Final = -55.0  # no voice is below it; the comfort noise of a line is
LINGER_MS: Final = 300  # audio goes on to the voice model so long after the line fell silent


class VoiceJudge(Protocol):
    """Says how likely some audio is a human voice.  One for all calls of a process."""

    async def judge(self, track: VoiceTrack) -> Judged:
        """Judge the next chunk of a track, of which one waits.

        Raises `JudgeLost`.  **Cancellation:** the chunk is lost; the track must not be used again.
        """
        ...


@attrs.define
class InlineJudge:
    """Judges at once and in the caller's task: for a virtual clock, which waits for no thread."""

    model: SileroModel = attrs.field(factory=SileroModel)

    async def judge(self, track: VoiceTrack) -> Judged:
        """Judge the next chunk of a track."""
        await trio.lowlevel.checkpoint()
        return silero.judge(self.model, [track])[0]


@attrs.frozen
class CallerAudio:
    """Audio for the voice model; batches follow each other, but for pauses."""

    at_ms: int
    payload: bytes


@attrs.frozen
class JudgePaused:
    """The voice model is not asked from ``at_ms`` on."""

    at_ms: int


@attrs.frozen
class JudgeGone:
    """The voice model will not be asked any more."""

    at_ms: int
    reason: str


Heard: TypeAlias = SpeechTransition | Judged | JudgePaused | JudgeGone


@attrs.define(eq=False)
class Listener:
    """The inline half of the ear.  The carrier's reader owns it."""

    line: Line
    onsets: Detector
    echo: EchoGate
    """Fed with what the carrier plays, too."""
    heard: trio.MemorySendChannel[Heard]
    to_judge: trio.MemorySendChannel[CallerAudio] | None
    """None: there is no voice model."""
    _before: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=PREROLL_FRAMES))
    _batch: bytearray = attrs.field(factory=bytearray)
    _batch_at_ms: int = 0
    _is_feeding: bool = False
    _loud_until_ms: int = 0
    _is_speaking: bool = False

    async def hear(self, payload: bytes, at_ms: int) -> None:
        """Take in mu-law audio whose first sample was spoken at ``at_ms``."""
        clean = self.echo.hear(payload, at_ms, is_speaking=self._is_speaking)
        for transition in self.onsets.hear(payload, at_ms):
            self._is_speaking = transition.edge is not SpeechEdge.ENDED
            await self.heard.send(transition)
        if self.to_judge is not None:
            await self._feed(clean, at_ms, self.to_judge)

    async def _feed(
        self, payload: bytes, at_ms: int, to_judge: trio.MemorySendChannel[CallerAudio]
    ) -> None:
        if level_dbfs(payload) > SILENT_DBFS:
            self._loud_until_ms = at_ms + LINGER_MS
        is_wanted = self.line.is_interruptible and at_ms < self._loud_until_ms
        is_wanted = is_wanted and not self.echo.may_be_echo(at_ms)
        if is_wanted:
            self._collect(payload, at_ms)
            if len(self._batch) >= BATCH_MS * BYTES_PER_MS:
                self._pass_on(to_judge)
            return
        self._before.append(payload)
        if self._is_feeding:
            self._is_feeding = False
            self._batch.clear()
            await self.heard.send(JudgePaused(at_ms))

    def _collect(self, payload: bytes, at_ms: int) -> None:
        if not self._is_feeding:
            self._is_feeding = True
            self._batch = bytearray(b"".join(self._before))
            self._before.clear()
            self._batch_at_ms = at_ms - len(self._batch) // BYTES_PER_MS
        elif not self._batch:
            self._batch_at_ms = at_ms
        self._batch += payload

    def _pass_on(self, to_judge: trio.MemorySendChannel[CallerAudio]) -> None:
        audio = CallerAudio(self._batch_at_ms, bytes(self._batch))
        self._batch.clear()
        try:
            to_judge.send_nowait(audio)
        except trio.WouldBlock:
            self.line.tally.count("judge_dropped_ms", len(audio.payload) // BYTES_PER_MS)
        except trio.BrokenResourceError:
            self.to_judge = None  # the voice model is lost, and barge_in_detection knows


def start_listening(
    nursery: trio.Nursery,
    line: Line,
    onsets: Detector,
    echo: EchoGate,
    ear: LocalEar,
    judge: VoiceJudge | None,
) -> Listener:
    """Start the tasks of the ear; return the half of it that is none.

    ``judge`` None: there is no voice model.
    """
    send_heard, heard = trio.open_memory_channel[Heard](LETTERS_MAX)
    nursery.start_soon(barge_in_detection, heard, ear, line)
    if judge is None:
        return Listener(line, onsets, echo, send_heard, None)
    to_judge, audio = trio.open_memory_channel[CallerAudio](BATCHES_MAX)
    nursery.start_soon(judge_voice, audio, judge, send_heard.clone())
    return Listener(line, onsets, echo, send_heard, to_judge)


async def judge_voice(
    audio: trio.MemoryReceiveChannel[CallerAudio],
    judge: VoiceJudge,
    heard: trio.MemorySendChannel[Heard],
) -> None:
    """Ask the voice model about the audio that comes.  Runs until the model is lost."""
    track = VoiceTrack()
    async with audio, heard:
        async for batch in audio:
            track.feed(batch.payload, batch.at_ms)
            while track.is_waiting:
                try:
                    verdict = await judge.judge(track)
                except JudgeLost as lost:
                    await heard.send(JudgeGone(batch.at_ms, str(lost)))
                    return
                await heard.send(verdict)


async def barge_in_detection(
    heard: trio.MemoryReceiveChannel[Heard], ear: LocalEar, line: Line
) -> None:
    """Report what the caller's speech does.  Runs until the channel closes."""
    async with heard:
        async for letter in heard:
            for transition in _hear(ear, letter, line):
                # By the carrier's clock it may seem to lie ahead of ours.
                at_ms = min(transition.at_ms, line.now_ms())
                await line.send_inbox.send(_EVENTS[transition.edge](at_ms))


def _hear(ear: LocalEar, letter: Heard, line: Line) -> list[SpeechTransition]:
    match letter:
        case SpeechTransition():
            return ear.onset(letter)
        case Judged():
            return ear.judged(letter)
        case JudgePaused(at_ms=at_ms):
            return ear.pause(at_ms)
        case JudgeGone(at_ms=at_ms, reason=reason):
            line.note("voice_model_lost", reason=reason)
            line.tally.count("voice_model_losses")
            return ear.lose_judge(at_ms)


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
