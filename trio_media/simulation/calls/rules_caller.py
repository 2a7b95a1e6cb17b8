"""What the carrier's wire must show: silence at once, nothing stale, nothing skipped, an end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from trio_media.simulation.calls.record import CARRIER, MODEL, Entry, Wish
from trio_media.simulation.calls.seen import FATAL, Broken, Item, Seen
from trio_media.simulation.calls.sounds import CLIPS_FROM, Span

FRAME_MS: Final = 20
CHUNK_MS: Final = 200
QUIET_MS: Final = 200
HUSH_MS: Final = 2_500  # the longest hush, the server's grace, and the networks
END_MS: Final = 1_000
ACCOUNT_MS: Final = 11_000  # more than the carrier's account is waited for, when it is asked
SLACK_MS: Final = 60.0
SETTLE_MS: Final = 14_000  # a create without an answer, and a cancel without one
WATCHDOG_MS: Final = 50_000  # a connection that is dead without a word is found by then


def nothing_stale(seen: Seen) -> Iterator[Broken]:
    """Promise 2: once the model was told that an item is over for the caller, none of it is sent.

    A write in progress may finish: 200 ms, and only where the carrier was slow to take it.
    """
    for item in seen.items.values():
        over_ms = _over_for_caller_ms(seen, item)
        for media in item.media:
            if media.sent_ms > over_ms and not seen.is_held(CARRIER, media.sent_ms):
                yield Broken("silence", media.sent_ms, f"{item.item_id} after it was interrupted")


def _over_for_caller_ms(seen: Seen, item: Item) -> float:
    times = [told.sent_ms for told in item.told]
    response = seen.responses.get(item.response_id)
    if response is not None:
        times += [cancel.sent_ms for cancel in response.cancels]
    if any(seen.is_held(MODEL, at_ms) for at_ms in times):
        return float("inf")
    return min(times, default=float("inf"))


def interrupted_is_silent(seen: Seen) -> Iterator[Broken]:
    """Promise 2: from a key or an interruption on, nothing is heard of what it meant."""
    if seen.has_protected:
        return
    asked = [a for a in seen.record.asked if a.wish is Wish.INTERRUPT and not a.is_partial]
    stops_ms = [a.asked_ms for a in asked]
    if seen.settings.dtmf_interrupts:
        stops_ms += [entry.at_ms for entry in seen.theirs.get("dtmf", [])]
    for created in seen.theirs.get("response.created", []):
        asked_ms = seen.asked_ms(created)
        stop_ms = min((at_ms for at_ms in stops_ms if at_ms > asked_ms), default=None)
        if stop_ms is None:
            continue
        for item in seen.items.values():
            is_meant = item.response_id == created.fields["response_id"]
            late = [media for media in item.media if is_meant and media.sent_ms > stop_ms]
            if late and not seen.is_held(CARRIER, late[0].sent_ms):
                detail = f"{item.item_id} is heard after it was interrupted at {stop_ms:.0f}"
                yield Broken("silence", late[0].sent_ms, detail)
    yield from _clips_are_silent(seen, stops_ms)


def _clips_are_silent(seen: Seen, stops_ms: list[float]) -> Iterator[Broken]:
    for asked in seen.record.asked:
        item = seen.items.get(seen.clip_name(asked.clip)) if asked.clip is not None else None
        stop_ms = min((at_ms for at_ms in stops_ms if at_ms > asked.asked_ms), default=None)
        if item is None or stop_ms is None:
            continue
        late = [media for media in item.media if media.sent_ms > stop_ms]
        if late and not seen.is_held(CARRIER, late[0].sent_ms):
            detail = f"{item.item_id} is heard after it was interrupted at {stop_ms:.0f}"
            yield Broken("silence", late[0].sent_ms, detail)


def one_clear(seen: Seen) -> Iterator[Broken]:
    """Promise 2: one clear a hush, and none for the take inside it.

    No hush is shorter than `QUIET_MS`, so two clears within it are of one, unless something new
    was begun between them.
    """
    begins = [*seen.ours.get("response.create", []), *seen.theirs.get("response.created", [])]
    news_ms = [entry.at_ms for entry in (*begins, *seen.ours.get("media", []))]
    for before, clear in pairwise(seen.ours.get("clear", [])):
        first_ms, again_ms = before.sent_ms, clear.sent_ms
        is_new = any(first_ms <= at_ms <= again_ms for at_ms in news_ms)
        if again_ms - first_ms < QUIET_MS and not is_new:
            yield Broken("one clear", again_ms, f"the second since {first_ms:.0f} ms")


def in_order(seen: Seen) -> Iterator[Broken]:
    """What is sent of an item follows what was sent before, or rejoins what the caller heard."""
    ends: dict[int, int] = {}
    newest = 0
    for entry in seen.near:
        if not entry.is_ours or entry.wire != CARRIER:
            continue
        if entry.kind == "clear":
            ends, newest = {}, 0
        for span in entry.spans:
            if span.item not in ends:
                yield from _rejoins(seen, entry, span)
            elif span.start_ms != ends[span.item]:
                yield Broken("in order", entry.sent_ms, f"{span} follows {ends[span.item]}")
            if span.item < newest:
                yield Broken("in order", entry.sent_ms, f"{span} after item {newest}")
            newest = newest if span.item >= CLIPS_FROM else span.item
            ends[span.item] = span.end_ms


def _rejoins(seen: Seen, entry: Entry, span: Span) -> Iterator[Broken]:
    """The first audio of an item, also after a clear, skips nothing that was not heard."""
    heard_ms = seen.heard_ms(span.name, entry.sent_ms)
    limit_ms = heard_ms + (seen.latency_ms + SLACK_MS if heard_ms else 0)
    if span.start_ms > limit_ms and not _is_unsure(seen, entry.sent_ms):
        detail = f"{span}, when {heard_ms} ms of it were heard"
        yield Broken("in order", entry.sent_ms, detail)


def _is_unsure(seen: Seen, at_ms: float) -> bool:
    return seen.is_held(CARRIER, at_ms, for_ms=5_000) or seen.has_odd_marks(at_ms)


def hushes_end(seen: Seen) -> Iterator[Broken]:
    """Promise 5: what a clear cut is soon taken, or goes on."""
    for clear in seen.ours.get("clear", []):
        cut = [
            item
            for item in seen.items.values()
            if item.media
            and not seen.is_of_gone(item, clear.sent_ms)
            and any(media.sent_ms <= clear.sent_ms for media in item.media)
            and seen.heard_ms(item.item_id, clear.sent_ms) + 2 * CHUNK_MS
            < item.received_ms(clear.sent_ms)
            and not any(told.sent_ms < clear.sent_ms for told in item.told)
        ]
        due_ms = clear.sent_ms + HUSH_MS + seen.latency_ms
        if not cut or seen.session_lost_ms < due_ms or seen.is_held(CARRIER, due_ms, for_ms=6_000):
            continue
        if seen.is_held(MODEL, due_ms, for_ms=3_000) or seen.is_away(due_ms, for_ms=HUSH_MS):
            continue
        if not any(_goes_on(seen, item, clear.sent_ms, due_ms) for item in cut):
            names = ", ".join(item.item_id for item in cut)
            yield Broken("no dead air", clear.sent_ms, f"a hush of {names} did not end")


def _goes_on(seen: Seen, item: Item, since_ms: float, by_ms: float) -> bool:
    signs = [entry.sent_ms for entry in item.media]
    of_it = [other for other in seen.items.values() if other.response_id == item.response_id]
    signs += [told.sent_ms for other in of_it for told in other.told]
    response = seen.responses.get(item.response_id)
    if response is not None:
        signs += [entry.sent_ms for entry in response.cancels]
    creates = seen.ours.get("response.create", [])
    signs += [create.sent_ms for create in creates]
    return any(since_ms <= at_ms <= by_ms for at_ms in signs)


def never_too_far_ahead(seen: Seen) -> Iterator[Broken]:
    """The carrier never holds more than the lead and one write."""
    plays_until_ms = 0.0
    limit_ms = seen.settings.lead_ms + CHUNK_MS + seen.latency_ms + SLACK_MS
    for entry in sorted(seen.record.entries, key=lambda e: (e.came_ms or 0.0, e.number)):
        if not entry.is_ours or entry.wire != CARRIER or entry.came_ms is None:
            continue
        if entry.kind == "clear":
            plays_until_ms = entry.came_ms
        elif entry.kind == "media":
            plays_until_ms = max(plays_until_ms, entry.came_ms) + entry.length_ms
            ahead_ms = plays_until_ms - entry.came_ms
            if ahead_ms > limit_ms and not _is_unsure(seen, entry.came_ms):
                detail = f"the carrier holds {ahead_ms:.0f} ms"
                yield Broken("lead", entry.came_ms, detail)


def well_formed(seen: Seen) -> Iterator[Broken]:
    """Whole frames, marks with names of their own, the media stream's own id."""
    names: set[str] = set()
    for entry in seen.near:
        if not entry.is_ours or entry.wire != CARRIER:
            continue
        if entry.kind == "mark":
            name = entry.fields["name"]
            if name in names:
                yield Broken("well formed", entry.sent_ms, f"mark {name} twice")
            names.add(name)
        elif entry.fields:
            yield Broken("well formed", entry.sent_ms, f"{entry.kind} with {dict(entry.fields)}")


def caller_is_heard(seen: Seen) -> Iterator[Broken]:
    """The model gets the caller's audio: in order, each session once, and all of them together
    without holes where nothing failed but sessions that ended."""
    for session in seen.record.sessions:
        for before, after in pairwise(session.caller_came):
            if after <= before:
                detail = f"frame {after} after frame {before}"
                yield Broken("caller audio", session.began_ms, detail)
    ended = ("model no session", *FATAL[:1], *FATAL[2:])
    is_calm = not any(
        what.startswith(("model", "carrier")) and not what.startswith(ended)
        for _, what in seen.record.faults
    )
    numbers = sorted({number for _, number in seen.record.caller_came})
    if is_calm and numbers != list(range(len(numbers))):
        missing = sorted(set(range(len(numbers))) - set(numbers))
        yield Broken("caller audio", 0.0, f"frames {missing[:5]} are missing")
    is_calm = is_calm and not seen.is_away(seen.session_lost_ms, for_ms=END_MS)
    sent = [n for at_ms, n in seen.record.caller_sent if at_ms < seen.session_lost_ms - END_MS]
    if is_calm and numbers and sent and numbers[-1] < sent[-1]:
        yield Broken("caller audio", 0.0, f"frames from {numbers[-1] + 1} on never came")


def it_ends(seen: Seen) -> Iterator[Broken]:
    """Promise 6: the call ends within a second of what ends it, and nothing follows."""
    record = seen.record
    if record.crash:
        yield Broken("it ends", record.ended_ms or 0.0, f"by a crash: {record.crash}")
    if record.ended_ms is None:
        yield Broken("it ends", 0.0, "the call never ended")
        return
    decided_ms = _decided_ms(seen)
    if record.account and decided_ms is not None:
        decided_ms += ACCOUNT_MS
    if decided_ms is not None and record.ended_ms > decided_ms + END_MS:
        detail = f"decided at {decided_ms:.0f}, over at {record.ended_ms:.0f}"
        yield Broken("it ends", record.ended_ms, detail)
    for name in record.left_open:
        yield Broken("it ends", record.ended_ms, f"the {name}'s connection was left open")


def _decided_ms(seen: Seen) -> float | None:
    """When the end was known, as far as the wires tell."""
    times = [stop.at_ms for stop in seen.theirs.get("stop", [])]
    for at_ms, what in seen.record.faults:
        if what == "caller hangs up: break" or what.startswith(("carrier break", "carrier close")):
            times.append(at_ms + seen.latency_ms)
        elif what.startswith("carrier silence"):
            times.append(at_ms + WATCHDOG_MS)
    times += [a.asked_ms for a in seen.record.asked if a.wish is Wish.HANG_UP]
    if any(seen.is_held(CARRIER, at_ms) and at_ms < WATCHDOG_MS for at_ms in times):
        return None
    return min(times, default=None)


def interruptions_settle(seen: Seen) -> Iterator[Broken]:
    """Promise 7: whoever interrupts learns what came of it."""
    for asked in seen.record.asked:
        if asked.wish in (Wish.SPEAK, Wish.PLAY, Wish.DIGITS, Wish.END) and asked.outcome:
            continue  # when it was to be heard, or the caller pressed keys
        if asked.outcome is None or asked.settled_ms is None:
            yield Broken("outcome", asked.asked_ms, f"{asked.wish.value} got none")
        elif asked.settled_ms > asked.asked_ms + SETTLE_MS:
            settled_ms = asked.settled_ms
            yield Broken("outcome", settled_ms, f"of {asked.wish.value} at {asked.asked_ms:.0f}")


RULES: Final = (
    nothing_stale,
    interrupted_is_silent,
    one_clear,
    in_order,
    hushes_end,
    never_too_far_ahead,
    well_formed,
    caller_is_heard,
    it_ends,
    interruptions_settle,
)
