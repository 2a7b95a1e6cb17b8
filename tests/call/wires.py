"""The other ends of a call's wires, over memory streams: a carrier and a model that obey a test.

They speak the real protocols through real websockets and know nothing of the package's codecs.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs
import trio
import trio_websocket

Message: TypeAlias = dict[str, Any]
Wanted: TypeAlias = Callable[[Message], bool]

FRAME_MS = 20
QUIET_FRAME = b"\xff" * 160
LOUD_FRAME = b"\x00" * 160


def speech(length_ms: int, *, start_ms: int = 0) -> bytes:
    """Audio of which every millisecond says which one it is."""
    numbers = range(start_ms, start_ms + length_ms)
    return b"".join(number.to_bytes(4, "big") * 2 for number in numbers)


def numbers_of(audio: bytes) -> list[int]:
    """The milliseconds of `speech` that some audio holds; padding is left out."""
    pieces = (audio[i : i + 8] for i in range(0, len(audio) - 7, 8))
    return [int.from_bytes(piece[:4], "big") for piece in pieces if piece != b"\xff" * 8]


async def connect_websocket(
    nursery: trio.Nursery, stream: trio.abc.Stream
) -> trio_websocket.WebSocketConnection:
    """Shake hands as a client over any stream, and take messages of any sensible size."""
    return await trio_websocket.wrap_client_stream(
        nursery,
        stream,  # type: ignore[arg-type]  # any stream will do, its documentation says
        "localhost",
        "/twilio/media",
        max_message_size=2**24,
    )


def is_type(name: str) -> Wanted:
    return lambda message: message.get("type") == name or message.get("event") == name


@attrs.define(eq=False)
class Wire:
    """One end of a websocket, with everything that came, and when."""

    websocket: trio_websocket.WebSocketConnection
    began_s: float
    came: list[tuple[int, Message]] = attrs.field(factory=list)
    said: list[tuple[int, Message]] = attrs.field(factory=list)
    closed: trio.Event = attrs.field(factory=trio.Event)
    closed_ms: int | None = None
    close_code: int | None = None
    is_deaf: bool = False
    """Does not even read."""
    _news: trio.Event = attrs.field(factory=trio.Event)

    def now_ms(self) -> int:
        return round((trio.current_time() - self.began_s) * 1_000)

    async def listen(self) -> None:
        try:
            while True:
                message = json.loads(await self.websocket.get_message())
                self.came.append((self.now_ms(), message))
                await self.on_message(message)
                self._wake()
        except trio_websocket.ConnectionClosed as closed:
            self.close_code = None if closed.reason is None else closed.reason.code
            self.closed_ms = self.now_ms()
            self.closed.set()
            self._wake()

    async def on_message(self, message: Message) -> None:
        """Subclasses answer here."""

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def send(self, message: Message) -> None:
        self.said.append((self.now_ms(), message))
        await self.websocket.send_message(json.dumps(message))

    async def wait_for(self, wanted: Wanted, *, count: int = 1) -> list[Message]:
        """Wait until so many messages satisfy ``wanted``; return all that do."""
        while True:
            found = [message for _, message in self.came if wanted(message)]
            if len(found) >= count:
                return found
            assert not self.closed.is_set(), f"closed after {[m for _, m in self.came]}"
            await self._news.wait()

    def of(self, kind: str) -> list[Message]:
        return [message for _, message in self.came if is_type(kind)(message)]

    def times_ms(self, kind: str) -> list[int]:
        return [at_ms for at_ms, message in self.came if is_type(kind)(message)]


@attrs.define(eq=False)
class Carrier(Wire):
    """Twilio's side of a call: plays in real time, and echoes marks."""

    stream_sid: str = "MZ1"
    echoes: bool = True
    mark_delay_s: float = 0.0
    """How much later than played marks come back."""
    sequence: int = 0
    played: list[tuple[float, bytes]] = attrs.field(factory=list)
    """When each piece begins to be heard; cut where a clear cut it."""
    _started_s: float = 0.0
    _plays_until_s: float = 0.0
    _marks: deque[tuple[float, str]] = attrs.field(factory=deque)
    _mark_came: trio.Event = attrs.field(factory=trio.Event)

    # --- what the caller hears ---

    async def on_message(self, message: Message) -> None:
        now_s = trio.current_time()
        if message["event"] == "media":
            payload = base64.b64decode(message["media"]["payload"])
            begins_s = max(now_s, self._plays_until_s)
            self.played.append((begins_s, payload))
            self._plays_until_s = begins_s + len(payload) / 8_000
        elif message["event"] == "mark":
            self._marks.append((max(now_s, self._plays_until_s), message["mark"]["name"]))
            self._mark_came.set()
        elif message["event"] == "clear":
            self._cut(now_s)

    def _cut(self, now_s: float) -> None:
        self.played = [(s, _until(p, now_s - s)) for s, p in self.played if s < now_s]
        self._plays_until_s = now_s
        self._marks = deque((now_s, name) for _, name in self._marks)
        self._mark_came.set()

    def stall(self, length_s: float) -> None:
        """Stand still for so long: what is not played yet is played later."""
        now_s = trio.current_time()
        split: list[tuple[float, bytes]] = []
        for begins_s, payload in self.played:
            begun = _until(payload, now_s - begins_s)
            if begun:
                split.append((begins_s, begun))
            if payload[len(begun) :]:
                split.append((max(begins_s, now_s) + length_s, payload[len(begun) :]))
        self.played = split
        self._plays_until_s = max(self._plays_until_s, now_s) + length_s
        later = [(at_s + length_s if at_s > now_s else at_s, name) for at_s, name in self._marks]
        self._marks = deque(later)
        self._mark_came.set()

    async def echo_marks(self) -> None:
        while True:
            due_s = self._marks[0][0] + self.mark_delay_s if self._marks else float("inf")
            if due_s > trio.current_time():
                self._mark_came = trio.Event()
                with trio.move_on_at(due_s):
                    await self._mark_came.wait()
                continue
            _, name = self._marks.popleft()
            if self.echoes:
                try:
                    await self.echo(name)
                except trio_websocket.ConnectionClosed:
                    return

    def heard(self) -> bytes:
        """What the caller has heard up to now."""
        now_s = trio.current_time()
        return b"".join(_until(p, now_s - s) for s, p in self.played if s < now_s)

    def is_playing(self) -> bool:
        """Whether there is audio that the caller has still to hear, or a mark to come back."""
        is_marked = self.echoes and bool(self._marks)
        return is_marked or self._plays_until_s > trio.current_time()

    def sent(self) -> bytes:
        """All audio that ever came, heard or not."""
        media = [message["media"]["payload"] for message in self.of("media")]
        return b"".join(base64.b64decode(payload) for payload in media)

    # --- what it says ---

    async def start(self, call_sid: str = "CA1", **parameters: str) -> None:
        self._started_s = trio.current_time()
        await self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {
            "accountSid": "AC1",
            "streamSid": self.stream_sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": media_format,
            "customParameters": parameters,
        }
        await self._event("start", start=start)

    async def _event(self, event: str, **fields: Any) -> None:
        self.sequence += 1
        common = {"sequenceNumber": str(self.sequence), "streamSid": self.stream_sid}
        await self.send({"event": event, **common, **fields})

    async def media(self, payload: bytes = QUIET_FRAME, *, timestamp_ms: int | None = None) -> None:
        """Send caller audio; its timestamp is now, if it is not told."""
        if timestamp_ms is None:
            timestamp_ms = round((trio.current_time() - self._started_s) * 1_000)
        media = {
            "track": "inbound",
            "chunk": "1",
            "timestamp": str(timestamp_ms),
            "payload": base64.b64encode(payload).decode(),
        }
        await self._event("media", media=media)

    async def talk(self, length_ms: int, frame: bytes = LOUD_FRAME) -> None:
        """Send frames in real time."""
        for _ in range(0, length_ms, FRAME_MS):
            await trio.sleep(FRAME_MS / 1_000)
            await self.media(frame)

    async def key(self, digit: str) -> None:
        await self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def echo(self, name: str) -> None:
        await self._event("mark", mark={"name": name})

    async def stop(self) -> None:
        await self._event("stop", stop={"accountSid": "AC1", "callSid": "CA1"})


def _until(payload: bytes, length_s: float) -> bytes:
    return payload[: 8 * max(0, round(length_s * 1_000))]


@attrs.define(eq=False)
class Model(Wire):
    """The model service's side of a call."""

    obeys: bool = True
    """Ends a response that is cancelled, and confirms changes of the session."""
    number: int = 0
    creates_taken: int = 0

    async def on_message(self, message: Message) -> None:
        if not self.obeys:
            return
        if message["type"] == "response.cancel":
            await self.done(message["response_id"], "cancelled", "client_cancelled")
        elif message["type"] == "session.update" and len(self.of("session.update")) > 1:
            await self.event("session.updated", session=message["session"])

    async def begin(self, **overrides: Any) -> Message:
        """Agree on the session that is asked for; return what was asked."""
        await self.event("session.created", session={"id": "sess_1", "type": "realtime"})
        [update] = await self.wait_for(is_type("session.update"))
        await self.event("session.updated", session={**update["session"], **overrides})
        return update

    async def event(self, kind: str, **fields: Any) -> None:
        self.number += 1
        await self.send({"type": kind, "event_id": f"event_{self.number}", **fields})

    async def error(self, code: str, event_id: str | None = None, message: str = "") -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message}
        await self.event("error", error={**error, "event_id": event_id})

    # --- responses ---

    async def next_create(self) -> Message:
        """Wait for the next create that nobody waited for yet."""
        found = await self.wait_for(is_type("response.create"), count=self.creates_taken + 1)
        self.creates_taken += 1
        return found[self.creates_taken - 1]

    async def created(self, response_id: str, create: Message | None = None) -> None:
        metadata = None if create is None else create["response"]["metadata"]
        response = {"id": response_id, "status": "in_progress", "metadata": metadata}
        await self.event("response.created", response=response)

    async def item(self, response_id: str, item_id: str) -> None:
        item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress"}
        await self.event(
            "response.output_item.added", response_id=response_id, output_index=0, item=item
        )

    async def audio(self, response_id: str, item_id: str, payload: bytes) -> None:
        """Audio, much faster than real time, in bursts of 100 ms."""
        for start in range(0, len(payload), 800):
            await self.event(
                "response.output_audio.delta",
                response_id=response_id,
                item_id=item_id,
                output_index=0,
                content_index=0,
                delta=base64.b64encode(payload[start : start + 800]).decode(),
            )

    async def calls_tool(self, response_id: str, call_id: str, name: str, arguments: str) -> None:
        item = {
            "id": f"F{call_id}",
            "type": "function_call",
            "status": "completed",
            "call_id": call_id,
            "name": name,
            "arguments": arguments,
        }
        await self.event(
            "response.output_item.done", response_id=response_id, output_index=0, item=item
        )

    async def done(
        self, response_id: str, status: str = "completed", reason: str | None = None
    ) -> None:
        details = None if reason is None else {"type": status, "reason": reason}
        response: Message = {"id": response_id, "status": status, "output": []}
        response["status_details"] = details
        await self.event("response.done", response=response)

    async def opens(self, response_id: str, item_id: str, payload: bytes = b"") -> Message:
        """Answer the next create with a response that stays open; return the create."""
        create = await self.next_create()
        await self.created(response_id, create)
        await self.item(response_id, item_id)
        await self.audio(response_id, item_id, payload)
        return create

    async def says(self, response_id: str, item_id: str, payload: bytes) -> Message:
        """Answer the next create with a whole spoken response; return the create."""
        create = await self.opens(response_id, item_id, payload)
        await self.done(response_id)
        return create

    # --- the caller, as the service hears them ---

    async def hears_start(self, item_id: str) -> None:
        await self.event("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=0)

    async def hears_stop(self, item_id: str) -> None:
        await self.event("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=500)

    async def commits(self, item_id: str) -> None:
        await self.event("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)

    async def transcribes(self, item_id: str, text: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        await self.event(kind, item_id=item_id, content_index=0, transcript=text)

    async def turn(self, item_id: str, text: str | None = None) -> None:
        """A caller's turn, from its start to its commit, and what was said in it."""
        await self.hears_start(item_id)
        await self.hears_stop(item_id)
        await self.commits(item_id)
        if text is not None:
            await self.transcribes(item_id, text)

    # --- what it got ---

    def caller_audio(self) -> bytes:
        pieces = [m["audio"] for m in self.of("input_audio_buffer.append")]
        return b"".join(base64.b64decode(piece) for piece in pieces)

    def orders(self) -> list[str]:
        """What it was told, without the caller's audio, in order."""
        kinds = [message["type"] for _, message in self.came]
        return [kind for kind in kinds if kind != "input_audio_buffer.append"]
