"""The phone's end of one call: what it says, hears and keeps, without a wait.

Rule 1: nothing here awaits, so a message is numbered, noted and queued in one step and tasks may
call it in any order.
Rule 2: frame n holds what was spoken from n * 20 ms on and is due when those 20 ms are over.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping
from typing import Final

import attrs
import trio

from trio_media.audio.g711 import BYTES_PER_MS, SAMPLE_RATE_HZ
from trio_media.errors import RemoteProtocolError
from trio_media.phone import record, wire
from trio_media.phone.connection import Connection
from trio_media.phone.hearing import FRAME_BYTES, FRAME_MS, Hearing
from trio_media.phone.play_buffer import Echo, PlayBuffer
from trio_media.phone.script import CallerVoice, LineAct

KEPT_MS_MIN: Final = 1_000  # of the past, where nothing is recorded
_EPSILON_SAMPLES: Final = 1e-3  # a timer that fires exactly on time must not count as early


@attrs.define(eq=False)
class Line:
    """One call."""

    identity: wire.CallIdentity
    connection: Connection
    voice: CallerVoice
    parameters: Mapping[str, str]
    records_audio: bool
    records_wire: bool
    listener: Callable[[bytes], None] | None
    buffer: PlayBuffer = attrs.field(factory=PlayBuffer)
    hearing: Hearing = attrs.field(factory=Hearing)
    is_over: bool = False
    """The call ended: nothing that still arrives is heard."""
    blocked_ms_max: float = 0.0
    _began_at: float = attrs.field(factory=trio.current_time)
    _ended_at: int = 0
    _frames: int = 0
    _sequence: int = 0
    _media_received: int = 0
    _media_received_bytes: int = 0
    _caller_audio: bytearray = attrs.field(factory=bytearray)
    _wire: list[record.WireEntry] = attrs.field(factory=list)
    _clears_ms: list[float] = attrs.field(factory=list)
    _marks: list[record.MarkEcho] = attrs.field(factory=list)
    _onsets: list[record.Onset] = attrs.field(factory=list)
    _lateness_ms: array[float] = attrs.field(factory=lambda: array("f"))
    _violations: list[str] = attrs.field(factory=list)

    def begin(self, at: float) -> None:
        """Put ``connected`` and ``start``; the call's time runs from ``at`` (Trio's clock)."""
        self._began_at = at
        self.connection.put(wire.encode_connected())
        self._note(True, "connected")
        start = wire.encode_start(self.identity, self._number(), self.parameters)
        self.connection.put(start)
        self._note(True, "start")

    @property
    def wakes_at(self) -> float:
        """Trio's time of the next frame or mark, whichever is due first."""
        due_at = (self._frames + 1) * FRAME_BYTES
        mark_at = self.buffer.next_mark_due_at
        return self._began_at + min(due_at, due_at if mark_at is None else mark_at) / SAMPLE_RATE_HZ

    @property
    def now_ms(self) -> float:
        """Milliseconds since the call began."""
        return self._now() / BYTES_PER_MS

    def speak(self) -> LineAct | None:
        """Echo the marks and put the frames that are due, all of them after a stall.

        Stops early at the frame in which the caller does something to the line, and returns that.
        """
        self._echo(self.buffer.due_marks(self._now()))
        while (self._frames + 1) * FRAME_BYTES <= self._now():
            act = self._speak_frame()
            if act is not None:
                return act
        return None

    def take(self, message: str | bytes) -> None:
        """Do what a message of the server says."""
        if self.is_over:
            return
        now = self._now()
        try:
            match wire.decode(message, stream_sid=self.identity.stream_sid):
                case wire.ServerMedia(payload):
                    self._media_received += 1
                    self._media_received_bytes += len(payload)
                    self.buffer.put_media(payload, now)
                    self._note(False, "media", audio_bytes=len(payload))
                case wire.ServerMark(name):
                    echoes = self.buffer.put_mark(name, now)
                    self._note(False, "mark", name)
                    self._echo(echoes)
                case wire.ServerClear():
                    self._clears_ms.append(now / BYTES_PER_MS)
                    echoes = self.buffer.clear(now)
                    self._note(False, "clear")
                    self._echo(echoes)
        except RemoteProtocolError as exc:
            # The carrier warns and goes on; so does the phone, and the record tells.
            self._note(False, "violation", str(exc))
            if len(self._violations) < record.VIOLATIONS_MAX:
                self._violations.append(str(exc))

    def put_stop(self) -> None:
        """Put the last message."""
        self.connection.put(wire.encode_stop(self.identity, self._number()))
        self._note(True, "stop")

    def end(self) -> None:
        """Stop the call's time.  Only the first call counts."""
        if not self.is_over:
            self.is_over = True
            self._ended_at = self._now()

    def to_record(self, ended_by: record.CallEnd, detail: str) -> record.CallRecord:
        """Return all that is known.  The call must have ended."""
        assert self.is_over
        buffer, ms = self.buffer, BYTES_PER_MS
        closed = self.connection.closed
        first_media = buffer.first_media_at
        return record.CallRecord(
            identity=self.identity,
            ended_by=ended_by,
            detail=detail,
            close_code=closed.code if closed else None,
            duration_ms=self._ended_at / ms,
            caller_audio=bytes(self._caller_audio),
            heard_audio=buffer.audio(0, self._ended_at) if self.records_audio else b"",
            wire=tuple(self._wire),
            frames_sent=self._frames,
            media_received=self._media_received,
            media_received_bytes=self._media_received_bytes,
            bytes_discarded=buffer.bytes_discarded,
            first_media_ms=None if first_media is None else first_media / ms,
            first_audible_ms=self.hearing.first_audible_at_ms,
            clears_ms=tuple(self._clears_ms),
            marks=tuple(self._marks),
            onsets=tuple(self._onsets),
            gaps=tuple(record.GapHeard(g.begins_at / ms, g.samples / ms) for g in buffer.gaps),
            lateness_ms=tuple(self._lateness_ms),
            blocked_ms_max=self.blocked_ms_max,
            violations=tuple(self._violations),
        )

    def _now(self) -> int:
        """Samples since the call began."""
        elapsed_s = trio.current_time() - self._began_at
        return math.floor(elapsed_s * SAMPLE_RATE_HZ + _EPSILON_SAMPLES)

    def _number(self) -> int:
        self._sequence += 1
        return self._sequence

    def _speak_frame(self) -> LineAct | None:
        at_ms = self._frames * FRAME_MS
        if self._frames:
            self._hear(self._frames * FRAME_BYTES)
        frame = self.voice.frame(at_ms, self.hearing)
        assert len(frame.payload) == FRAME_BYTES, len(frame.payload)
        if frame.is_onset:
            self._onsets.append(record.Onset(at_ms, self.hearing.is_audible))
        self._frames += 1
        self._lateness_ms.append((self._now() - self._frames * FRAME_BYTES) / BYTES_PER_MS)
        if self.records_audio:
            self._caller_audio += frame.payload
        media = wire.encode_media(
            self.identity,
            self._number(),
            chunk=self._frames,
            timestamp_ms=at_ms,
            payload=frame.payload,
        )
        self.connection.put(media)
        self._note(True, "media", audio_bytes=FRAME_BYTES)
        for digit in frame.keys:
            self.connection.put(wire.encode_dtmf(self.identity, self._number(), digit))
            self._note(True, "dtmf", digit)
        return frame.act

    def _hear(self, until: int) -> None:
        """Listen to the 20 ms before sample ``until``, which nothing can change any more."""
        heard = self.buffer.audio(until - FRAME_BYTES, until)
        self.hearing.hear(heard)
        if self.listener is not None:
            self.listener(heard)
        if not self.records_audio and until % (KEPT_MS_MIN * BYTES_PER_MS) == 0:
            self.buffer.forget_before(until - FRAME_BYTES)

    def _echo(self, echoes: list[Echo]) -> None:
        for echo in echoes:
            self.connection.put(wire.encode_mark(self.identity, self._number(), echo.name))
            self._note(True, "mark", echo.name)
            arrived_ms, echoed_ms = echo.arrived_at / BYTES_PER_MS, self.now_ms
            if len(self._marks) < record.WIRE_ENTRIES_MAX:
                mark = record.MarkEcho(echo.name, arrived_ms, echoed_ms, echo.was_cleared)
                self._marks.append(mark)

    def _note(self, is_sent: bool, event: str, detail: str = "", audio_bytes: int = 0) -> None:
        if not self.records_wire or len(self._wire) >= record.WIRE_ENTRIES_MAX:
            return
        now = self._now()
        buffered_ms = self.buffer.buffered(now) / BYTES_PER_MS
        entry = record.WireEntry(
            now / BYTES_PER_MS, is_sent, event, detail, audio_bytes, buffered_ms
        )
        self._wire.append(entry)
