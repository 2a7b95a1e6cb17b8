"""What waits for a wire.  Putting never blocks.

Rule 1: whoever puts then calls `write_now`, once for all that was put: what the wire takes without
a wait is on it when that returns, and no other task runs for it.  The writer task takes the rest in
batches, and everything from a wire that cannot be written to at once.
Rule 2: control overtakes audio; a mark keeps its place in it.
Rule 3: a clear removes what is not written, and is next on the wire.
Rule 4: audio to the carrier is bounded by the lead; caller audio is bounded here, the oldest is
        dropped and counted.  Control that is full means a dead wire: putting says so, and the leg
        is aborted.

The queues are lists: mostly empty ones, of which an empty deque would hold half a kilobyte.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import attrs
import trio

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.call.caller_sound import CallerSound
from trio_media.call.leg import Leg
from trio_media.core.units import CHUNK_MS, FRAME_MS

CONTROL_MAX: Final = 256  # no call has so much to say within one stalled write
CARRIER_AUDIO_MS_MAX: Final = 60_000  # the largest lead that can be configured
CARRIER_MESSAGES_MAX: Final = 2 * CARRIER_AUDIO_MS_MAX // FRAME_MS + CONTROL_MAX
"""Audio of that length in the smallest pieces, a mark behind each, and what else there may be."""
CALLER_AUDIO_MS_MAX: Final = 10_000  # a session that takes nothing for longer is lost by then
GAP_AUDIO_MS_MAX: Final = 60_000  # while there is none: it is given up by then
APPEND_MS_MAX: Final = 200  # caller audio in one message when there is a backlog
APPENDS_MAX: Final = 10  # appends in one write, so that control is never far behind


@attrs.define(eq=False)
class Wakeup:
    """Lets one task sleep until there is something to do."""

    _event: trio.Event = attrs.field(factory=trio.Event)

    def set(self) -> None:
        """Wake the sleeper, or keep it from falling asleep."""
        self._event.set()

    async def wait(self) -> None:
        """Sleep until `set`; one `set` is one wake-up."""
        await self._event.wait()
        self._event = trio.Event()


@attrs.frozen
class Outgoing:
    """One message to the carrier."""

    text: str
    audio_ms: int = 0
    seq: int = 0
    is_clear: bool = False


@attrs.frozen
class CarrierBatch:
    """Messages to the carrier that are one write."""

    texts: list[str]
    """None: they are with the leg already, which has to write the rest of them."""
    seq: int
    """Of the newest audio in it; 0: there is none."""


@attrs.define(eq=False)
class CarrierOutbox:
    """Media, marks and clears on their way to the carrier."""

    leg: Leg | None = None
    """Where to; None: nobody listens yet."""
    _waiting: list[Outgoing] = attrs.field(factory=list)
    _unfinished: CarrierBatch | None = None
    """What the leg could not write at once."""
    _wakeup: Wakeup = attrs.field(factory=Wakeup)
    _written: list[tuple[int, int]] = attrs.field(factory=list)
    _audio_ms: int = 0
    _is_clear: bool = False
    """The last clear is with the leg, and no audio behind it: another one would clear nothing."""
    is_closed: bool = False

    def put_media(self, seq: int, audio_ms: int, text: str) -> bool:
        """Queue audio.  Returns False when the outbox is full: the leg is dead."""
        self._audio_ms += audio_ms
        return self._put(Outgoing(text, audio_ms, seq)) and self._audio_ms <= CARRIER_AUDIO_MS_MAX

    def put_mark(self, text: str) -> bool:
        """Queue a mark behind the audio before it.  Returns False when the outbox is full."""
        return self._put(Outgoing(text))

    def clear(self, text: str) -> int:
        """Remove what is not handed to the stream, and queue a clear, if it clears anything.

        Returns the milliseconds of audio removed.
        """
        removed_ms = self._audio_ms
        self._waiting.clear()
        self._audio_ms = 0
        if not self._is_clear:
            self._put(Outgoing(text, is_clear=True))
        return removed_ms

    def _put(self, outgoing: Outgoing) -> bool:
        if self.is_closed:
            return True  # nothing follows the end, and nobody is told
        self._waiting.append(outgoing)
        return len(self._waiting) <= CARRIER_MESSAGES_MAX

    def write_now(self, now_ms: int) -> bool:
        """Write what the wire takes at once; have the writer take the rest.

        Returns whether audio was written: `take_progress` tells of it.
        """
        leg, has_written = self.leg, False
        while self._waiting and leg is not None and leg.is_free:
            batch = self._take_batch()
            if not leg.write_now(batch.texts):
                self._unfinished = CarrierBatch([], batch.seq)
                break
            has_written |= self.wrote(batch, now_ms)
        if self._waiting or self._unfinished is not None:
            self._wakeup.set()
        return has_written

    async def next_batch(self) -> CarrierBatch | None:
        """Wait for messages; return those of one write: at most `CHUNK_MS` of audio.

        Returns None when the outbox is closed and nothing is left of it.
        """
        while not (self._waiting or self._unfinished is not None or self.is_closed):
            await self._wakeup.wait()
        unfinished, self._unfinished = self._unfinished, None
        if unfinished is not None:
            return unfinished
        return self._take_batch() if self._waiting else None

    def _take_batch(self) -> CarrierBatch:
        texts: list[str] = []
        audio_ms = seq = 0
        while self._waiting:
            outgoing = self._waiting[0]
            audio_ms += outgoing.audio_ms
            if texts and audio_ms > CHUNK_MS:
                break
            self._waiting.pop(0)
            self._audio_ms -= outgoing.audio_ms
            if outgoing.is_clear or outgoing.audio_ms:
                self._is_clear = outgoing.is_clear
            texts.append(outgoing.text)
            seq = max(seq, outgoing.seq)
        return CarrierBatch(texts, seq)

    def wrote(self, batch: CarrierBatch, at_ms: int) -> bool:
        """The stream took a batch.  Returns whether audio was in it."""
        if batch.seq:
            self._written.append((batch.seq, at_ms))
        return bool(batch.seq)

    def take_progress(self) -> list[tuple[int, int]]:
        """Hand over what was written since the last call: (seq, at_ms), oldest first."""
        if not self._written:
            return []
        written, self._written = self._written, []
        return written

    def close(self) -> None:
        """Nothing more goes out but a clear that waits: it ends what the carrier still plays."""
        self.is_closed = True
        self._waiting = [outgoing for outgoing in self._waiting if outgoing.is_clear]
        self._wakeup.set()


def no_encoding(payload: bytes) -> str:
    """Stands in until it is known how audio is written."""
    raise AssertionError("nothing takes audio yet")


@attrs.define(eq=False)
class ModelOutbox:
    """Control and caller audio on their way to the model."""

    leg: Leg | None = None
    """Where to; None: there is no session."""
    sound: CallerSound = attrs.field(factory=CallerSound)
    """Keeps what may have to be said again to another session."""
    keeps_sound: bool = True
    """There may be another one."""
    _encode_audio: Callable[[bytes], str] = no_encoding
    _first: list[str] = attrs.field(factory=list)
    """What a session is told before all else."""
    _control: list[str] = attrs.field(factory=list)
    _audio: list[bytes] = attrs.field(factory=list)
    _wakeup: Wakeup = attrs.field(factory=Wakeup)
    _audio_bytes: int = 0
    _has_gap: bool = True
    """Audio of a time without a session waits, longer than what else may."""
    _has_unfinished: bool = False
    """The leg could not write at once all that it was given."""
    is_closed: bool = False
    append_ms: int = 0
    """Caller audio waits until there is so much of it: fewer messages, each that much later."""
    dropped_ms: int = 0
    """Caller audio that was dropped because the model did not take it."""

    def put_control(self, text: str) -> bool:
        """Queue a command.  Returns False when it will not be sent: closed or full."""
        if self.is_closed or len(self._control) >= CONTROL_MAX:
            return False
        self._control.append(text)
        return True

    def put_audio(self, payload: bytes) -> None:
        """Queue caller audio; the oldest makes room when there is too much."""
        if self.is_closed:
            return
        self._audio.append(payload)
        self._audio_bytes += len(payload)
        self._bound_audio()

    def _bound_audio(self) -> None:
        most_ms = GAP_AUDIO_MS_MAX if self._has_gap else CALLER_AUDIO_MS_MAX
        while self._audio_bytes > most_ms * BYTES_PER_MS and len(self._audio) > 1:
            dropped_bytes = len(self._audio.pop(0))
            self._audio_bytes -= dropped_bytes
            self.dropped_ms += dropped_bytes // BYTES_PER_MS

    def begin(
        self, leg: Leg, encode_audio: Callable[[bytes], str], first: Sequence[str] = ()
    ) -> None:
        """The session is confirmed: what was kept goes out, in order, and before it ``first``.

        Audio sent earlier would be misread.
        """
        self.leg, self._encode_audio = leg, encode_audio
        self._first = [*first]
        self._has_gap = self._audio_bytes > CALLER_AUDIO_MS_MAX * BYTES_PER_MS
        self.write_now()

    def lose(self) -> None:
        """The session is gone: what was to be told to it is nobody's, and audio waits."""
        self.leg = None
        self._first.clear()
        self._control.clear()
        self._has_unfinished, self._has_gap = False, True

    def say_again(self, item_ids: Collection[str]) -> None:
        """Have the next session hear what may have been lost with the last one, before all else.

        ``item_ids``: the turns of which only the sound is known.
        """
        again = self.sound.take_again(item_ids)
        size = APPEND_MS_MAX * BYTES_PER_MS
        self._audio[:0] = [again[at : at + size] for at in range(0, len(again), size)]
        self._audio_bytes += len(again)
        self._bound_audio()

    def unsent_audio(self) -> bytes:
        """Return the caller audio that waits."""
        return b"".join(self._audio)

    def write_now(self) -> None:
        """Write what the wire takes at once; have the writer take the rest."""
        leg = self.leg
        while self._has_work() and leg is not None and leg.is_free:
            if not leg.write_now(self._take_texts()):
                self._has_unfinished = True
                break
        if self._has_unfinished or self._has_work():
            self._wakeup.set()

    async def next_batch(self) -> list[str]:
        """Wait; return the messages of one write, none: the leg has something left to write.

        Returns an empty list when the outbox is closed, too.
        """
        while not (self._has_work() or self._has_unfinished or self.is_closed):
            await self._wakeup.wait()
        self._has_unfinished = False
        return self._take_texts()

    def _take_texts(self) -> list[str]:
        texts = [*self._first, *self._control]
        self._first.clear()
        self._control.clear()
        if self._has_audio():
            texts += map(self._encode_audio, self._take_audio())
        return texts

    def _has_work(self) -> bool:
        return bool(self._first or self._control) or self._has_audio()

    def _has_audio(self) -> bool:
        """Whether there is so much audio that it is sent."""
        is_enough = self._audio_bytes >= self.append_ms * BYTES_PER_MS
        return is_enough and bool(self._audio) and self.leg is not None

    def _take_audio(self) -> list[bytes]:
        pieces: list[bytes] = []
        while self._audio and len(pieces) < APPENDS_MAX:
            piece = bytearray(self._audio.pop(0))
            while self._audio and len(piece) < APPEND_MS_MAX * BYTES_PER_MS:
                piece += self._audio.pop(0)
            self._audio_bytes -= len(piece)
            if self.keeps_sound:
                self.sound.sent(piece)
            pieces.append(bytes(piece))
        if self._has_gap:
            self._has_gap = self._audio_bytes > CALLER_AUDIO_MS_MAX * BYTES_PER_MS
        return pieces

    def close(self) -> None:
        """Nothing more goes out."""
        self.is_closed = True
        self._first.clear()
        self._control.clear()
        self._audio.clear()
        self._audio_bytes = 0
        self._wakeup.set()
