"""Sending ahead: what of the tape goes to the carrier now, with which marks, and when more may.

Rule 1: the carrier holds at most the lead of unheard audio.
Rule 2: a mark follows at least every so much audio, and the end of every item.
Rule 3: protected and other speech are never at the carrier together: a clear would hit both.
"""

from __future__ import annotations

from trio_media.core.commands import PlayAudio, SendMark
from trio_media.core.playout import Playout
from trio_media.core.tape import Mark, Sent, Track
from trio_media.core.units import MARK_LOST_MS, earliest


def send_ahead(playout: Playout, now_ms: int) -> list[PlayAudio | SendMark]:
    """Send what there is, up to the lead."""
    playout.extend()
    policy = playout.policy
    out: list[PlayAudio | SendMark] = []
    track = _next_track(playout)
    room_ms = 0 if track is None else _room_ms(playout, now_ms)
    while track is not None and room_ms >= policy.chunk_ms:
        unmarked_ms = playout.next_ms - playout.marked_ms
        length_ms = min(
            track.playable_end_ms - playout.next_ms,
            policy.chunk_ms,
            policy.mark_every_ms - unmarked_ms,
        )
        out.append(_send(playout, track, length_ms))
        out.extend(_mark_if_due(playout, track, now_ms))
        room_ms -= length_ms
        track = _next_track(playout)
    is_marked = playout.next_ms <= playout.marked_ms
    last = None if is_marked else _track_before(playout, playout.next_ms)
    if last is not None:
        # It was sent before it was known to be done.
        out.extend(_mark_if_due(playout, last, now_ms))
    return out


def next_deadline_ms(playout: Playout, now_ms: int, *, is_silenced: bool) -> int | None:
    """Return when something is to be sent, or a mark is to be given up."""
    due_ms = playout.mark_due_ms()
    lost_ms = None if due_ms is None else due_ms + MARK_LOST_MS
    refill_ms = None if is_silenced else _refill_ms(playout, now_ms)
    return earliest(lost_ms, refill_ms)


def _refill_ms(playout: Playout, now_ms: int) -> int | None:
    """When the lead allows the next message."""
    if _next_track(playout) is None:
        return None
    position_ms = playout.next_ms - playout.policy.lead_ms + playout.policy.chunk_ms
    at_ms = playout.played_at_ms(position_ms)
    if at_ms is None or at_ms <= now_ms:
        return None  # it waits for a write or a mark, and those wake us by themselves
    return at_ms if at_ms <= playout.hold_ms(at_ms) else None


def _room_ms(playout: Playout, now_ms: int) -> int:
    return playout.policy.lead_ms - (playout.next_ms - playout.play_head_ms(now_ms))


def _next_track(playout: Playout) -> Track | None:
    """The track that sending goes on with, if it may."""
    previous: Track | None = None
    for track in playout.tracks:
        if playout.next_ms < track.playable_end_ms:
            is_edge = (
                previous is not None
                and previous.item.response.is_protected is not track.item.response.is_protected
            )
            return None if is_edge and playout.settled_ms < track.start_ms else track
        previous = track
    return None


def _track_before(playout: Playout, position_ms: int) -> Track | None:
    """The track that ends at, or reaches over, a position."""
    found = [track for track in playout.tracks if track.start_ms < position_ms]
    return found[-1] if found else None


def _send(playout: Playout, track: Track, length_ms: int) -> PlayAudio:
    playout.last_seq += 1
    start_ms = playout.next_ms
    offset_ms = track.skip_ms + start_ms - track.start_ms
    assert offset_ms >= 0
    playout.next_ms += length_ms
    playout.sent.append(Sent(playout.last_seq, start_ms, playout.next_ms))
    return PlayAudio(playout.last_seq, playout.epoch, track.item.item_id, offset_ms, length_ms)


def _mark_if_due(playout: Playout, track: Track, now_ms: int) -> list[SendMark]:
    """Mark so much audio, or the end of an item."""
    unmarked_ms = playout.next_ms - playout.marked_ms
    is_end = track.item.is_done and playout.next_ms == track.playable_end_ms
    if unmarked_ms <= 0 or (unmarked_ms < playout.policy.mark_every_ms and not is_end):
        return []
    playout.last_mark += 1
    playout.marked_ms = playout.next_ms
    played_ms = playout.played_at_ms(playout.next_ms)
    late_ms = now_ms if played_ms is not None and played_ms < now_ms else None
    playout.marks.append(Mark(playout.last_mark, playout.next_ms, late_ms))
    return [SendMark(playout.epoch, playout.last_mark)]
