"""The other ends of a call's wires, over memory streams: a carrier and a model that obey a test.

They speak the real protocols through real websockets and know nothing of the package's codecs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
import trio_websocket
from trio.testing import memory_stream_pair

from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.call.control import CallControl
from trio_media.call.record import CallEnd
from trio_media.call.run import Admit, CallOptions, admit_all, run_call
from trio_media.config import Config

MULAW_FRAME = b"\xff" * 160


@attrs.define(eq=False)
class Wire:
    """One end of a websocket, with everything that came, and when."""

    websocket: trio_websocket.WebSocketConnection
    began_s: float
    came: list[tuple[int, dict[str, Any]]] = attrs.field(factory=list)
    closed: trio.Event = attrs.field(factory=trio.Event)
    _news: trio.Event = attrs.field(factory=trio.Event)

    def now_ms(self) -> int:
        return round((trio.current_time() - self.began_s) * 1_000)

    async def listen(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        try:
            while True:
                message = json.loads(await self.websocket.get_message())
                self.came.append((self.now_ms(), message))
                self.on_message(message)
                self._wake()
        except trio_websocket.ConnectionClosed:
            self.closed.set()
            self._wake()

    def on_message(self, message: dict[str, Any]) -> None:
        """Subclasses answer here."""

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        await self.websocket.send_message(json.dumps(message))

    async def wait_for(self, wanted: Any, *, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many messages satisfy ``wanted``; return all that do."""
        while True:
            found = [m for _, m in self.came if wanted(m)]
            if len(found) >= count:
                return found
            if self.closed.is_set():
                raise AssertionError(f"closed after {[m for _, m in self.came]}")
            await self._news.wait()


def is_type(name: str) -> Any:
    return lambda message: message.get("type") == name or message.get("event") == name


@attrs.define(eq=False)
class Carrier(Wire):
    """The Twilio side of a call."""

    stream_sid: str = "MZ1"
    sequence: int = 0
    timestamp_ms: int = 0

    async def start(self, call_sid: str = "CA1", **parameters: str) -> None:
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
        message = {
            "event": event,
            "sequenceNumber": str(self.sequence),
            "streamSid": self.stream_sid,
            **fields,
        }
        await self.send(message)

    async def media(self, payload: bytes = MULAW_FRAME) -> None:
        media = {
            "track": "inbound",
            "chunk": "1",
            "timestamp": str(self.timestamp_ms),
            "payload": base64.b64encode(payload).decode(),
        }
        self.timestamp_ms += len(payload) // 8
        await self._event("media", media=media)

    async def key(self, digit: str) -> None:
        await self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def echo(self, name: str) -> None:
        await self._event("mark", mark={"name": name})

    async def stop(self) -> None:
        await self._event("stop", stop={"accountSid": "AC1", "callSid": "CA1"})

    def heard(self) -> bytes:
        """All audio that was ever sent to the carrier."""
        media = [m["media"]["payload"] for _, m in self.came if m["event"] == "media"]
        return b"".join(base64.b64decode(payload) for payload in media)


@attrs.define(eq=False)
class Model(Wire):
    """The model service's side of a call."""

    number: int = 0

    async def begin(self, **overrides: Any) -> dict[str, Any]:
        """Agree on the session that is asked for; return what was asked."""
        await self.event("session.created", session={"id": "sess_1", "type": "realtime"})
        [update] = await self.wait_for(is_type("session.update"))
        session = {**update["session"], **overrides}
        await self.event("session.updated", session=session)
        return update

    async def event(self, kind: str, **fields: Any) -> None:
        self.number += 1
        await self.send({"type": kind, "event_id": f"event_{self.number}", **fields})

    async def created(self, response_id: str, create: dict[str, Any] | None = None) -> None:
        metadata = None if create is None else create["response"]["metadata"]
        response = {"id": response_id, "status": "in_progress", "metadata": metadata}
        await self.event("response.created", response=response)

    async def item(self, response_id: str, item_id: str) -> None:
        item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress"}
        await self.event(
            "response.output_item.added", response_id=response_id, output_index=0, item=item
        )

    async def audio(self, response_id: str, item_id: str, payload: bytes) -> None:
        await self.event(
            "response.output_audio.delta",
            response_id=response_id,
            item_id=item_id,
            output_index=0,
            content_index=0,
            delta=base64.b64encode(payload).decode(),
        )

    async def done(
        self, response_id: str, status: str = "completed", reason: str | None = None
    ) -> None:
        details = None if reason is None else {"type": status, "reason": reason}
        response = {"id": response_id, "status": status, "status_details": details, "output": []}
        await self.event("response.done", response=response)

    async def says(self, response_id: str, item_id: str, payload: bytes, **kwargs: Any) -> None:
        """One whole spoken response, in bursts of 100 ms."""
        await self.created(response_id, kwargs.get("create"))
        await self.item(response_id, item_id)
        for start in range(0, len(payload), 800):
            await self.audio(response_id, item_id, payload[start : start + 800])
        await self.done(response_id)

    async def turn(self, item_id: str) -> None:
        """A caller's turn, from its start to its commit."""
        await self.event(
            "input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=0
        )
        await self.event("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=500)
        await self.event("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m for _, m in self.came if m["type"] == kind]


@attrs.define(eq=False)
class LiveCall:
    """A call under test, with both of its wires in the test's hands."""

    carrier: Carrier
    model: Model | None = None
    end: CallEnd | None = None
    control: CallControl | None = None
    ended: trio.Event = attrs.field(factory=trio.Event)
    model_came: trio.Event = attrs.field(factory=trio.Event)


class SpeechByByte:
    """A detector for tests: a frame of 0x00 is speech; confirmed when it has lasted long enough."""

    def __init__(self, confirm_ms: int) -> None:
        self.confirm_ms = confirm_ms
        self.since_ms: int | None = None
        self.is_confirmed = False

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        end_ms = at_ms + len(payload) // 8
        is_speech = payload[:1] == b"\x00"
        if is_speech and self.since_ms is None:
            self.since_ms, self.is_confirmed = at_ms, False
            return [SpeechTransition(SpeechEdge.BEGAN, end_ms)]
        if not is_speech and self.since_ms is not None:
            self.since_ms = None
            return [SpeechTransition(SpeechEdge.ENDED, end_ms)]
        if is_speech and not self.is_confirmed and end_ms - self.since_ms >= self.confirm_ms:
            self.is_confirmed = True
            return [SpeechTransition(SpeechEdge.CONFIRMED, end_ms)]
        return []


class QuietLog:
    """A logger that keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Any]] = []

    def info(self, msg: object, *args: object, extra: Any = None) -> None:
        self.lines.append((str(msg), extra))

    warning = info


@asynccontextmanager
async def live_call(
    config: Config | None = None, *, admit: Admit = admit_all, **options: Any
) -> AsyncIterator[LiveCall]:
    """Run a call over memory streams.  Leaving ends it, if it has not ended."""
    ours, theirs = memory_stream_pair()
    config = config or Config()
    began_s = trio.current_time()

    async with trio.open_nursery() as nursery:

        async def connect() -> trio.abc.Stream:
            near, far = memory_stream_pair()
            nursery.start_soon(serve_model, far)
            return near

        async def serve_model(far: trio.abc.Stream) -> None:
            request = await trio_websocket.wrap_server_stream(
                nursery, far, max_message_size=2**24
            )
            call.model = Model(await request.accept(), began_s)
            call.model_came.set()
            await call.model.listen()

        async def run() -> None:
            given = {"connect": connect, "detect": SpeechByByte, "checks_invariants": True}
            given["on_control"] = lambda control: setattr(call, "control", control)
            call.end = await run_call(
                theirs,
                config=config,
                admit=admit,
                log=QuietLog(),
                options=CallOptions(**{**given, **options}),
            )
            call.ended.set()

        call = LiveCall(carrier=None)  # type: ignore[arg-type]
        nursery.start_soon(run)
        websocket = await trio_websocket.wrap_client_stream(
            nursery, ours, "localhost", "/twilio/media", max_message_size=2**24
        )
        call.carrier = Carrier(websocket, began_s)
        nursery.start_soon(call.carrier.listen)
        yield call
        if not call.ended.is_set():
            await call.carrier.stop()
            await call.ended.wait()
        assert call.end is not None
        assert call.end.counters.get("broken_invariants", 0) == 0
        nursery.cancel_scope.cancel()
