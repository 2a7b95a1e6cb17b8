"""One call through the real call path, in virtual time: a phone, a model, a caller who talks.

Both legs are websockets over memory.  The phone plays in real time what it gets, obeys ``clear``
and echoes marks; what it plays comes back as echo.  The model answers every create at once with
half a minute of speech, faster than real time, and hears the caller by the labels, as well as any
server could.
"""

from __future__ import annotations

import base64
import json
import logging
from collections import deque
from typing import Any, Final

import attrs
import numpy as np
import trio
import trio_websocket
from conditions import Condition, Echo
from policies import Policy
from sources import RATE_HZ, Clip, Sound
from trio.testing import MockClock, memory_stream_pair

from trio_media.audio.g711 import decode_mulaw, encode_mulaw
from trio_media.call.run import run_call

FRAME_MS: Final = 20
FRAME_BYTES: Final = 160
SILENCE: Final = b"\xff"
AUDIBLE_S: Final = (1.2, 2.5)  # how long the model is heard before the caller speaks
AFTER_MS: Final = 1_000  # after the caller's last word: what happens then is still about it
CLIP_LIMIT_S: Final = 20.0  # a model that is silent for so long will not be interrupted
ANSWER_S: Final = 30.0  # of speech in one answer
UNTAKEN_ANSWER_S: Final = 300.0  # where nobody is to take it
DELTA_MS: Final = 200
GENERATION_FACTOR: Final = 8.0  # times real time
SERVER_SILENCE_MS: Final = 500
TRANSCRIPT_MS: Final = 300
LOST_PACKETS: Final = (0.02, 2, 20)  # how often a gap begins at a frame, and how long it is

Message = dict[str, Any]


@attrs.define
class Spoken:
    """One clip, as it was said, in ms of the call."""

    name: str
    onset_ms: int
    end_ms: int
    was_silent: bool
    """The model was silent already when it began."""


@attrs.define
class Seen:
    """What the wires showed, in ms of the call."""

    spoken: list[Spoken] = attrs.field(factory=list)
    clears_ms: list[int] = attrs.field(factory=list)
    takes_ms: list[int] = attrs.field(factory=list)
    """When the model was told that it is interrupted: by a cancel, a truncation or both."""
    audible: list[bool] = attrs.field(factory=list)
    """Whether the model was heard, frame by frame."""
    given_up: int = 0
    """Clips that were never said, because the model was never heard."""


class Silent(logging.Handler):
    """The call logs to nobody."""


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
        self.seen.audible.append(bool(frame.strip(SILENCE)))
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
        await _sleep_until_ms(spoken.onset_ms + delay_ms)
        buffer = "input_audio_buffer"
        await self.send(f"{buffer}.speech_started", item_id=turn, audio_start_ms=0)
        await _sleep_until_ms(spoken.end_ms + SERVER_SILENCE_MS)
        await self.send(f"{buffer}.speech_stopped", item_id=turn, audio_end_ms=0)
        await self.send(f"{buffer}.committed", item_id=turn, previous_item_id=None)
        await trio.sleep(TRANSCRIPT_MS / 1_000)
        kind = "conversation.item.input_audio_transcription.completed"
        await self.send(kind, item_id=turn, content_index=0, transcript=text)


async def _sleep_until_ms(at_ms: int) -> None:
    await trio.sleep_until(at_ms / 1_000)


def to_mulaw(sound: Sound) -> bytes:
    return encode_mulaw(np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16))


@attrs.define(eq=False, kw_only=True)
class Caller:
    """Says one clip after the other, each over the model's speech."""

    phone: Phone
    model: Model
    condition: Condition
    clips: deque[Clip]
    background: Sound
    echo: Echo | None
    rng: np.random.Generator
    server_delay_ms: int
    _saying: Sound | None = None
    _heard_ms: int = 0
    _wanted_ms: float = 0.0
    _waiting_ms: int = 0
    _quiet_until_ms: int = 0
    _lost: int = 0

    async def talk(self) -> None:
        """Send audio, a frame every 20 ms, until everything is said or heard."""
        self._wanted_ms = self.rng.uniform(*AUDIBLE_S) * 1_000
        limit = len(self.background) // FRAME_BYTES
        for number in range(limit):
            await _sleep_until_ms((number + 1) * FRAME_MS)
            frame = await self._frame(number)
            if not self._is_lost():
                await self.phone.media(to_mulaw(frame), number * FRAME_MS)
            is_over = not self.clips and self._saying is None
            if self.condition.clip_s and is_over and self.phone.now_ms() > self._quiet_until_ms:
                return

    async def _frame(self, number: int) -> Sound:
        played = await self.phone.play()
        start = number * FRAME_BYTES
        sound = self.background[start : start + FRAME_BYTES].copy()
        if self.echo is not None:
            sound += self.echo.returns(decode_mulaw(played) / 32_768)
        if self.condition.clip_s is not None:
            self._consider(is_audible=self.phone.seen.audible[-1])
        if self._saying is not None:
            piece, self._saying = self._saying[:FRAME_BYTES], self._saying[FRAME_BYTES:]
            sound[: len(piece)] += piece
            if not len(self._saying):
                self._saying = None
        return sound

    def _consider(self, *, is_audible: bool) -> None:
        """Begin to speak when the model has been heard for long enough."""
        if self._saying is not None or self.phone.now_ms() < self._quiet_until_ms:
            return
        self._waiting_ms += FRAME_MS
        self._heard_ms += FRAME_MS if is_audible else 0
        if self._waiting_ms > CLIP_LIMIT_S * 1_000 and self.clips:
            self.clips.popleft()
            self.phone.seen.given_up += 1
            self._waiting_ms = 0
        elif self._heard_ms >= self._wanted_ms and is_audible and self.clips:
            self._begin(self.clips.popleft())

    def _begin(self, clip: Clip) -> None:
        # This frame was spoken in the 20 ms before it is sent.
        began_ms = self.phone.now_ms() - FRAME_MS
        clears_ms = self.phone.seen.clears_ms
        onset_ms, end_ms = began_ms + clip.onset_ms, began_ms + clip.end_ms
        is_hushed = bool(clears_ms) and not any(self.phone.seen.audible[-5:])
        spoken = Spoken(clip.name, onset_ms, end_ms, is_hushed)
        self.phone.seen.spoken.append(spoken)
        self._saying = clip.at_level(self.condition.caller_dbfs)
        text = "Okay." if self.condition.is_backchannel else "I would like something else."
        turn = f"turn_{len(self.phone.seen.spoken)}"
        self.model.nursery.start_soon(self.model.hears, turn, spoken, text, self.server_delay_ms)
        self._heard_ms = self._waiting_ms = 0
        self._quiet_until_ms = end_ms + AFTER_MS + 500
        self._wanted_ms = self.rng.uniform(*AUDIBLE_S) * 1_000

    def _is_lost(self) -> bool:
        if not self.condition.loses_packets:
            return False
        chance, shortest, longest = LOST_PACKETS
        if self._lost == 0 and self.rng.random() < chance:
            self._lost = int(self.rng.integers(shortest, longest + 1))
        self._lost = max(0, self._lost - 1)
        return self._lost > 0


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """All there is to one call."""

    condition: Condition
    policy: Policy
    clips: tuple[Clip, ...]
    background: Sound
    speech: Sound
    """The model's."""
    seed: int


def play(scene: Scene) -> Seen:
    """Hold the call, in virtual time; return what the wires showed."""
    return trio.run(_play, scene, clock=MockClock(autojump_threshold=0))


async def _play(scene: Scene) -> Seen:
    seen = Seen()
    rng = np.random.default_rng(scene.seed)
    log = logging.getLogger("ears")
    log.propagate = False
    log.addHandler(Silent())
    async with trio.open_nursery() as nursery:
        near, far = memory_stream_pair()
        models: list[Model] = []
        is_taken = scene.condition.clip_s is not None and not scene.condition.is_backchannel
        answer_s = ANSWER_S if is_taken else UNTAKEN_ANSWER_S
        ready = trio.Event()

        async def connect() -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(serve_model, theirs)
            return ours

        async def serve_model(stream: trio.abc.Stream) -> None:
            request = await trio_websocket.wrap_server_stream(
                nursery, stream, max_message_size=2**24
            )
            model = Model(await request.accept(), nursery, seen, scene.speech, answer_s)
            models.append(model)
            ready.set()
            await model.serve()

        async def call() -> None:
            config, judge, options = scene.policy.make(connect)
            await run_call(far, config=config, log=log, judge=judge, options=options)

        nursery.start_soon(call)
        websocket = await trio_websocket.wrap_client_stream(
            nursery, near, "localhost", "/twilio/media", max_message_size=2**24
        )
        phone = Phone(websocket, seen)
        nursery.start_soon(phone.listen)
        await phone.start()
        await ready.wait()
        caller = Caller(
            phone=phone,
            model=models[0],
            condition=scene.condition,
            clips=deque(scene.clips),
            background=scene.background,
            echo=Echo.of(scene.condition, rng, scene.speech),
            rng=rng,
            server_delay_ms=scene.policy.server_delay_ms,
        )
        await caller.talk()
        nursery.cancel_scope.cancel()
    return seen
