"""One model session: client events in, server events out.  No I/O, no clock.

Rule 1: time is an argument; `EmbeddedModel.advance` performs what is due by then, in its order.
Rule 2: at most one response is open in the default conversation.
Rule 3: a client event that is refused changes nothing but for the ``error`` that says so.
Rule 4: events come out in the order in which they happened, by `EmbeddedModel.take`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from trio_media.embedded.agent import answer
from trio_media.embedded.behaviour import ModelBehaviour
from trio_media.embedded.client_events import (
    CLIENT_EVENT_TYPES,
    checked_type,
    event_id_of,
    parse_event,
)
from trio_media.embedded.conversation import Conversation
from trio_media.embedded.creates import ResponseWish, parse_create
from trio_media.embedded.input_audio import InputAudio, TurnStarted, TurnStopped
from trio_media.embedded.item_commands import ItemCommands
from trio_media.embedded.items import CallerAudioItem
from trio_media.embedded.misfortunes import Closing, Misfortunes
from trio_media.embedded.refusals import Refusal
from trio_media.embedded.remembered import Remembered, remembered
from trio_media.embedded.responses import OpenResponse, StopReason, Surroundings
from trio_media.embedded.service_errors import error_object
from trio_media.embedded.settings import default_settings, updated_settings
from trio_media.embedded.shapes import nullable, text
from trio_media.embedded.transcriber import Transcriber
from trio_media.embedded.vad import VadTuning
from trio_media.embedded.voice_clips import AudioFormat

OUT_OF_BAND_MAX: Final = 8  # responses beside the default conversation at one time


class EmbeddedModel:
    """The model's side of one connection."""

    def __init__(
        self,
        behaviour: ModelBehaviour,
        *,
        name: str,
        model: str,
        now_s: float,
        started_unix_s: int,
    ) -> None:
        """Begin the model session; its ``session.created`` is ready to be taken.

        Args:
            name: part of every id, so that those of two connections differ.
            model: what the client called the model; it is not looked at.
            started_unix_s: the wall clock's seconds, for ``expires_at`` alone.
        """
        self.closing: Closing | None = None
        """Set when the connection is to be closed, after what `take` returns."""
        self._behaviour = behaviour
        self._name = name
        self._ids = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self._misfortunes = Misfortunes(behaviour.faults, now_s)
        self._lasts_s = min(behaviour.session_s_max, self._misfortunes.lasts_s)
        self._expires_s = now_s + self._lasts_s
        self._settings = default_settings(
            session_id=self._new_id("sess"),
            model=model,
            expires_at_s=started_unix_s + int(self._lasts_s),
        )
        self._conversation = Conversation()
        self._items = ItemCommands(self._conversation, self._emit, self._new_id)
        self._input = InputAudio(lambda: self._new_id("item"))
        self._responses: list[OpenResponse] = []
        self._transcriber = Transcriber(behaviour, self._emit)
        self._has_spoken = False
        self._owes_answer = False
        self._turns = 0
        self._responses_opened = 0
        self._around = Surroundings(
            behaviour=behaviour,
            conversation=self._conversation,
            conversation_id=self._new_id("conv"),
            emit=self._emit,
            new_id=self._new_id,
        )
        refused = self._misfortunes.error_first
        if refused is None:
            self._emit("session.created", session=self._settings)
        else:
            error = error_object(refused.code)
            reason = f"{error['type']}.{refused.code}"
            self._fail(error, Closing(code=refused.close, reason=reason))

    # What the wire calls.

    def receive(self, message: str | bytes, now_s: float) -> None:
        """Take in one message of the client."""
        self.advance(now_s)
        if self.closing is not None:
            return
        event_id: str | None = None
        try:
            event = parse_event(message)
            event_id = event_id_of(event)
            kind = checked_type(event)
            if self._ends(self._misfortunes.received(kind)):
                return
            _OBEY[kind](self, event, now_s)
        except Refusal as refusal:
            self._emit("error", error=refusal.payload(event_id))
        self._answer_if_owed(now_s)

    def advance(self, now_s: float) -> None:
        """Perform everything that is due, in the order in which it was due."""
        while self.closing is None and self.next_deadline_s() <= now_s:
            due_s = self.next_deadline_s()
            if self._ends(self._misfortunes.now(due_s)):
                return
            if due_s >= self._expires_s:
                self._expire()
                return
            if self._transcriber.due_s == due_s:
                self._transcriber.advance()
                continue
            response = min(self._responses, key=lambda open_one: open_one.due_s)
            response.advance()
            if response.wish.is_default:
                self._has_spoken = self._has_spoken or response.has_spoken
            if response.is_over:
                self._responses.remove(response)
            self._answer_if_owed(due_s)

    def next_deadline_s(self) -> float:
        """Return when `advance` has something to do: at the latest when the session expires."""
        dues = [response.due_s for response in self._responses]
        if self._transcriber.due_s is not None:
            dues.append(self._transcriber.due_s)
        return min([self._expires_s, self._misfortunes.due_s, *dues])

    def take(self) -> list[dict[str, Any]]:
        """Return the server events since the last call, and forget them."""
        events, self._events = self._events, []
        return events

    def remembered(self) -> list[Remembered]:
        """Return what is known of the conversation, item by item: for tests."""
        return [remembered(item) for item in self._conversation]

    # One method a client event.

    def _update_session(self, event: Mapping[str, Any], _now_s: float) -> None:
        had_detection = self._turn_detection is not None
        self._settings = updated_settings(
            self._settings, event["session"], has_spoken=self._has_spoken
        )
        if had_detection and self._turn_detection is None:
            # What was being said belongs to no detected turn any more: the client commits it.
            self._input.forget_turn()
        self._emit("session.updated", session=self._settings)

    def _append_audio(self, event: Mapping[str, Any], now_s: float) -> None:
        detection = self._turn_detection
        tuning = None if detection is None else VadTuning.of(detection)
        audio_format = AudioFormat(self._settings["audio"]["input"]["format"]["type"])
        for turn in self._input.append(event["audio"], audio_format, tuning):
            if isinstance(turn, TurnStarted):
                self._turn_started(turn, now_s)
            else:
                self._turn_stopped(turn, now_s)

    def _commit_audio(self, _event: Mapping[str, Any], now_s: float) -> None:
        turn = self._input.commit()
        self._add_caller_item(turn.item_id, turn.length_ms, now_s)

    def _clear_audio(self, _event: Mapping[str, Any], _now_s: float) -> None:
        self._input.clear()
        self._emit("input_audio_buffer.cleared")

    def _create_response(self, event: Mapping[str, Any], now_s: float) -> None:
        wish = parse_create(
            event.get("response"),
            self._settings,
            self._conversation,
            lambda: self._new_id("item"),
        )
        self._open_response(wish, now_s)

    def _cancel_response(self, event: Mapping[str, Any], now_s: float) -> None:
        wanted = nullable(text())(event.get("response_id"), "response_id")
        for response in self._responses:
            is_meant = (
                response.wish.is_default if wanted is None else response.response_id == wanted
            )
            if is_meant and response.is_announced and not response.is_stopping:
                response.stop(StopReason.CLIENT_CANCELLED, now_s=now_s)
                self.advance(now_s)
                return
        raise Refusal("response_cancel_not_active", "Cancellation failed: no active response found")

    def _clear_output(self, _event: Mapping[str, Any], _now_s: float) -> None:
        raise Refusal(
            "invalid_value",
            "'output_audio_buffer.clear' is only supported over WebRTC and SIP.",
            "type",
        )

    # The caller's turns.

    @property
    def _turn_detection(self) -> dict[str, Any] | None:
        detection: dict[str, Any] | None = self._settings["audio"]["input"]["turn_detection"]
        return detection

    @property
    def _default_response(self) -> OpenResponse | None:
        return next((response for response in self._responses if response.wish.is_default), None)

    def _turn_started(self, turn: TurnStarted, now_s: float) -> None:
        self._emit(
            "input_audio_buffer.speech_started",
            audio_start_ms=turn.audio_start_ms,
            item_id=turn.item_id,
        )
        detection = self._turn_detection
        # A turn that began is an answer no longer owed to the one before it.
        self._owes_answer = False
        response = self._default_response
        if detection is not None and detection["interrupt_response"] and response is not None:
            response.stop(StopReason.TURN_DETECTED, now_s=now_s)
            self.advance(now_s)

    def _turn_stopped(self, turn: TurnStopped, now_s: float) -> None:
        self._emit(
            "input_audio_buffer.speech_stopped",
            audio_end_ms=turn.audio_end_ms,
            item_id=turn.item_id,
        )
        has_words = turn.speech_ms >= self._behaviour.words_ms_min
        self._add_caller_item(turn.item_id, turn.length_ms, now_s, has_words=has_words)
        detection = self._turn_detection
        if detection is not None and detection["create_response"]:
            self._owes_answer = True
            self._answer_if_owed(now_s)

    def _add_caller_item(
        self, item_id: str, length_ms: int, now_s: float, *, has_words: bool = True
    ) -> None:
        self._turns += 1
        text = self._behaviour.text_of_turn(self._turns) if has_words else ""
        item = CallerAudioItem(item_id=item_id, length_ms=length_ms, understood=text)
        previous_id = self._conversation.append(item)
        self._emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous_id)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._emit(kind, previous_item_id=previous_id, item=item.payload())
        if self._settings["audio"]["input"]["transcription"] is not None:
            self._transcriber.ask(item, now_s)

    # Responses.

    def _open_response(self, wish: ResponseWish, now_s: float) -> None:
        active = self._default_response
        if wish.is_default and active is not None:
            raise Refusal(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: "
                f"{active.response_id}. Wait until the response is finished before creating "
                "a new one.",
            )
        beside = sum(not response.wish.is_default for response in self._responses)
        if not wish.is_default and beside >= OUT_OF_BAND_MAX:
            raise Refusal(
                "rate_limit_exceeded",
                f"At most {OUT_OF_BAND_MAX} responses may be open outside the conversation.",
            )
        outputs = answer(wish.question(has_spoken=self._has_spoken), self._behaviour)
        self._responses_opened += 1
        fault = self._misfortunes.of_response(self._responses_opened)
        self._responses.append(OpenResponse(wish, outputs, self._around, now_s=now_s, fault=fault))
        self.advance(now_s)

    def _answer_if_owed(self, now_s: float) -> None:
        """Answer a detected turn, as soon as a response that it interrupted is over."""
        active = self._default_response
        if not self._owes_answer or (active is not None and active.is_stopping):
            return
        self._owes_answer = False
        try:
            wish = parse_create(
                None, self._settings, self._conversation, lambda: self._new_id("item")
            )
            self._open_response(wish, now_s)
        except Refusal as refusal:
            # Another response was not interrupted and goes on: the turn gets no answer.
            self._emit("error", error=refusal.payload(None))

    def _expire(self) -> None:
        message = f"Your session hit the maximum duration of {self._lasts_s / 60:g} minutes."
        self._responses.clear()
        self._transcriber.forget_all()
        error = Refusal("session_expired", message).payload(None)
        self._fail(error, Closing(code=1001, reason="session_expired"))

    def _fail(self, error: Mapping[str, Any], closing: Closing) -> None:
        """Send an error that is the end of the connection."""
        self._emit("error", error=error)
        self._ends(closing)

    def _ends(self, closing: Closing | None) -> bool:
        """Close as is wanted, unless that is decided; tell whether the connection is over."""
        self.closing = self.closing or closing
        return self.closing is not None

    def _emit(self, kind: str, **fields: object) -> None:
        # Whoever is gone says nothing more, in the middle of an answer too.
        if self.closing is None:
            self._events.append({"type": kind, "event_id": self._new_id("event"), **fields})
            self._ends(self._misfortunes.sent(kind))

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._name}_{next(self._ids):06d}"


_Obey = Callable[[EmbeddedModel, dict[str, Any], float], None]

_OBEY: Final[Mapping[str, _Obey]] = {
    "session.update": EmbeddedModel._update_session,
    "input_audio_buffer.append": EmbeddedModel._append_audio,
    "input_audio_buffer.commit": EmbeddedModel._commit_audio,
    "input_audio_buffer.clear": EmbeddedModel._clear_audio,
    "conversation.item.create": lambda model, event, _: model._items.create(event),
    "conversation.item.retrieve": lambda model, event, _: model._items.retrieve(
        event, AudioFormat(model._settings["audio"]["output"]["format"]["type"])
    ),
    "conversation.item.truncate": lambda model, event, _: model._items.truncate(event),
    "conversation.item.delete": lambda model, event, _: model._items.delete(event),
    "response.create": EmbeddedModel._create_response,
    "response.cancel": EmbeddedModel._cancel_response,
    "output_audio_buffer.clear": EmbeddedModel._clear_output,
}
assert tuple(_OBEY) == CLIENT_EVENT_TYPES
