"""The two machines at the ends of the legs: a phone and a model, each behind a websocket.

The phone plays in real time what it gets, obeys ``clear`` and echoes marks.  The model answers
every create at once, faster than real time, and hears the caller by the labels, as well as any
server could.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from typing import Any, Final

import attrs
import numpy as np
import trio
import trio_websocket
from seen import FRAME_BYTES, Seen, Spoken
from sources import RATE_HZ, Sound

from trio_media.audio.g711 import encode_mulaw

SILENCE: Final = b"\xff"
DELTA_MS: Final = 200
GENERATION_FACTOR: Final = 8.0  # times real time
SERVER_SILENCE_MS: Final = 500
TRANSCRIPT_MS: Final = 300

Message = dict[str, Any]


@attrs.define(eq=False)
class Phone:
    """The carrier and the caller's telephone."""

    websocket: trio_websocket.WebSocketConnection
    seen: Seen
    _held: bytearray = attrs.field(factory=bytearray)
    _marks: deque[tuple[int, str]] = attrs.field(factory=deque)
    _held_from: int = 0
    """Bytes played or cleared so far."""

    def now_ms(self) -> int:
        return round(trio.current_time() * 1_000)

    async def listen(self) -> None:
        try:
            while True:
                self._take(json.loads(await self.websocket.get_message()))
        except trio_websocket.ConnectionClosed:
            return

    def _take(self, message: Message) -> None:
        match message["event"]:
            case "media":
                self._held += base64.b64decode(message["media"]["payload"])
            case "mark":
                self._marks.append((self._held_from + len(self._held), message["mark"]["name"]))
            case "clear":
                self.seen.clears_ms.append(self.now_ms())
                self._held_from += len(self._held)
                self._held.clear()

    async def play(self) -> bytes:
        """Play one frame, and echo the marks that it passes; return what is heard."""
        frame = bytes(self._held[:FRAME_BYTES])
        del self._held[:FRAME_BYTES]
        self._held_from += len(frame)
        while self._marks and self._marks[0][0] <= self._held_from:
            await self.send("mark", mark={"name": self._marks.popleft()[1]})
        self.seen.audible.append(bool(frame))
        return frame.ljust(FRAME_BYTES, SILENCE)

    async def send(self, event: str, **fields: Any) -> None:
        message = {"event": event, "sequenceNumber": "1", "streamSid": "MZ1", **fields}
        await self.websocket.send_message(json.dumps(message))

    async def start(self) -> None:
        await self.send("connected", protocol="Call", version="1.0.0")
        start = {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        await self.send("start", start=start)

    async def media(self, payload: bytes, timestamp_ms: int) -> None:
        media = {
            "track": "inbound",
            "chunk": "1",
            "timestamp": str(timestamp_ms),
            "payload": base64.b64encode(payload).decode(),
        }
        await self.send("media", media=media)


@attrs.define(eq=False)
class Model:
    """The model service."""

    websocket: trio_websocket.WebSocketConnection
    nursery: trio.Nursery
    seen: Seen
    speech: Sound
    answer_s: float
    _cursor: int = 0
    _number: int = 0
    _open: dict[str, trio.CancelScope] = attrs.field(factory=dict)

    async def serve(self) -> None:
        await self.send("session.created", session={"id": "sess_1", "type": "realtime"})
        try:
            while True:
                text = await self.websocket.get_message()
                if "input_audio_buffer.append" not in text[:80]:
                    await self._take(json.loads(text))
        except trio_websocket.ConnectionClosed:
            return

    async def send(self, kind: str, **fields: Any) -> None:
        self._number += 1
        message = {"type": kind, "event_id": f"event_{self._number}", **fields}
        try:
            await self.websocket.send_message(json.dumps(message))
        except trio_websocket.ConnectionClosed:
            return

    async def _take(self, message: Message) -> None:
        match message["type"]:
            case "session.update":
                await self.send("session.updated", session=message["session"])
            case "response.create":
                self.nursery.start_soon(self._answer, message["response"].get("metadata"))
            case "conversation.item.truncate":
                self._note_take()
            case "response.cancel":
                self._note_take()
                scope = self._open.get(message["response_id"])
                if scope is not None:
                    scope.cancel()
            case _:
                return

    def _note_take(self) -> None:
        now_ms = round(trio.current_time() * 1_000)
        if self.seen.takes_ms[-1:] != [now_ms]:
            self.seen.takes_ms.append(now_ms)

    async def _answer(self, metadata: Message | None) -> None:
        self.seen.answers_ms.append(round(trio.current_time() * 1_000))
        self._number += 1
        name = f"resp_{self._number}"
        item = {"id": f"item_{name}", "type": "message", "role": "assistant"}
        about = {"response_id": name, "item_id": item["id"], "output_index": 0, "content_index": 0}
        response: Message = {"id": name, "status": "in_progress", "metadata": metadata}
        await self.send("response.created", response=response)
        await self.send("response.output_item.added", response_id=name, output_index=0, item=item)
        with trio.CancelScope() as scope:
            self._open[name] = scope
            for _ in range(0, int(self.answer_s * 1_000), DELTA_MS):
                delta = base64.b64encode(self._next_speech()).decode()
                await self.send("response.output_audio.delta", delta=delta, **about)
                await trio.sleep(DELTA_MS / 1_000 / GENERATION_FACTOR)
        del self._open[name]
        status = "cancelled" if scope.cancelled_caught else "completed"
        details = {"type": status, "reason": "client_cancelled"} if scope.cancelled_caught else None
        over = {"id": name, "status": status, "status_details": details, "output": []}
        await self.send("response.done", response=over)

    def _next_speech(self) -> bytes:
        samples = DELTA_MS * RATE_HZ // 1_000
        piece = np.take(self.speech, range(self._cursor, self._cursor + samples), mode="wrap")
        self._cursor += samples
        return to_mulaw(piece)

    async def hears(self, turn: str, spoken: Spoken, text: str, delay_ms: int) -> None:
        """Hear a turn of the caller, as late as a server does."""
        await sleep_until_ms(spoken.onset_ms + delay_ms)
        buffer = "input_audio_buffer"
        await self.send(f"{buffer}.speech_started", item_id=turn, audio_start_ms=0)
        await sleep_until_ms(spoken.end_ms + SERVER_SILENCE_MS)
        await self.send(f"{buffer}.speech_stopped", item_id=turn, audio_end_ms=0)
        await self.send(f"{buffer}.committed", item_id=turn, previous_item_id=None)
        await trio.sleep(TRANSCRIPT_MS / 1_000)
        kind = "conversation.item.input_audio_transcription.completed"
        await self.send(kind, item_id=turn, content_index=0, transcript=text)


async def sleep_until_ms(at_ms: int) -> None:
    await trio.sleep_until(at_ms / 1_000)


def to_mulaw(sound: Sound) -> bytes:
    return encode_mulaw(np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16))
