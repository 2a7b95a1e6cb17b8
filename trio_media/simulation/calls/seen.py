"""What an observer of the wires makes of a record, before it judges: items, responses, turns.

All times are those at which the system under test sent something, or learned of it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.simulation.calls.record import Entry, Record
from trio_media.simulation.calls.scenario import Settings
from trio_media.simulation.calls.seen_parts import Broken as Broken
from trio_media.simulation.calls.seen_parts import Item as Item
from trio_media.simulation.calls.seen_parts import Response as Response
from trio_media.simulation.calls.sounds import Span

HELD: Final = ("stall", "stall out", "stall back", "jam", "silence")
REQUESTED_MS: Final = 10_000  # after that a create is given up
AFTER_HELD_MS: Final = 1_500  # what was held up comes in a burst
FATAL: Final = ("model break", "model silence", "model close", "model expiry")


@attrs.define(eq=False)
class Seen:
    """One record, read."""

    record: Record
    settings: Settings
    latency_ms: float
    """The longest that the networks delay anything without a fault."""

    @cached_property
    def near(self) -> list[Entry]:
        """The messages in the order of the system under test."""
        return self.record.near()

    @cached_property
    def ours(self) -> dict[str, list[Entry]]:
        """What was sent, by kind."""
        return self._by_kind(is_ours=True)

    @cached_property
    def theirs(self) -> dict[str, list[Entry]]:
        """What was learned, by kind."""
        return self._by_kind(is_ours=False)

    def _by_kind(self, *, is_ours: bool) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.near:
            if entry.is_ours == is_ours:
                found[entry.kind].append(entry)
        return found

    @cached_property
    def ended_ms(self) -> float:
        """When the call was over; without end if it never was."""
        return float("inf") if self.record.ended_ms is None else self.record.ended_ms

    @cached_property
    def left_ms(self) -> float:
        """When the caller was let go: their leg closed, or they were handed over to others."""
        closed = [self.ended_ms]
        closed += [stop.at_ms for stop in self.theirs.get("stop", [])]
        if self.record.end_reason == "transferred":
            closed += [at_ms for at_ms, what in self.record.account if what == "redirect CA1"][-1:]
        if self.record.carrier_closed_ms is not None:
            closed.append(self.record.carrier_closed_ms)
        return min(closed)

    def is_left(self, at_ms: float) -> bool:
        """Whether the call was about to end, or being handed over, and nobody is answered."""
        return any(
            asked.asked_ms <= at_ms and (asked.settled_ms is None or at_ms <= asked.settled_ms)
            for asked in self.record.asked
            if asked.is_final or asked.is_leaving
        )

    @cached_property
    def session_lost_ms(self) -> float:
        """When there was no model any more, nor one to come back, or nobody to hear it."""
        lost = [self.ended_ms]
        if self.record.lost_ms is not None:
            lost.append(self.record.lost_ms)
        if self.gaps and self.gaps[-1][1] == float("inf"):
            lost.append(self.gaps[-1][0])
        lost += [at_ms for at_ms, what in self.record.faults if what.startswith("caller hangs up")]
        lost += [self.left_ms]
        lost += [a.asked_ms for a in self.record.asked if a.wish.value == "hang_up"]
        return min(lost)

    # --- without a session --------------------------------------------------------------------

    @cached_property
    def gaps(self) -> list[tuple[float, float]]:
        """When there was no session, from when that was so, known or not, until there was one."""
        ends = [s.ended_ms for s in self.record.sessions if s.ended_ms is not None]
        ends += [at_ms for at_ms, what in self.record.faults if what.startswith(FATAL)]
        gaps: list[tuple[float, float]] = []
        back_ms = 0.0
        gone = [(away.since_ms, away.until_ms) for away in self.record.aways]
        if self.record.lost_ms is not None:
            gone.append((self.record.lost_ms, None))
        for since_ms, until_ms in gone:
            first_ms = min((at_ms for at_ms in ends if back_ms <= at_ms), default=since_ms)
            back_ms = float("inf") if until_ms is None else until_ms
            gaps.append((min(first_ms, since_ms), back_ms))
        unknown = [at_ms for at_ms in ends if at_ms >= back_ms]
        if unknown:  # the call was over before it was known
            gaps.append((min(unknown), float("inf")))
        return gaps

    def is_away(self, at_ms: float, *, for_ms: float = 0.0) -> bool:
        """Whether there was no session at that time, or shortly before."""
        return any(a - 1 <= at_ms and at_ms - for_ms <= b for a, b in self.gaps)

    def gone_ms(self, session: int) -> float:
        """When the call knew that a session was gone; without end if it never did."""
        if not session:
            return float("inf")
        began_ms = self.record.sessions[session - 1].began_ms
        gone = [away.since_ms for away in self.record.aways if away.since_ms >= began_ms]
        if self.record.lost_ms is not None:
            gone.append(self.record.lost_ms)
        return min(gone, default=float("inf"))

    def is_of_gone(self, item: Item, at_ms: float) -> bool:
        """Whether the session that an item was of is gone by then: the next one has it told."""
        response = self.responses.get(item.response_id)
        return response is not None and self.gone_ms(response.session) <= at_ms

    @cached_property
    def _held(self) -> list[tuple[str, float, float]]:
        held = []
        for at_ms, what in self.record.faults:
            wire, _, rest = what.partition(" ")
            trouble, _, length_ms = rest.rpartition(" ")
            if trouble in HELD:
                until_ms = at_ms + int(length_ms) + AFTER_HELD_MS
                held.append((wire, at_ms, float("inf") if trouble == "silence" else until_ms))
        return held

    def is_held(self, wire: str, at_ms: float, *, for_ms: float = 0.0) -> bool:
        """Whether a wire was held up at that time, or shortly before; then order proves little."""
        return any(w == wire and a - 1 <= at_ms and at_ms - for_ms <= b for w, a, b in self._held)

    def has_odd_marks(self, at_ms: float) -> bool:
        """Whether marks were lost or late shortly before."""
        odd = ("carrier loses a mark", "carrier delays a mark")
        return any(w.startswith(odd) and t <= at_ms <= t + 5_000 for t, w in self.record.faults)

    @cached_property
    def items(self) -> dict[str, Item]:
        """The items of the model's voice, by their ids."""
        items: dict[str, Item] = {}
        for entry in self.near:
            item_id = entry.fields.get("item_id", "")
            if entry.kind == "response.output_audio.delta":
                response_id = entry.fields["response_id"]
                item = items.setdefault(item_id, Item(item_id, response_id))
                item.deltas.append((entry.at_ms, entry.length_ms))
            elif entry.kind in ("conversation.item.truncate", "conversation.item.delete"):
                if item_id.startswith("item_"):
                    items.setdefault(item_id, Item(item_id, "")).told.append(entry)
            elif entry.kind == "media" and entry.is_ours:
                for span in entry.spans:
                    items.setdefault(span.name, Item(span.name, "")).media.append(entry)
        return items

    def heard_ms(self, item_id: str, by_ms: float = float("inf")) -> int:
        """Up to where the caller heard an item, by then."""
        ends = [
            min(h.span.end_ms, h.span.start_ms + int(by_ms - h.at_ms))
            if by_ms != float("inf")
            else h.span.end_ms
            for h in self.record.heard
            if h.span.name == item_id and h.at_ms < by_ms
        ]
        return max(ends, default=0)

    def last_heard_ms(self, by_ms: float) -> float:
        """When the caller last heard anything of us, by then; 0: never."""
        ends = [h.at_ms + h.span.length_ms for h in self.record.heard if h.at_ms < by_ms]
        ends += [
            clip.at_ms + len(clip.audio) // BYTES_PER_MS
            for clip in self.record.clips
            if clip.at_ms < by_ms
        ]
        return min(max(ends, default=0.0), by_ms)

    @staticmethod
    def clip_name(label: int) -> str:
        """How a clip is named among the items."""
        return Span(label, 0, 0).name

    @cached_property
    def has_protected(self) -> bool:
        """Whether anything was said that cannot be interrupted."""
        settings = self.settings
        return (
            settings.protect_greeting
            or settings.protects_tools
            or any(a.is_protected or (a.is_final and a.has_words) for a in self.record.asked)
        )

    @cached_property
    def responses(self) -> dict[str, Response]:
        """The responses that were known, by their ids."""
        responses: dict[str, Response] = {}
        for entry in self.near:
            response_id: str = entry.fields.get("response_id") or ""
            at_ms = entry.at_ms
            if entry.kind == "response.created":
                responses[response_id] = Response(response_id, at_ms, entry.session, last_ms=at_ms)
            elif entry.kind == "response.done" and not response_id:
                self._end_nameless(responses, entry)
            elif response_id in responses:
                response = responses[response_id]
                if entry.kind == "response.done":
                    response.done.append(entry)
                elif entry.kind == "response.cancel":
                    response.cancels.append(entry)
                if not entry.is_ours:
                    response.last_ms = max(response.last_ms, at_ms)
        return responses

    def _end_nameless(self, responses: dict[str, Response], entry: Entry) -> None:
        """It can only be that of the newest: a service has one at a time.

        An older one may seem to be open because its own terminal event was lost.  Where nobody
        said which create the newest answers, it may be that of a response that nobody has seen.
        """
        newest = next(reversed(responses.values()), None)
        if newest is not None and not newest.done:
            newest.done.append(entry)
            newest.is_end_guessed = self._is_create_out(entry.at_ms)

    def _is_create_out(self, at_ms: float) -> bool:
        """Whether a create has neither its response nor an error, as far as is said."""
        answered = {entry.fields["event_id"] for entry in self.theirs.get("error", [])}
        for created in self.theirs.get("response.created", []):
            answered.add((created.fields.get("metadata") or {}).get("trio_media"))
        creates = self.ours.get("response.create", [])
        since_ms = at_ms - REQUESTED_MS
        return any(
            since_ms < create.sent_ms < at_ms and create.fields["event_id"] not in answered
            for create in creates
        )

    def server_acts(self, at_ms: float) -> bool:
        """Whether the service interrupts and answers by itself then, as far as it has said so."""
        acts = False
        for entry in self.theirs.get("session.updated", []):
            if entry.at_ms <= at_ms and entry.fields.get("acts") is not None:
                acts = entry.fields["acts"]
        return acts

    def asked_ms(self, created: Entry) -> float:
        """When the create that a ``response.created`` names went out; its own time if none."""
        token = (created.fields.get("metadata") or {}).get("trio_media")
        creates = self.ours.get("response.create", [])
        sent_ms = [create.sent_ms for create in creates if create.fields["event_id"] == token]
        return sent_ms[0] if sent_ms else created.at_ms
