"""The observer: sees what went over both wires of one call, and says which promises were broken.

It knows nothing of how a call is decided.  It believes the carrier about what was heard, because
there the audio was played.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal

import attrs

from .model_peer import Answer, ModelPeer
from .phone_peer import Phone
from .stamps import MS_BYTES, Stamp
from .wire_log import Entry, WireLog

CROSSING_S: Final = 0.3  # what two messages may cross each other by
HEARD_MS: Final = 250  # how far apart "heard" here and there may be
REWIND_MS: Final = 120
WHOLE_MS: Final = 150  # unheard by so little counts as heard
CLOSE_S: Final = 1.0
LAPSE_S: Final = 2.0  # a turn that stopped and is not committed is over then
TURN_ENDS: Final = ("input_audio_buffer.committed", "input_audio_buffer.speech_stopped")


@attrs.frozen(kw_only=True)
class Terms:
    """What holds for one scenario."""

    authority: Literal["client", "server"] = "client"
    lead_ms: int = 1_000
    late_ms: int = 0
    """How late this machine was meanwhile: every tolerance grows by it."""
    heard_ms: int = HEARD_MS
    may_create_over: frozenset[int] = frozenset()
    """Responses whose end the model keeps to itself: they are given up some time."""
    is_exact: bool = True
    """False: the carrier is so late in this scenario that nobody knows what was heard."""


@attrs.define(eq=False)
class Observer:
    """One call as seen from outside."""

    log: WireLog
    phone: Phone
    model: ModelPeer | None
    terms: Terms

    def broken(self) -> list[str]:
        """Every promise that was broken, with what was seen."""
        found = list(self.phone.problems)
        checks = [self._frame_of_call, self._media, self._closing, self._names]
        if self.model is not None:
            found += self.model.problems
            checks += [self._cancels, self._silence, self._resumes, self._truth, self._creates]
        for check in checks:
            found += check()
        return found

    @property
    def slack_s(self) -> float:
        return CROSSING_S + self.terms.late_ms / 1_000

    # --- the carrier's wire -----------------------------------------------------------------

    def _frame_of_call(self) -> Iterator[str]:
        """No media before the start, nothing after the end."""
        started = self.log.got("start")
        media = [e for e in self.log.entries if e.ours and e.wire == "carrier"]
        if media and (not started or media[0].at_s < started[0].at_s):
            yield f"said before the start: {media[0]}"
        ends = self.log.got("stop", "close")
        for entry in media:
            if ends and entry.kind != "closed" and entry.at_s > ends[0].at_s + self.slack_s:
                yield f"said after the end: {entry}"

    def _media(self) -> Iterator[str]:
        """Each response in order and whole; only a clear may bring something back."""
        reached: dict[tuple[int, int], int] = {}
        last: Stamp | None = None
        held_max_ms = self.terms.lead_ms + 60 + self.terms.late_ms
        held_max_ms += 0 if self.terms.is_exact else 500
        for entry in self.log.sent("media", "clear", wire="carrier"):
            if entry.kind == "clear":
                last = None
                continue
            if entry.message.get("held_ms", 0) > held_max_ms:
                yield f"the carrier holds {entry.message['held_ms']} ms: {entry}"
            for stamp in entry.message.get("speech", ()):
                if stamp is None:
                    continue
                if stamp.call != self.phone.call:
                    yield f"audio of call {stamp.call} in call {self.phone.call}"
                yield from self._follows(stamp, last, reached)
                reached[stamp.source] = max(reached.get(stamp.source, -1), stamp.at_ms)
                last = stamp

    def _follows(
        self, stamp: Stamp, last: Stamp | None, reached: dict[tuple[int, int], int]
    ) -> Iterator[str]:
        if last is not None and stamp.source == last.source:
            if stamp.at_ms != last.at_ms + 1:
                yield f"{stamp} follows {last}"
        elif stamp.source not in reached and stamp.at_ms != 0:
            yield f"begins in the middle: {stamp}"
        elif stamp.at_ms > reached.get(stamp.source, -1) + 1:
            yield f"skips to {stamp} from {reached[stamp.source]}"
        elif last is not None and stamp.source in reached:
            yield f"goes back to {stamp} from {last} without a clear"

    def _closing(self) -> Iterator[str]:
        """Both legs are closed within a second of the end."""
        ends = self.log.got("stop", "close", wire="carrier")
        limit_s = CLOSE_S + self.slack_s
        for name, peer in (("carrier", self.phone), ("model", self.model)):
            if peer is None:
                continue
            if peer.closed_s is None:
                yield f"the {name}'s leg was never closed"
            elif ends and peer.closed_s - ends[0].at_s > limit_s:
                yield f"the {name}'s leg was closed after {peer.closed_s - ends[0].at_s:.2f} s"

    def _names(self) -> Iterator[str]:
        """Event ids and marks are unique; a clear is not repeated over nothing."""
        ids = [
            e.message["event_id"]
            for e in self.log.entries
            if e.ours and e.wire == "model"
            if ("event_id" in e.message)
        ]
        marks = [e.message["mark"]["name"] for e in self.log.sent("mark")]
        for what, names in (("event id", ids), ("mark", marks)):
            for name in {n for n in names if names.count(n) > 1}:
                yield f"{what} {name} was used twice"
        opened = [
            e.at_s for e in self.log.entries if e.kind in ("response.create", "response.created")
        ]
        for one, other in pairwise(self.log.sent("media", "clear", wire="carrier")):
            if one.kind == other.kind == "clear" and not any(
                one.at_s <= at_s <= other.at_s + self.slack_s for at_s in opened
            ):
                yield f"cleared twice: {one} and {other}"

    # --- cancels ----------------------------------------------------------------------------

    def _cancels(self) -> Iterator[str]:
        seen: set[str] = set()
        for cancel in self.log.sent("response.cancel"):
            response_id = cancel.message.get("response_id")
            if not response_id:
                yield f"a cancel without response_id: {cancel}"
                continue
            if response_id in seen:
                yield f"cancelled twice: {cancel}"
            seen.add(response_id)
            over_s = self._over_s(response_id)
            if over_s is not None and cancel.at_s > over_s + self.slack_s:
                yield f"cancelled {cancel.at_s - over_s:.2f} s after its end: {cancel}"
            yield from self._cancel_of_the_servers(cancel, response_id)

    def _cancel_of_the_servers(self, cancel: Entry, response_id: str) -> Iterator[str]:
        """What the server interrupts by itself is not cancelled again."""
        if self.terms.authority != "server":
            return
        opened = self._opened_s(response_id)
        for started in self.log.got("input_audio_buffer.speech_started"):
            if opened is not None and opened < started.at_s < cancel.at_s - self.slack_s:
                yield f"cancelled though the server interrupts: {cancel}"

    def _opened_s(self, response_id: str) -> float | None:
        for entry in self.log.got("response.created"):
            if _response_id(entry) == response_id:
                return entry.at_s
        return None

    def _over_s(self, response_id: str) -> float | None:
        for entry in self.log.got("response.done", "response.cancelled"):
            if _response_id(entry) == response_id:
                return entry.at_s
        return None

    # --- silence ----------------------------------------------------------------------------

    def _taken_s(self, answer: Answer) -> float | None:
        """When the server showed that a response is taken."""
        items = {answer.item_id(item) for item in answer.sent_bytes}
        for entry in self.log.entries:
            if not entry.ours or entry.wire != "model":
                continue
            if entry.kind == "response.cancel":
                if entry.message.get("response_id") == answer.response_id:
                    return entry.at_s
            elif entry.message.get("item_id") in items:
                return entry.at_s
        return None

    def _silence(self) -> Iterator[str]:
        """From a take on, nothing of a response goes out, and nothing of it is heard."""
        assert self.model is not None
        for answer in self.model.answers:
            taken_s = self._taken_s(answer)
            if taken_s is None:
                continue
            for entry in self.log.sent("media", wire="carrier"):
                is_late = entry.at_s > taken_s + self.slack_s
                if is_late and _says(entry, answer.number):
                    yield f"response {answer.number} was taken at {taken_s:.3f}, but {entry}"
                    break
            yield from self._heard_after(answer, taken_s)

    def _heard_after(self, answer: Answer, taken_s: float) -> Iterator[str]:
        at_s = self.log.began_s + taken_s + self.slack_s
        then = [ms for ms in self.phone.heard(at_s=at_s) if ms.response == answer.number]
        end = [ms for ms in self.phone.heard() if ms.response == answer.number]
        if len(end) > len(then):
            yield (
                f"{len(end) - len(then)} ms of response {answer.number} were heard after it was "
                f"taken at {taken_s:.3f}"
            )

    def _resumes(self) -> Iterator[str]:
        """After a clear, what goes on begins a little before what was heard, and skips nothing."""
        clears = self.log.sent("clear")
        for clear in clears:
            at_s = self.log.began_s + clear.at_s
            heard: dict[tuple[int, int], int] = {}
            for stamp in self.phone.heard(at_s=at_s):
                heard[stamp.source] = max(heard.get(stamp.source, 0), stamp.at_ms + 1)
            first = self._first_after(clear)
            if first is None or first.source not in heard:
                continue
            heard_ms = heard[first.source]
            least_ms = heard_ms - REWIND_MS - self.terms.late_ms - 60
            if not least_ms <= first.at_ms <= heard_ms + 20 + self.terms.late_ms:
                yield f"resumes at {first} when {heard_ms} ms were heard"

    def _first_after(self, clear: Entry) -> Stamp | None:
        media = self.log.sent("media", wire="carrier")
        start = self.log.entries.index(clear)
        for entry in media:
            if self.log.entries.index(entry) > start:
                said: list[Stamp | None] = entry.message.get("speech", [])
                found = next((stamp for stamp in said if stamp is not None), None)
                if found is not None:
                    return found
        return None

    # --- truth ------------------------------------------------------------------------------

    def _truth(self) -> Iterator[str]:
        """The model is told, per item, what was heard."""
        assert self.model is not None
        for answer in self.model.answers:
            taken_s = self._taken_s(answer)
            for item, sent_bytes in answer.sent_bytes.items():
                told = self._told(answer.item_id(item))
                heard_ms = self.phone.heard_ms(answer.number, item)
                yield from self._told_once(answer, item, told)
                if told and told[0].kind.endswith("truncate"):
                    yield from self._truncated(told[0], sent_bytes, heard_ms)
                elif told and self.terms.is_exact and heard_ms > 60 + self.terms.late_ms:
                    yield f"deleted, though {heard_ms} ms were heard: {told[0]}"
                elif not told and taken_s is not None:
                    yield from self._untold(answer, item, sent_bytes, heard_ms)

    def _told(self, item_id: str) -> list[Entry]:
        kinds = ("conversation.item.truncate", "conversation.item.delete")
        return [e for e in self.log.sent(*kinds) if e.message["item_id"] == item_id]

    def _told_once(self, answer: Answer, item: int, told: list[Entry]) -> Iterator[str]:
        if len(told) > 1:
            yield f"item {item} of response {answer.number} was told of {len(told)} times"

    def _truncated(self, entry: Entry, sent_bytes: int, heard_ms: int) -> Iterator[str]:
        end_ms = entry.message["audio_end_ms"]
        if type(end_ms) is not int:
            yield f"not an integer: {entry}"
        elif end_ms > sent_bytes // MS_BYTES:
            yield f"more than the {sent_bytes // MS_BYTES} ms received: {entry}"
        elif self.terms.is_exact and abs(end_ms - heard_ms) > self.terms.heard_ms + (
            self.terms.late_ms
        ):
            yield f"{heard_ms} ms were heard: {entry}"

    def _untold(self, answer: Answer, item: int, sent_bytes: int, heard_ms: int) -> Iterator[str]:
        unheard_ms = sent_bytes // MS_BYTES - heard_ms
        is_over = self._over_s(answer.response_id) is not None
        if heard_ms and unheard_ms <= WHOLE_MS + self.terms.heard_ms:
            return
        if heard_ms or is_over:
            yield (
                f"the model was not told that of item {item} of response {answer.number} "
                f"{heard_ms} of {sent_bytes // MS_BYTES} ms were heard"
            )

    # --- creates ----------------------------------------------------------------------------

    def _creates(self) -> Iterator[str]:
        """None while a response is open, or while the caller is in a turn."""
        for create in self.log.sent("response.create"):
            for number in self._open_at(create.at_s - self.slack_s, create.at_s):
                if number not in self.terms.may_create_over:
                    yield f"created while response {number} was open: {create}"
            turn = self._turn_at(create.at_s - self.slack_s, create.at_s)
            if turn:
                yield f"created while the caller was in {turn}: {create}"
        if self.terms.authority == "client":
            yield from self._answered()

    def _open_at(self, from_s: float, to_s: float) -> Iterator[int]:
        """Responses open all the time."""
        assert self.model is not None
        for answer in self.model.answers:
            opened_s = self._opened_s(answer.response_id)
            over_s = self._over_s(answer.response_id)
            if opened_s is not None and opened_s < from_s and (over_s is None or over_s > to_s):
                yield answer.number

    def _turn_at(self, from_s: float, to_s: float) -> str | None:
        """A turn open all the time."""
        for started in self.log.got("input_audio_buffer.speech_started"):
            item_id = started.message["item_id"]
            ends = [
                e.at_s + (0 if e.kind.endswith("committed") else LAPSE_S)
                for e in self.log.got(*TURN_ENDS)
                if e.message["item_id"] == item_id
            ]
            if started.at_s < from_s and min(ends, default=to_s + 1) > to_s:
                return str(item_id)
        return None

    def _answered(self) -> Iterator[str]:
        """Two creates in a row have something between them that asks for the second."""
        asks = (
            *("input_audio_buffer.committed", "error", "dtmf"),
            *("response.output_item.done", "response.done"),
        )
        for one, other in pairwise(self.log.sent("response.create")):
            between = [e for e in self.log.got(*asks) if one.at_s - 1 <= e.at_s <= other.at_s]
            if not between:
                yield f"created twice for one turn: {one} and {other}"


def _says(entry: Entry, response: int) -> bool:
    return any(s is not None and s.response == response for s in entry.message.get("speech", ()))


def _response_id(entry: Entry) -> object:
    response = entry.message.get("response")
    return response.get("id") if isinstance(response, dict) else None
