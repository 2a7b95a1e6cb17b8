"""The model's speech in a picture of a call: what was generated, and what of it was heard when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.heard_spans import Ear, HeardSpan
from trio_media.recording.timeline_facts import Fact, Facts, Lane, Look, seconds

SEAM_MS: Final = 20  # a frame: what is nearer than this at the ear is one stretch


@attrs.define
class _Item:
    number: int
    received: Fact
    received_ms: int = 0
    text: str = ""
    heard: str = ""
    stretches: list[Fact] = attrs.field(factory=list)


@attrs.define
class _Response:
    fact: Fact
    cause: str
    ended: str = ""
    items: list[_Item] = attrs.field(factory=list)


class SpeechFacts:
    """Collects what the model said.  `finish` completes the labels."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._responses: dict[int, _Response] = {}
        self._numbers: dict[str, int] = {}
        self._items: dict[str, _Item] = {}
        self._texts: dict[str, str] = {}
        self._ear = Ear()
        self._stretch: HeardSpan | None = None

    def number_of(self, response_id: str) -> int:
        """Return the number of a response, 0 when it is not known."""
        return self._numbers.get(response_id, 0)

    def number_of_item(self, item_id: str) -> int:
        """Return the number of the response that an item is of, 0 when it is not known."""
        item = self._items.get(item_id)
        return 0 if item is None else item.number

    def transcribed(self, item_id: str, text: str) -> None:
        """Note what an item says."""
        self._texts[item_id] = text

    def created(self, command: cm.CreateResponse, t_ms: int) -> None:
        """A response is asked for."""
        self._begin(command.response, command.cause.value, t_ms)

    def opened(self, command: cm.ResponseOpened, t_ms: int) -> None:
        """A response has its id."""
        self._begin(command.response, command.cause.value, t_ms)
        self._numbers[command.response_id] = command.response

    def closed(self, command: cm.ResponseClosed, t_ms: int) -> None:
        """A response's generation is over."""
        response = self._responses.get(command.response)
        if response is not None and not response.ended:
            response.fact.ends_ms = t_ms
            response.ended = command.ended.value

    def received(self, event: ev.AudioReceived, t_ms: int) -> None:
        """Some of an item's audio came."""
        item = self._items.get(event.item_id)
        if item is None:
            number = self.number_of(event.response_id)
            fact = self._facts.span(Lane.GENERATED, Look.RECEIVED, t_ms, t_ms, number=number)
            item = self._items[event.item_id] = _Item(number, fact)
            if number in self._responses:
                self._responses[number].items.append(item)
        item.received.ends_ms = t_ms
        item.received_ms += event.length_ms

    def played(self, command: cm.PlayAudio, t_ms: int) -> None:
        """Audio goes to the carrier."""
        self._ear.sent(command)

    def wrote(self, event: ev.CarrierWrote, t_ms: int) -> None:
        """The carrier took it."""
        self._ear.wrote(event.seq, event.at_ms)
        self._hear(self._ear.heard_by(t_ms))

    def cleared(self, t_ms: int) -> None:
        """The carrier throws away what was not heard."""
        self._hear(self._ear.cleared(t_ms))
        self._end_stretch()

    def heard(self, command: cm.ItemHeard, t_ms: int) -> None:
        """It is decided how much of an item was heard."""
        item = self._items.get(command.item_id)
        if item is not None:
            item.heard = f"{command.heard_ms / 1_000:.2f} of {seconds(command.received_ms)}"

    def finish(self, end_ms: int) -> None:
        """The log is over: what is open ends there."""
        self.cleared(end_ms)
        for number, response in self._responses.items():
            if not response.ended:
                response.fact.ends_ms = end_ms
            received = seconds(sum(item.received_ms for item in response.items))
            parts = (f"#{number} {response.cause}", received, response.ended or "open")
            response.fact.label = ", ".join(parts)
        for item_id, item in self._items.items():
            label = f"#{item.number} {item.heard}  {self._texts.get(item_id, '')}"
            for fact in item.stretches:
                fact.label = label.strip()

    def _begin(self, number: int, cause: str, t_ms: int) -> None:
        if number not in self._responses:
            fact = self._facts.span(Lane.GENERATED, Look.RESPONSE, t_ms, t_ms, number=number)
            self._responses[number] = _Response(fact, cause)

    def _hear(self, spans: Iterable[HeardSpan]) -> None:
        for span in spans:
            last = self._stretch
            if last is None:
                self._stretch = span
                continue
            is_next = last.item_id == span.item_id and abs(last.heard_ms - span.offset_ms) < SEAM_MS
            if is_next and span.begins_ms - last.ends_ms < SEAM_MS:
                self._stretch = attrs.evolve(last, ends_ms=span.ends_ms)
            else:
                self._end_stretch()
                self._stretch = span

    def _end_stretch(self) -> None:
        span, self._stretch = self._stretch, None
        if span is not None:
            item = self._items.get(span.item_id)
            number = 0 if item is None else item.number
            fact = self._facts.span(
                Lane.HEARD, Look.HEARD, span.begins_ms, span.ends_ms, number=number
            )
            if item is not None:
                item.stretches.append(fact)
