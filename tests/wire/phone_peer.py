"""A carrier with a caller: it speaks Media Streams, plays in real time, and misbehaves at will."""

from __future__ import annotations

import base64
import json
import math
import socket
import struct
from collections import deque
from typing import Final

import attrs
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from .stamps import FRAME_BYTES, FRAME_MS, Stamp, quiet_caller, read_speech, voice_clip
from .wire_log import Message, WireLog, comes_true, until

FRAME_S: Final = FRAME_MS / 1_000


@attrs.define(eq=False)
class Played:
    """One media message in the play buffer."""

    begins_s: float
    speech: list[Stamp | None]
    cut_s: float = math.inf

    def heard(self, now_s: float) -> list[Stamp | None]:
        until_s = min(now_s, self.cut_s)
        return self.speech[: max(0, int((until_s - self.begins_s) * 1_000))]

    @property
    def ends_s(self) -> float:
        return self.begins_s + len(self.speech) / 1_000


@attrs.define(eq=False)
class Phone:
    """One call's caller and carrier.  ``run`` it; then do what a caller does."""

    call: int
    log: WireLog
    transport: trio.SocketStream
    websocket: WebSocketConnection
    call_sid: str
    stream_sid: str
    echoes_marks: bool = True
    mark_delay_s: float = 0.0
    is_reading: bool = True
    is_sending: bool = True
    """False: the caller's audio stops, as on hold or with loss."""
    problems: list[str] = attrs.field(factory=list)
    played: list[Played] = attrs.field(factory=list)
    closed_s: float | None = None
    close_code: int | None = None
    is_stopped: bool = False
    _plays_until_s: float = 0.0
    _marks: deque[tuple[float, str]] = attrs.field(factory=deque)
    _voice: deque[bytes] = attrs.field(factory=deque)
    _sequence: int = 0
    _sent_ms: int = 0

    async def start(self) -> None:
        await self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "accountSid": "AC1",
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        await self._event("start", start=start)

    async def run(self) -> None:
        """Speak, listen and echo marks until the server closes."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak)
            nursery.start_soon(self._echo)
            try:
                await self._listen()
            finally:
                await trio.aclose_forcefully(self.transport)
            nursery.cancel_scope.cancel()

    # --- what a caller does -----------------------------------------------------------------

    def talk(self, clip: str = "hold_on", times: int = 1) -> None:
        """Say something, from the next frame on."""
        audio = voice_clip(clip) * times
        frames = (audio[i : i + FRAME_BYTES] for i in range(0, len(audio), FRAME_BYTES))
        self._voice.extend(frames)

    def hush(self) -> None:
        """Say no more."""
        self._voice.clear()

    async def cough(self) -> None:
        """Make a noise too short for speech, and wait until it is over."""
        self.talk("cough")
        await until(lambda: not self._voice, "the cough to end")

    async def press(self, digit: str) -> None:
        await self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def echo(self, name: str) -> None:
        """Echo a mark, whoever sent it."""
        await self._event("mark", mark={"name": name})

    async def stop(self) -> None:
        """Hang up politely."""
        self.is_stopped = True
        await self._event("stop", stop={"accountSid": "AC1", "callSid": self.call_sid})

    async def reset(self) -> None:
        """Be gone, without a word."""
        self.is_stopped = True
        self.log.add("carrier", "close", {}, ours=False)
        self.transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self.transport)

    async def close(self) -> None:
        """Close without a stop."""
        self.is_stopped = True
        self.log.add("carrier", "close", {}, ours=False)
        with trio.move_on_after(0.3):
            await self.websocket.aclose()

    async def send_raw(self, text: str) -> None:
        """Send what no carrier sends."""
        self.log.add("carrier", "nonsense", {"text": text}, ours=False)
        await self.websocket.send_message(text)

    # --- what was heard ---------------------------------------------------------------------

    def heard(self, *, at_s: float | None = None) -> list[Stamp]:
        """Everything the caller heard of the model, in order, repetitions included."""
        now_s = trio.current_time() if at_s is None else at_s
        return [ms for played in self.played for ms in played.heard(now_s) if ms is not None]

    def heard_ms(self, response: int, item: int | None = None) -> int:
        """How much of a response, or of one item, was heard at all."""
        return len(
            {ms for ms in self.heard() if ms.response == response and item in (None, ms.item)}
        )

    def held_ms(self) -> int:
        """What the carrier still has to play."""
        return max(0, int((self._plays_until_s - trio.current_time()) * 1_000))

    async def until_heard(self, response: int, length_ms: int, item: int | None = None) -> None:
        await until(
            lambda: self.heard_ms(response, item) >= length_ms,
            f"{length_ms} ms of response {response} to be heard",
        )

    # --- the wire ---------------------------------------------------------------------------

    async def _send(self, message: Message) -> None:
        kind = message["event"]
        self.log.add("carrier", "in" if kind == "media" else kind, message, ours=False)
        try:
            await self.websocket.send_message(json.dumps(message))
        except (ConnectionClosed, trio.ClosedResourceError, trio.BrokenResourceError):
            return

    async def _event(self, kind: str, **fields: object) -> None:
        self._sequence += 1
        head = {"event": kind, "sequenceNumber": str(self._sequence), "streamSid": self.stream_sid}
        await self._send({**head, **fields})

    async def _speak(self) -> None:
        began_s = trio.current_time()
        frame = 0
        while not self.is_stopped:
            payload = self._voice.popleft() if self._voice else quiet_caller(self.call)
            if self.is_sending:
                media = {
                    "track": "inbound",
                    "chunk": str(frame + 1),
                    "timestamp": str(frame * FRAME_MS),
                    "payload": base64.b64encode(payload).decode(),
                }
                await self._event("media", media=media)
            frame += 1
            await trio.sleep_until(began_s + frame * FRAME_S)

    async def _echo(self) -> None:
        while True:
            now_s = trio.current_time()
            while self._marks and self._marks[0][0] + self.mark_delay_s <= now_s:
                _, name = self._marks.popleft()
                if self.echoes_marks and not self.is_stopped:
                    await self.echo(name)
            await trio.sleep(0.01)

    async def _listen(self) -> None:
        try:
            while True:
                await comes_true(lambda: self.is_reading, math.inf)
                text = await self.websocket.get_message()
                self._take(json.loads(text))
        except ConnectionClosed as closed:
            self.close_code = None if closed.reason is None else closed.reason.code
        self.closed_s = self.log.now_s()
        self.log.add("carrier", "closed", {"code": self.close_code}, ours=True)

    def _take(self, message: Message) -> None:
        now_s = trio.current_time()
        kind = message.get("event")
        entry = self.log.add("carrier", str(kind), message, ours=True)
        if message.get("streamSid") != self.stream_sid:
            self.problems.append(f"wrong streamSid: {entry}")
        if kind == "media":
            self._play(base64.b64decode(message["media"]["payload"]), message, now_s)
        elif kind == "mark":
            self._marks.append((max(now_s, self._plays_until_s), message["mark"]["name"]))
        elif kind == "clear":
            self._clear(now_s)
        else:
            self.problems.append(f"not a message for a carrier: {entry}")

    def _play(self, payload: bytes, message: Message, now_s: float) -> None:
        try:
            speech = read_speech(payload)
        except ValueError as error:
            self.problems.append(f"media: {error}")
            return
        message["speech"] = speech
        begins_s = max(now_s, self._plays_until_s)
        self.played.append(Played(begins_s, speech))
        self._plays_until_s = self.played[-1].ends_s
        message["held_ms"] = self.held_ms()

    def _clear(self, now_s: float) -> None:
        for played in self.played:
            if played.ends_s > now_s:
                played.cut_s = min(played.cut_s, now_s)
        self._plays_until_s = min(self._plays_until_s, now_s)
        self._marks = deque((min(due_s, now_s), name) for due_s, name in self._marks)
