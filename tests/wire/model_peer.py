"""A realtime model that does what a test says, faults included; by default what a good one does."""

from __future__ import annotations

import base64
import json
import math
import socket
import struct
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import attrs
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from .stamps import MS_BYTES, callers_in, speech_of
from .wire_log import Message, WireLog, comes_true, until

OnCancel: TypeAlias = Literal["obey", "ignore"]


@attrs.define(eq=False)
class Answer:
    """One response of this model."""

    number: int
    response_id: str
    metadata: Any = None
    is_open: bool = True
    sent_bytes: dict[int, int] = attrs.field(factory=dict)
    """By item."""
    cancels: int = 0
    cancelled_s: float | None = None

    def item_id(self, item: int = 1) -> str:
        return f"item_{self.number}_{item}"


@attrs.define(eq=False)
class ModelPeer:
    """The model's side of one call."""

    transport: trio.SocketStream
    websocket: WebSocketConnection
    path: str
    log: WireLog = attrs.field(factory=WireLog)
    call: int = 0
    session: Message = attrs.field(factory=dict)
    on_cancel: OnCancel = "obey"
    cancel_delay_s: float = 0.03
    truncates: bool = True
    """False: every truncate is refused."""
    is_reading: bool = True
    answers: list[Answer] = attrs.field(factory=list)
    creates: deque[Message] = attrs.field(factory=deque)
    problems: list[str] = attrs.field(factory=list)
    heard: bytearray = attrs.field(factory=bytearray)
    closed_s: float | None = None
    _events: int = 0
    _turns: int = 0

    # --- the session ------------------------------------------------------------------------

    async def agree(self) -> None:
        """Give the session that is asked for."""
        await self.event("session.created", session={"id": "sess_1", "type": "realtime"})
        update = json.loads(await self.websocket.get_message())
        self.log.add("model", update["type"], update, ours=True)
        self.session = update["session"]
        await self.event("session.updated", session=self.session)

    async def run(self, nursery: trio.Nursery) -> None:
        """Read until the server closes."""
        try:
            while True:
                await comes_true(lambda: self.is_reading, math.inf)
                text = await self.websocket.get_message()
                await self._take(json.loads(text), nursery)
        except ConnectionClosed:
            self.closed_s = self.log.now_s()
            self.log.add("model", "closed", {}, ours=True)

    async def _take(self, message: Message, nursery: trio.Nursery) -> None:
        kind = message["type"]
        if kind == "input_audio_buffer.append":
            self._hear(base64.b64decode(message["audio"]))
            return
        self.log.add("model", kind, message, ours=True)
        if kind == "response.create":
            self.creates.append(message)
        elif kind == "response.cancel":
            nursery.start_soon(self._cancelled, message)
        elif kind == "conversation.item.truncate":
            await self._truncated(message)
        elif kind == "conversation.item.delete":
            await self.event("conversation.item.deleted", item_id=message["item_id"])
        elif kind == "session.update":
            self.session = {**self.session, **message["session"]}
            await self.event("session.updated", session=self.session)

    def _hear(self, payload: bytes) -> None:
        self.heard += payload
        strangers = callers_in(payload) - {self.call}
        if strangers:
            self.problems.append(f"heard the callers of {strangers}")

    async def _cancelled(self, message: Message) -> None:
        answer = self.find(message.get("response_id", ""))
        if answer is None or not answer.is_open:
            await self.refuse("response_cancel_not_active", message)
            return
        answer.cancels += 1
        if self.on_cancel == "ignore":
            return
        await trio.sleep(self.cancel_delay_s)
        if answer.is_open:
            await self.done(answer, "cancelled", "client_cancelled")

    async def _truncated(self, message: Message) -> None:
        end_ms = message["audio_end_ms"]
        sent_ms = max(
            (
                answer.sent_bytes.get(item, 0) // MS_BYTES
                for answer in self.answers
                for item in answer.sent_bytes
                if answer.item_id(item) == message["item_id"]
            ),
            default=-1,
        )
        if not self.truncates or not isinstance(end_ms, int) or end_ms > sent_ms:
            await self.refuse("invalid_value", message)
            return
        fields = {"item_id": message["item_id"], "audio_end_ms": end_ms, "content_index": 0}
        await self.event("conversation.item.truncated", **fields)

    async def reset(self) -> None:
        """Be gone, without a word."""
        self.log.add("model", "gone", {}, ours=False)
        self.transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self.transport)

    async def close(self) -> None:
        """Say goodbye."""
        self.log.add("model", "gone", {}, ours=False)
        with trio.move_on_after(0.3):
            await self.websocket.aclose(1011, "overloaded")

    # --- saying things ----------------------------------------------------------------------

    async def event(self, kind: str, **fields: Any) -> None:
        """Send any event."""
        self._events += 1
        message = {"type": kind, "event_id": f"event_{self._events}", **fields}
        self.log.add("model", kind, message, ours=False)
        try:
            await self.websocket.send_message(json.dumps(message))
        except (ConnectionClosed, trio.ClosedResourceError, trio.BrokenResourceError):
            return

    async def refuse(self, code: str, message: Message | None = None) -> None:
        """Answer a message, or none in particular, with an error."""
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": code,
            "param": None,
            "event_id": None if message is None else message.get("event_id"),
        }
        await self.event("error", error=error)

    def find(self, response_id: str) -> Answer | None:
        return next((a for a in self.answers if a.response_id == response_id), None)

    async def create(self, within_s: float = 6.0) -> Message:
        """The next create that was asked for."""
        await until(lambda: bool(self.creates), "response.create", within_s)
        return self.creates.popleft()

    async def created(self, create: Message | None = None) -> Answer:
        """Open a response: for a create, or of the server's own."""
        number = len(self.answers) + 1
        metadata = None if create is None else create.get("response", {}).get("metadata")
        answer = Answer(number, f"resp_{self.call}_{number}", metadata)
        self.answers.append(answer)
        response = {"id": answer.response_id, "status": "in_progress", "metadata": metadata}
        await self.event("response.created", response=response)
        return answer

    async def say(
        self,
        answer: Answer,
        length_ms: int,
        *,
        item: int = 1,
        chunk_ms: int = 200,
        pace: float = 0.0,
        sizes: Iterable[int] | None = None,
        stubborn: bool = False,
    ) -> None:
        """Send more of an item's audio.

        ``pace``: how much of real time each chunk takes; ``sizes``: bytes of each delta instead;
        ``stubborn``: go on after a cancel.
        """
        if item not in answer.sent_bytes:
            answer.sent_bytes[item] = 0
            await self._item(answer, item, "added", "in_progress")
        from_ms = answer.sent_bytes[item] // MS_BYTES
        audio = speech_of(self.call, answer.number, item, length_ms, from_ms)
        step = iter(sizes) if sizes is not None else None
        start = 0
        while start < len(audio) and (answer.is_open or stubborn):
            size = chunk_ms * MS_BYTES if step is None else next(step)
            piece = audio[start : start + size]
            start += size
            answer.sent_bytes[item] += len(piece)
            await self.delta(answer, item, piece)
            await trio.sleep(pace * len(piece) / MS_BYTES / 1_000)

    async def delta(self, answer: Answer, item: int, piece: bytes) -> None:
        """Send audio as it is."""
        await self.event(
            "response.output_audio.delta",
            response_id=answer.response_id,
            item_id=answer.item_id(item),
            output_index=item - 1,
            content_index=0,
            delta=base64.b64encode(piece).decode(),
        )

    async def call_tool(self, answer: Answer, call_id: str, item: int) -> None:
        """Call a function."""
        fields = {"type": "function_call", "call_id": call_id, "name": "weather"}
        await self._item(answer, item, "added", "in_progress", **fields, arguments="")
        await self._item(answer, item, "done", "completed", **fields, arguments="{}")

    async def _item(self, answer: Answer, item: int, what: str, status: str, **fields: Any) -> None:
        described = {"type": "message", "role": "assistant", "content": [], **fields}
        await self.event(
            f"response.output_item.{what}",
            response_id=answer.response_id,
            output_index=item - 1,
            item={"id": answer.item_id(item), "status": status, **described},
        )

    async def audio_done(self, answer: Answer, item: int = 1) -> None:
        """End one item."""
        ids = {"response_id": answer.response_id, "item_id": answer.item_id(item)}
        await self.event("response.output_audio.done", **ids, output_index=item - 1)
        await self._item(answer, item, "done", "completed")

    async def done(
        self, answer: Answer, status: str = "completed", reason: str | None = None
    ) -> None:
        """End a response."""
        is_first = answer.is_open
        answer.is_open = False
        for item in answer.sent_bytes if is_first else ():
            ids = {"response_id": answer.response_id, "item_id": answer.item_id(item)}
            await self.event("response.output_audio.done", **ids, output_index=item - 1)
        response = {
            "id": answer.response_id,
            "status": status,
            "status_details": None if reason is None else {"type": status, "reason": reason},
            "metadata": answer.metadata,
            "output": [],
        }
        await self.event("response.done", response=response)

    async def answer(self, length_ms: int, **how: Any) -> Answer:
        """Answer the next create with so much speech, to its end."""
        answer = await self.created(await self.create())
        await self.say(answer, length_ms, **how)
        if answer.is_open:
            await self.done(answer)
        return answer

    async def unasked(self, length_ms: int, **how: Any) -> Answer:
        """Say something that nobody of theirs asked for, to its end."""
        answer = await self.created()
        await self.say(answer, length_ms, **how)
        if answer.is_open:
            await self.done(answer)
        return answer

    # --- hearing the caller -----------------------------------------------------------------

    async def hears(self) -> str:
        """The caller begins a turn; its item."""
        self._turns += 1
        item_id = f"turn_{self._turns}"
        started = "input_audio_buffer.speech_started"
        await self.event(started, item_id=item_id, audio_start_ms=len(self.heard) // MS_BYTES)
        return item_id

    async def stops_hearing(self, item_id: str) -> None:
        stopped = "input_audio_buffer.speech_stopped"
        await self.event(stopped, item_id=item_id, audio_end_ms=len(self.heard) // MS_BYTES)

    async def commits(self, item_id: str, transcript: str | None = "I have a question.") -> None:
        """The turn is over; None: no transcript comes."""
        committed = "input_audio_buffer.committed"
        await self.event(committed, item_id=item_id, previous_item_id=None)
        if transcript is not None:
            await self.transcribes(item_id, transcript)

    async def transcribes(self, item_id: str, transcript: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        await self.event(kind, item_id=item_id, content_index=0, transcript=transcript)

    async def turn(self, transcript: str | None = "I have a question.") -> str:
        """A whole turn of the caller at once."""
        item_id = await self.hears()
        await self.stops_hearing(item_id)
        await self.commits(item_id, transcript)
        return item_id

    async def interrupted(self, answer: Answer) -> None:
        """Cancel a response because the caller speaks, as a server does that has the authority."""
        if answer.is_open:
            await self.done(answer, "cancelled", "turn_detected")
