"""The playout ledger: what was generated, sent, written, and heard.

All audio stands on one tape, in playing order.  A position on the tape is an integer of
milliseconds; an item is a track on it.  Sent, written and heard are positions.

Rule 1: sent means handed to the outbox, written means that the carrier's stream took it.
Rule 2: heard is what real time allows since the write, never above what was written; an echo of
    the same epoch is a lower bound; a late mark holds the position until it comes or is lost.
Rule 3: heard never goes back, and audio played twice does not raise it.
Rule 4: what the carrier may still hold is audible, until the last mark behind it was echoed.
"""

from __future__ import annotations

from collections import deque

import attrs

from trio_media.core.policy import Policy
from trio_media.core.responses import Item, Response
from trio_media.core.tape import Mark, Sent, Track, playing_order
from trio_media.core.units import FRAME_MS, MARK_LATE_MS, MARK_LOST_MS, REWIND_MS, frames_down


@attrs.define
class Playout:
    """The tape and the heads on it."""

    policy: Policy
    tracks: deque[Track] = attrs.field(factory=deque)
    waiting: list[Item] = attrs.field(factory=list)
    """Items with audio whose turn on the tape has not come."""
    sent: deque[Sent] = attrs.field(factory=deque)
    """This epoch's messages not known to be played, oldest first."""
    marks: deque[Mark] = attrs.field(factory=deque)
    """This epoch's marks not echoed, oldest first."""
    epoch: int = 1
    last_seq: int = 0
    last_mark: int = 0
    next_ms: int = 0
    """Where sending goes on."""
    marked_ms: int = 0
    """Up to where marks were sent."""
    base_ms: int = 0
    """Everything before it was played in this epoch, or before it."""
    settled_ms: int = 0
    """Everything before it is no longer held by the carrier."""
    high_ms: int = 0
    """The caller heard everything before it."""
    trusts_marks: bool = True
    """A mark was lost: later ones hold nothing until one comes back."""
    idle_since_ms: int | None = None
    """When the carrier last ran dry, None while it plays or before it ever played."""
    is_resuming: bool = False

    # --- what is there ---------------------------------------------------------------------

    @property
    def end_ms(self) -> int:
        """Where the tape ends at present."""
        return self.tracks[-1].playable_end_ms if self.tracks else self.next_ms

    def add_audio(self, item: Item) -> None:
        """An item has audio, for the first time or more of it."""
        if item not in self.waiting and all(track.item is not item for track in self.tracks):
            self.waiting.append(item)
            self.waiting.sort(key=playing_order)

    def extend(self) -> None:
        """Put waiting items on the tape as their turn comes."""
        while self.waiting:
            item = self.waiting[0]
            last = self.tracks[-1].item if self.tracks else None
            if last is not None and not last.is_done:
                return
            if last is not None and last.response is not item.response and last.response.is_open:
                return  # it may have more to say before another may speak
            del self.waiting[0]
            self.tracks.append(Track(item, start_ms=self.end_ms))

    # --- the heads --------------------------------------------------------------------------

    def play_head_ms(self, now_ms: int) -> int:
        """Where the carrier is playing, as far as anyone can tell."""
        held_ms = min(now_ms, self.hold_ms(now_ms))
        head_ms = self.base_ms
        for sent in self.sent:
            begins_ms = sent.begins_ms
            if begins_ms is None or held_ms <= begins_ms:
                break
            head_ms = min(sent.end_ms, sent.start_ms + held_ms - begins_ms)
        return max(self.base_ms, head_ms)

    def hold_ms(self, now_ms: int) -> int:
        """The latest time that a late mark allows the position to follow."""
        late_ms = self.mark_due_ms() if self.trusts_marks else None
        if late_ms is None:
            return now_ms
        return late_ms + MARK_LATE_MS if now_ms < late_ms + MARK_LOST_MS else now_ms

    def mark_due_ms(self) -> int | None:
        """When the oldest mark outstanding should come back."""
        if not self.marks:
            return None
        return self._due_ms(self.marks[0])

    def _due_ms(self, mark: Mark) -> int | None:
        played_ms = self.played_at_ms(mark.position_ms)
        if played_ms is None or mark.late_ms is None:
            return played_ms
        return max(played_ms, mark.late_ms)

    def played_at_ms(self, position_ms: int) -> int | None:
        """When a position is played by the schedule; None when it is not written."""
        for sent in self.sent:
            if position_ms <= sent.end_ms and sent.begins_ms is not None:
                return sent.begins_ms + max(0, position_ms - sent.start_ms)
        return None

    def advance(self, now_ms: int) -> None:
        """Let time pass: lost marks are given up, and what was heard is noted."""
        if not self.sent:
            return  # nothing plays
        while (due_ms := self.mark_due_ms()) is not None and now_ms >= due_ms + MARK_LOST_MS:
            self.trusts_marks = False
            self._settle(self.marks.popleft().position_ms)
        self._note_heard(self.play_head_ms(now_ms))
        last = self.sent[-1].ends_ms if self.sent else None
        if last is not None and last <= now_ms:
            self.idle_since_ms = last

    def _note_heard(self, head_ms: int) -> None:
        self.high_ms = max(self.high_ms, head_ms)
        for track in self.tracks:
            if track.start_ms >= self.high_ms:
                break
            track.item.heard_ms = max(track.item.heard_ms, track.audio_ms(self.high_ms))

    def _settle(self, position_ms: int) -> None:
        """The carrier holds nothing before a position: drop what led there."""
        self.settled_ms = max(self.settled_ms, position_ms)
        while self.sent and self.sent[0].end_ms <= self.settled_ms:
            ends_ms = self.sent.popleft().ends_ms
            self.base_ms = self.settled_ms
            if not self.sent and ends_ms is not None:
                self.idle_since_ms = ends_ms
        self.base_ms = max(self.base_ms, self.settled_ms)
        self._note_heard(self.base_ms)

    # --- what the carrier says --------------------------------------------------------------

    def wrote(self, seq: int, at_ms: int) -> bool:
        """Everything up to ``seq`` was written.  Returns whether audio began for the caller."""
        began = False
        end_ms: int | None = None
        for sent in self.sent:
            if sent.seq > seq:
                break
            if sent.begins_ms is None:
                began = began or self._begins(end_ms, at_ms)
                sent.begins_ms = at_ms if end_ms is None else max(at_ms, end_ms)
            end_ms = sent.ends_ms
        return began

    def _begins(self, plays_until_ms: int | None, at_ms: int) -> bool:
        """Whether audio written now is a beginning: after silence, and not after a resume."""
        if self.is_resuming:
            self.is_resuming = False
            return False
        idle_since_ms = self.idle_since_ms if plays_until_ms is None else plays_until_ms
        return idle_since_ms is None or at_ms - idle_since_ms >= self.policy.echo_guard_ms

    def echoed(self, epoch: int, number: int, now_ms: int) -> None:
        """A mark came back.  Echoes of another epoch say nothing about this one."""
        echoed = next((mark for mark in self.marks if mark.number == number), None)
        if epoch != self.epoch or echoed is None or not self._is_written(echoed.position_ms):
            return
        self.trusts_marks = True
        due_ms = self._due_ms(echoed)
        while self.marks and self.marks[0].number <= number:
            self.marks.popleft()
        # Early, or later than any network explains: the schedule was wrong from here on.
        is_wrong = due_ms is not None and not due_ms <= now_ms <= due_ms + MARK_LATE_MS
        self._settle(echoed.position_ms)
        if is_wrong:
            self._reschedule(now_ms)

    def _is_written(self, position_ms: int) -> bool:
        """Whether the carrier has everything before a position."""
        return all(s.begins_ms is not None for s in self.sent if s.start_ms < position_ms)

    def _reschedule(self, now_ms: int) -> None:
        begins_ms = now_ms
        for sent in self.sent:
            if sent.begins_ms is None:
                break
            sent.begins_ms = begins_ms
            begins_ms += sent.end_ms - sent.start_ms

    # --- audible ----------------------------------------------------------------------------

    def audible(self) -> list[Response]:
        """Responses of which something may still be heard, in playing order."""
        tracks = [t.item.response for t in self.tracks if t.playable_end_ms > self.settled_ms]
        return list(dict.fromkeys([*tracks, *(item.response for item in self.waiting)]))

    def is_audible(self, response: Response) -> bool:
        """Whether something of a response may still be heard."""
        for track in self.tracks:
            if track.item.response is response and track.playable_end_ms > self.settled_ms:
                return True
        return any(item.response is response for item in self.waiting)

    def on_tape(self) -> set[int]:
        """Numbers of the responses of which something is kept to be played, or played again."""
        numbers = {track.item.response.number for track in self.tracks}
        if self.waiting:
            numbers.update(item.response.number for item in self.waiting)
        return numbers

    def playing(self) -> Item | None:
        """The item at the position up to which the caller heard."""
        for track in self.tracks:
            if self.high_ms < track.playable_end_ms:
                return track.item
        return self.tracks[-1].item if self.tracks else None

    def done_with_ms(self, item_id: str) -> int:
        """How much of an item, from its beginning, is never played again: not by a resume either,
        which goes back a little, in whole frames."""
        position_ms = self.high_ms - REWIND_MS - FRAME_MS
        for track in self.tracks:
            if track.item.item_id == item_id:
                return track.audio_ms(position_ms)
        return 0

    def is_shielded(self) -> bool:
        """Whether protected speech is at the carrier: a clear would cut it."""
        return any(
            track.start_ms < self.next_ms and track.playable_end_ms > self.settled_ms
            for track in self.tracks
            if track.item.response.is_protected
        )

    # --- silence ----------------------------------------------------------------------------

    def silence(self) -> None:
        """Everything that is not heard comes back from the carrier; a new epoch begins.

        Sending would go on a little before the position, so that much can still be heard, and in
        whole frames, as everything that goes to the carrier.
        """
        self.epoch += 1
        self.sent.clear()
        self.marks.clear()
        self.trusts_marks = True
        self.idle_since_ms = None
        self.is_resuming = False
        first_ms = self.tracks[0].start_ms if self.tracks else self.high_ms
        rewound_ms = max(0, self.high_ms - REWIND_MS - first_ms)
        self._go_on_from(first_ms + frames_down(rewound_ms))

    def resume(self) -> None:
        """Go on where `silence` left off: that is no beginning of audio."""
        self.is_resuming = self.next_ms < self.end_ms

    def _go_on_from(self, position_ms: int) -> None:
        self.next_ms = self.marked_ms = self.base_ms = self.settled_ms = position_ms

    def remove(self, responses: list[Response], *, was_silenced: bool) -> list[Item]:
        """Take responses off the tape.  What remains of others moves up.

        Returns the items of others that were heard to their end: their bytes may go.

        ``was_silenced``: the carrier holds nothing, so the tape is cut at the position.  Else
        nothing of the removed responses was sent, and what others sent stands.
        """
        self.waiting = [item for item in self.waiting if item.response not in responses]
        kept = [track for track in self.tracks if track.item.response not in responses]
        if not was_silenced:
            self._close_up(kept)
            return []
        self.tracks.clear()
        heard: list[Item] = []
        cursor_ms = self.high_ms
        for track in kept:
            heard_ms = track.audio_ms(self.high_ms)
            if track.playable_end_ms <= self.high_ms and track.item.is_done:
                heard.append(track.item)
                continue
            self.tracks.append(Track(track.item, start_ms=cursor_ms, skip_ms=heard_ms))
            cursor_ms = self.tracks[-1].playable_end_ms
        self._go_on_from(self.high_ms)
        return heard

    def _close_up(self, kept: list[Track]) -> None:
        """Keep these tracks; those of which nothing was sent close the gaps."""
        end_ms = self.next_ms
        for track in kept:
            if track.start_ms >= self.next_ms:
                track.start_ms = end_ms
            end_ms = max(end_ms, track.playable_end_ms)
        self.tracks = deque(kept)

    def release(self) -> list[Item]:
        """Drop tracks that nothing can bring back; return the items whose bytes may go."""
        out: list[Item] = []
        while self.tracks:
            track = self.tracks[0]
            is_last = len(self.tracks) == 1
            end_ms = track.playable_end_ms
            if not track.item.is_done or end_ms > self.settled_ms:
                break
            if is_last and (track.item.response.is_open or self.waiting):
                break
            if not is_last and self.settled_ms < end_ms + REWIND_MS:
                break
            out.append(self.tracks.popleft().item)
        return out


assert REWIND_MS % FRAME_MS == 0
