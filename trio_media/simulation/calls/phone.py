"""The carrier and the caller's telephone: it plays in real time, obeys clears and echoes marks.

Wire facts: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import attrs
import trio

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.core.units import FRAME_MS
from trio_media.simulation.calls.legs import Peer, PeerGone
from trio_media.simulation.calls.record import CARRIER, ClipHeard, Entry, Heard, Record
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.sounds import Sound, Span, caller_frame, pieces_of

LATE_MARK_MS: Final = 900  # later than any network explains, sooner than one that is lost
STREAM_SID: Final = "MZ1"
ROUNDING_MS: Final = 0.01  # of sums of times


@attrs.define
class Playing:
    """A piece of audio in the carrier's buffer."""

    begins_ms: float
    piece: Span | bytes
    """Bytes: audio without labels."""

    @property
    def ends_ms(self) -> float:
        """When it has been played."""
        if isinstance(self.piece, bytes):
            return self.begins_ms + len(self.piece) // BYTES_PER_MS
        return self.begins_ms + self.piece.length_ms

    def by(self, at_ms: float) -> Heard | ClipHeard | None:
        """What of it was heard by then."""
        heard_ms = int(min(at_ms, self.ends_ms) - self.begins_ms + ROUNDING_MS)
        if heard_ms <= 0:
            return None
        if isinstance(self.piece, bytes):
            return ClipHeard(self.begins_ms, self.piece[: heard_ms * BYTES_PER_MS])
        end_ms = self.piece.start_ms + heard_ms
        return Heard(self.begins_ms, attrs.evolve(self.piece, end_ms=end_ms))


@attrs.define
class DueMark:
    """A mark in the carrier's buffer."""

    at_ms: float
    name: str


@attrs.define(eq=False)
class Phone:
    """One caller's telephone, and the carrier between."""

    peer: Peer
    record: Record
    sound_now: Callable[[], Sound]
    """What is to be heard of the caller now."""
    call_sid: str = "CA1"
    marks_to_lose: int = 0
    marks_to_delay: int = 0
    jammed_until_ms: float = 0.0
    """The carrier does not read until then."""
    is_over: bool = False
    _began_ms: float = 0.0
    _frames: int = 0
    _sequence: int = 0
    _playing: deque[Playing] = attrs.field(factory=deque)
    _plays_until_ms: float = 0.0
    _marks: deque[DueMark] = attrs.field(factory=deque)
    _mark_came: trio.Event = attrs.field(factory=trio.Event)

    # --- what comes -------------------------------------------------------------------------

    async def listen(self) -> None:
        """Take what the server sends until it is gone."""
        try:
            while True:
                await self._stand_still()
                self._take(await self.peer.receive())
        except PeerGone:
            self.record.carrier_closed_ms = now_ms()
            self.hang_up()

    async def _stand_still(self) -> None:
        if now_ms() < self.jammed_until_ms:
            await trio.sleep_until(self.jammed_until_ms / 1_000)

    def _take(self, text: str) -> None:
        message = json.loads(text)
        kind = message["event"]
        entry = self.record.add(
            CARRIER, kind, is_ours=True, sent_ms=self.peer.last_sent_ms, came_ms=now_ms()
        )
        if message.get("streamSid") != STREAM_SID:
            entry.fields = {"streamSid": message.get("streamSid")}
        match kind:
            case "media":
                self._take_media(base64.b64decode(message["media"]["payload"]), entry)
            case "mark":
                entry.fields = {"name": message["mark"]["name"]}
                at_ms = max(now_ms(), self._plays_until_ms)
                self._marks.append(DueMark(at_ms, message["mark"]["name"]))
                self._mark_came.set()
            case "clear":
                self._clear()
            case _:
                return

    def _take_media(self, payload: bytes, entry: Entry) -> None:
        begins_ms = max(now_ms(), self._plays_until_ms)
        entry.length_ms = len(payload) // BYTES_PER_MS
        if len(payload) % (FRAME_MS * BYTES_PER_MS):
            entry.fields = {"bytes": len(payload)}
        found = pieces_of(payload)
        entry.spans = tuple(piece for _, piece in found if isinstance(piece, Span))
        self._playing.extend(Playing(begins_ms + offset_ms, piece) for offset_ms, piece in found)
        self._plays_until_ms = begins_ms + entry.length_ms
        self._play(now_ms())

    def _clear(self) -> None:
        at_ms = now_ms()
        self._play(at_ms)
        for playing in self._playing:
            self.record.note_heard(playing.by(at_ms))
        self._playing.clear()
        self._plays_until_ms = at_ms
        self._marks = deque(DueMark(at_ms, mark.name) for mark in self._marks)
        self._mark_came.set()

    def _play(self, at_ms: float) -> None:
        """What has been played by now was heard."""
        while self._playing and self._playing[0].ends_ms <= at_ms:
            self.record.note_heard(self._playing.popleft().by(at_ms))

    def heard_so_far(self) -> list[Heard]:
        """What was heard of the model until now, also of what is just playing."""
        now = self._playing_now()
        return [*self.record.heard, *([now] if isinstance(now, Heard) else [])]

    def clips_so_far(self) -> list[ClipHeard]:
        """What was heard of audio without labels until now."""
        now = self._playing_now()
        return [*self.record.clips, *([now] if isinstance(now, ClipHeard) else [])]

    def _playing_now(self) -> Heard | ClipHeard | None:
        at_ms = now_ms()
        self._play(at_ms)
        return self._playing[0].by(at_ms) if self._playing else None

    def hang_up(self) -> None:
        """The caller is gone: what was playing was heard until now."""
        if not self.is_over:
            self.is_over = True
            self._clear()

    @property
    def is_audible(self) -> bool:
        """Whether the model is heard now."""
        self._play(now_ms())
        return bool(self._playing) and self._playing[0].begins_ms <= now_ms()

    async def echo_marks(self) -> None:
        """Send marks back when all before them was played.  Runs until the connection is gone."""
        try:
            while not self.is_over:
                if not self._marks:
                    self._mark_came = trio.Event()
                    await self._mark_came.wait()
                elif (due_ms := round(self._marks[0].at_ms, 3)) > now_ms():
                    self._mark_came = trio.Event()
                    with trio.move_on_at(due_ms / 1_000):
                        await self._mark_came.wait()
                else:
                    await self._echo(self._marks.popleft())
        except PeerGone:
            return

    async def _echo(self, mark: DueMark) -> None:
        if self.marks_to_lose:
            self.marks_to_lose -= 1
            self.record.faults.append((now_ms(), "carrier loses a mark"))
        elif self.marks_to_delay:
            self.marks_to_delay -= 1
            self.record.faults.append((now_ms(), "carrier delays a mark"))
            at_ms = max([now_ms() + LATE_MARK_MS, *(other.at_ms for other in self._marks)])
            self._marks.append(DueMark(at_ms, mark.name))
        else:
            await self.event("mark", {"name": mark.name}, {"name": mark.name})

    # --- what goes --------------------------------------------------------------------------

    async def start(self, **parameters: str) -> None:
        """Begin the media stream."""
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        await self.peer.send(json.dumps(connected))
        self._began_ms = now_ms()
        start: dict[str, Any] = {
            "accountSid": "AC1",
            "streamSid": STREAM_SID,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }
        await self.event("start", start, {"call_sid": self.call_sid})

    async def event(self, kind: str, body: object, fields: dict[str, Any] | None = None) -> None:
        """Send an event that has a body of its own name.  Raises `PeerGone`."""
        self._sequence += 1
        message = {
            "event": kind,
            "sequenceNumber": str(self._sequence),
            "streamSid": STREAM_SID,
            kind: body,
        }
        entry = self.record.add(CARRIER, kind, is_ours=False, sent_ms=now_ms(), fields=fields or {})
        await self.peer.send(json.dumps(message), entry)

    async def press(self, digit: str) -> None:
        """Press a key.  Raises `PeerGone`."""
        await self.event("dtmf", {"track": "inbound_track", "digit": digit}, {"digit": digit})

    async def talk(self) -> None:
        """Send what is to be heard of the caller, a frame every 20 ms, until nobody takes it."""
        try:
            while not self.is_over:
                await trio.sleep_until((self._began_ms + (self._frames + 1) * FRAME_MS) / 1_000)
                await self._frame(self.sound_now())
        except PeerGone:
            return

    async def _frame(self, sound: Sound) -> None:
        payload = base64.b64encode(caller_frame(self._frames, sound)).decode()
        timestamp_ms = self._frames * FRAME_MS
        self._sequence += 1
        message = (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","streamSid":"{STREAM_SID}",'
            f'"media":{{"track":"inbound","chunk":"{self._frames + 1}",'
            f'"timestamp":"{timestamp_ms}","payload":"{payload}"}}}}'
        )
        self.record.caller_sent.append((now_ms(), self._frames))
        self._frames += 1
        await self.peer.send(message)

    async def stop(self) -> None:
        """Say that the media stream is over.  Raises `PeerGone`."""
        await self.event("stop", {"accountSid": "AC1", "callSid": self.call_sid})
