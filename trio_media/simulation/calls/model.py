"""The simulated model service: it speaks the OpenAI Realtime protocol, well or badly as told.

Its answers hold audio of which every millisecond says what it is (``sounds``): the item ``item_7``
is labelled 7.

Wire facts: https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import attrs
import trio

from trio_media.simulation.calls.commanded import Message, about_command, merged
from trio_media.simulation.calls.generation import Generation, generate
from trio_media.simulation.calls.hearing import ServerEar, Turn
from trio_media.simulation.calls.legs import Peer, PeerGone
from trio_media.simulation.calls.questions import AnswerTo, Question
from trio_media.simulation.calls.record import MODEL, Entry, Record, Session
from trio_media.simulation.calls.scenario import Answer, Cancelled, Hearing, Refusal
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.sounds import caller_pieces

FATAL_CLOSE: Final = 4_000  # the service's own code for what another attempt does not mend
CANCEL_MS: Final = 30  # from a cancel to the terminal event
AUTO_CREATE_MS: Final = 40  # from a commit to the response that the service creates by itself


@attrs.define(eq=False)
class Model:
    """One session."""

    peer: Peer
    record: Record
    nursery: trio.Nursery
    answer_to: AnswerTo
    """What it answers."""
    hearing: Hearing
    text_now: Callable[[], str]
    """What the caller said last."""
    jammed_until_ms: float = 0.0
    """The service does not read until then."""
    active: Generation | None = None
    item_number: int = 0
    generated_ms: dict[str, int] = attrs.field(factory=dict)
    """How much of each item exists."""
    _ear: ServerEar = attrs.field(
        default=attrs.Factory(lambda self: ServerEar(self.hearing), takes_self=True)
    )
    _events: int = 0
    _responses: int = 0
    _turns: int = 0
    _interrupts: bool = False
    _creates: bool = False
    number: int = 0
    """Of the session, in the call; 0: there is none."""
    session: Mapping[str, Any] = attrs.field(factory=dict)
    """What it was asked to be."""

    async def serve(self) -> None:
        """Hold the session until it is gone."""
        session = Session(now_ms())
        self.record.sessions.append(session)
        self.number = len(self.record.sessions)
        try:
            await self.event("session.created", session={"id": "sess_1", "type": "realtime"})
            while True:
                if now_ms() < self.jammed_until_ms:
                    await trio.sleep_until(self.jammed_until_ms / 1_000)
                await self._take(json.loads(await self.peer.receive()))
        except PeerGone:
            session.ended_ms = now_ms()

    async def refuse(self, code: str) -> None:
        """Say why there is no session, in the place of its first event, and close."""
        with suppress(PeerGone):
            await self.error(code, None)
        await self.peer.close(FATAL_CLOSE)

    def go_on_from(self, before: Model) -> None:
        """Take no name that the session before this one gave."""
        self.item_number, self._events = before.item_number, before._events
        self._responses, self._turns = before._responses, before._turns

    async def event(self, kind: str, about: Mapping[str, Any] | None = None, **body: Any) -> Entry:  # noqa: ANN401
        """Send an event.  ``about``: what the record keeps of it.  Raises `PeerGone`."""
        self._events += 1
        entry = self.record.add(
            MODEL,
            kind,
            is_ours=False,
            sent_ms=now_ms(),
            fields=dict(about or {}),
            session=self.number,
        )
        message = {"type": kind, "event_id": f"event_{self._events}", **body}
        await self.peer.send(json.dumps(message), entry)
        return entry

    async def error(self, code: str, event_id: str | None, message: str = "") -> None:
        """Send an error.  Raises `PeerGone`."""
        error = {"type": "invalid_request_error", "code": code, "message": message}
        about = {"code": code, "event_id": event_id}
        await self.event("error", about, error={**error, "event_id": event_id})

    async def expire(self) -> None:
        """Say that the session is over, and close."""
        with suppress(PeerGone):
            await self.error("session_expired", None, "Your session hit the maximum duration.")
        await self.peer.close(1001)

    # --- what comes -------------------------------------------------------------------------

    async def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "input_audio_buffer.append":
            await self._hear(base64.b64decode(message["audio"]))
            return
        self.record.add(
            MODEL,
            kind,
            is_ours=True,
            sent_ms=self.peer.last_sent_ms,
            came_ms=now_ms(),
            fields=about_command(message),
            session=self.number,
        )
        match kind:
            case "session.update":
                await self._update(message["session"])
            case "response.create":
                await self._create(message)
            case "response.cancel":
                await self._cancel(message)
            case "conversation.item.truncate":
                await self._truncate(message)
            case "conversation.item.delete":
                await self._delete(message)
            case _:
                return

    async def _update(self, session: Message) -> None:
        self.session = merged(self.session, session)
        turns = session.get("audio", {}).get("input", {}).get("turn_detection")
        if turns is not None:
            self._interrupts = turns["interrupt_response"]
            self._creates = turns["create_response"]
        about = {"acts": self._interrupts}
        await self.event("session.updated", about, session=session)

    async def _truncate(self, message: Message) -> None:
        item_id, end_ms = message["item_id"], message["audio_end_ms"]
        has_ms = self.generated_ms.get(item_id)
        if has_ms is None:
            await self.error("item_truncate_invalid_item_id", message.get("event_id"))
        elif end_ms > has_ms:
            text = f"Audio content of {has_ms}ms is already shorter than {end_ms}ms"
            await self.error("invalid_value", message.get("event_id"), text)
        else:
            about = {"item_id": item_id, "audio_end_ms": end_ms}
            await self.event("conversation.item.truncated", about, **about, content_index=0)

    async def _delete(self, message: Message) -> None:
        item_id = message["item_id"]
        self.generated_ms.pop(item_id, None)
        await self.event("conversation.item.deleted", {"item_id": item_id}, item_id=item_id)

    # --- the caller -------------------------------------------------------------------------

    async def _hear(self, payload: bytes) -> None:
        pieces = caller_pieces(payload)
        numbers = [piece.number for piece in pieces if piece.number is not None]
        self.record.caller_came.extend((now_ms(), number) for number in numbers)
        if self.number:
            self.record.sessions[self.number - 1].caller_came.extend(numbers)
        for turn in self._ear.hear(pieces):
            if turn is Turn.STARTED:
                await self._turn_started()
            else:
                await self._turn_stopped()

    async def _turn_event(self, kind: str, item_id: str, **more: Any) -> None:  # noqa: ANN401
        await self.event(kind, {"item_id": item_id}, item_id=item_id, **more)

    async def _turn_started(self) -> None:
        self._turns += 1
        buffer = "input_audio_buffer.speech_started"
        await self._turn_event(buffer, f"turn_{self._turns}", audio_start_ms=0)
        if self._interrupts and self.active is not None:
            await self.active.end(self, "cancelled", "turn_detected")

    async def _turn_stopped(self) -> None:
        item_id, text = f"turn_{self._turns}", self.text_now()
        await self._turn_event("input_audio_buffer.speech_stopped", item_id, audio_end_ms=0)
        if self.hearing.loses_commits:
            return
        buffer = "input_audio_buffer.committed"
        await self._turn_event(buffer, item_id, previous_item_id=None)
        self.nursery.start_soon(self._transcribe, item_id, text)
        if self._creates and self.active is None:
            self.nursery.start_soon(self._create_by_itself)

    async def _transcribe(self, item_id: str, text: str) -> None:
        if not self.hearing.transcribes:
            return
        await trio.sleep(self.hearing.transcript_ms / 1_000)
        kind = "conversation.item.input_audio_transcription.completed"
        about = {"item_id": item_id, "transcript": text}
        try:
            await self.event(kind, about, **about, content_index=0)
        except PeerGone:
            return

    async def _create_by_itself(self) -> None:
        await trio.sleep(AUTO_CREATE_MS / 1_000)
        if self.active is None:
            self._begin(self._next_answer(Question()), None)

    # --- responses --------------------------------------------------------------------------

    def _next_answer(self, question: Question) -> Answer:
        self._responses += 1
        return self.answer_to(question)

    async def _create(self, message: Message) -> None:
        event_id = message.get("event_id")
        if self.active is not None:
            text = "Conversation already has an active response in progress"
            await self.error(Refusal.ALREADY_ACTIVE.value, event_id, text)
            return
        wanted = message.get("response", {})
        may_call_tools = wanted.get("tool_choice") != "none"
        answer = self._next_answer(Question(wanted.get("instructions"), may_call_tools))
        if answer.refusal is not None:
            self.nursery.start_soon(self._refuse, answer, event_id)
            return
        metadata = wanted.get("metadata") if answer.has_metadata else None
        self._begin(answer, metadata)

    def _begin(self, answer: Answer, metadata: Message | None) -> None:
        generation = Generation(f"resp_{self._responses}", answer, metadata)
        self.active = generation
        self.nursery.start_soon(generate, self, generation)

    async def _refuse(self, answer: Answer, event_id: str | None) -> None:
        assert answer.refusal is not None
        await trio.sleep(answer.created_ms / 1_000)
        if answer.refusal is Refusal.SILENT:
            return
        try:
            await self.error(answer.refusal.value, event_id)
        except PeerGone:
            return

    async def _cancel(self, message: Message) -> None:
        event_id, response_id = message.get("event_id"), message.get("response_id")
        generation = self.active
        is_meant = generation is not None and response_id in (None, generation.response_id)
        if generation is None or not is_meant:
            await self._not_active(event_id)
            return
        manner = generation.answer.cancelled
        if manner is Cancelled.REFUSES:
            await self._not_active(event_id)
        elif manner is not Cancelled.IGNORES:
            self.nursery.start_soon(self._stop, generation, manner, event_id)

    async def _not_active(self, event_id: str | None) -> None:
        text = "Cancellation failed: no active response found"
        await self.error("response_cancel_not_active", event_id, text)

    async def _stop(self, generation: Generation, manner: Cancelled, event_id: str | None) -> None:
        try:
            if manner is Cancelled.STRAGGLES:
                await generation.straggle(self)
            await trio.sleep(CANCEL_MS / 1_000)
            if not generation.is_over:
                await generation.end(self, "cancelled", "client_cancelled")
            if manner is Cancelled.STRAGGLES:
                await generation.straggle(self)
            elif manner is Cancelled.BOTH:
                await self._not_active(event_id)
        except PeerGone:
            return
