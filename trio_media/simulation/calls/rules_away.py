"""What a call must do whose model goes away: notice it, keep the caller company, tell the next.

Rule 1: what goes to a session is about what that session knows.
Rule 2: the next session is told the conversation as it was heard: of the model what the caller
        heard, in order, and nothing that was cancelled unheard; no call of a tool twice.
Rule 3: a caller hears nothing for no longer than the operator allows, and is told so before the
        call ends for want of a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.simulation.calls.record import CARRIER, MODEL, Entry
from trio_media.simulation.calls.seen import FATAL, Broken, Item, Seen

SLACK_MS: Final = 60.0
FOUND_MS: Final = 1_000  # a socket that ends, and the goodbyes
SILENT_MS: Final = 12_000  # one that is half open
AGAIN_MS: Final = 10_000  # whoever was told that the model comes back is told so again after this
RECORDED_MS: Final = 100
HEARD_ENOUGH_MS: Final = 150
UNSURE_MS: Final = 600  # of what is heard just now nobody has decided how much it is
SHARE: Final = 0.15  # of a text: which word belongs to which millisecond is an estimate
TOLD: Final = "told"


def sessions_know_what_they_are_told_of(seen: Seen) -> Iterator[Broken]:
    """Nothing of one session is truncated or deleted in another."""
    for item in seen.items.values():
        response = seen.responses.get(item.response_id)
        for told in item.told:
            if response is not None and told.session != response.session:
                detail = f"{item.item_id} is of session {response.session}, not {told.session}"
                yield Broken("another session", told.sent_ms, detail)


def losses_are_found(seen: Seen) -> Iterator[Broken]:
    """Whoever is gone is found to be, also without a word, within seconds."""
    known = [away.since_ms for away in seen.record.aways]
    known += [] if seen.record.lost_ms is None else [seen.record.lost_ms]
    for at_ms, what in seen.record.faults:
        if not what.startswith(FATAL) or seen.is_held(CARRIER, at_ms):
            continue
        is_slow = what.startswith("model silence") or seen.is_held(MODEL, at_ms)
        due_ms = at_ms + (SILENT_MS if is_slow else FOUND_MS) + seen.latency_ms
        was_away = any(since_ms < at_ms - 1 <= until_ms for since_ms, until_ms in seen.gaps)
        if was_away or seen.left_ms <= due_ms or not _has_session(seen, at_ms):
            continue
        if not any(at_ms - 1 <= known_ms <= due_ms for known_ms in known):
            yield Broken("lost", at_ms, f"{what} is not found")


def _has_session(seen: Seen, at_ms: float) -> bool:
    return any(session.began_ms <= at_ms for session in seen.record.sessions)


def nobody_waits_in_silence(seen: Seen) -> Iterator[Broken]:
    """While there is no session the caller hears something now and then, if they say nothing."""
    say_ms = seen.settings.reconnect_say_after_ms
    if not say_ms:
        return
    for away in seen.record.aways:
        ends_ms = seen.record.lost_ms if away.until_ms is None else away.until_ms
        until_ms = seen.left_ms if ends_ms is None else min(ends_ms, seen.left_ms)
        since_ms, limit_ms = away.since_ms, float(say_ms)
        for from_ms, to_ms, is_words in _sounds(seen, away.since_ms, until_ms):
            yield from _too_long(seen, since_ms, from_ms, limit_ms)
            limit_ms = max(AGAIN_MS, say_ms) if is_words else limit_ms
            since_ms = max(since_ms, to_ms)
        yield from _too_long(seen, since_ms, until_ms, limit_ms)


def _sounds(seen: Seen, since_ms: float, until_ms: float) -> list[tuple[float, float, bool]]:
    """What was heard of anybody in that time: from, until, and whether it were words of ours."""
    sounds = [(h.at_ms, h.at_ms + h.span.length_ms, False) for h in seen.record.heard]
    sounds += [
        (clip.at_ms, clip.at_ms + len(clip.audio) // BYTES_PER_MS, True)
        for clip in seen.record.clips
    ]
    sounds += [(from_ms, to_ms, False) for from_ms, to_ms in seen.record.voiced_ms]
    return sorted(s for s in sounds if s[1] > since_ms and s[0] < until_ms)


def _too_long(seen: Seen, since_ms: float, until_ms: float, limit_ms: float) -> Iterator[Broken]:
    quiet_ms = until_ms - since_ms
    slack_ms = RECORDED_MS + 2 * seen.latency_ms + UNSURE_MS  # words of the caller have an end
    if quiet_ms <= limit_ms + slack_ms or seen.is_held(CARRIER, until_ms, for_ms=quiet_ms):
        return
    if seen.is_left(since_ms) or seen.is_left(until_ms) or seen.has_odd_marks(until_ms):
        return
    yield Broken("no dead air", until_ms, f"{quiet_ms:.0f} ms of nothing while the model is away")


def calls_end_with_words(seen: Seen) -> Iterator[Broken]:
    """A call that ends for want of a model says so to the caller before."""
    record = seen.record
    if record.end_reason != "model_lost" or record.lost_ms is None or record.ended_ms is None:
        return
    if seen.is_held(CARRIER, record.ended_ms, for_ms=record.ended_ms - record.lost_ms):
        return
    if seen.left_ms < record.ended_ms - FOUND_MS:
        return
    if not any(clip.at_ms >= record.lost_ms for clip in record.clips):
        yield Broken("no dead air", record.ended_ms, "the call ends without a word")


# --- what the next session is told ------------------------------------------------------------


def conversation_is_told(seen: Seen) -> Iterator[Broken]:
    """Each session after the first is told what the caller heard, and what they said."""
    for number in range(2, len(seen.record.sessions) + 1):
        ours = [e for e in seen.near if e.is_ours and e.session == number]
        first = next((e for e in ours if e.kind != "session.update"), None)
        if first is None:
            continue  # nobody knows whether it was told anything
        told = [
            e
            for e in ours
            if e.kind == "conversation.item.create"
            and e.fields.get("event_id") == TOLD
            and e.sent_ms <= first.sent_ms + 1
        ]
        yield from _told_once(told, first.sent_ms)
        yield from _told_model(seen, told, number, first.sent_ms)


def _told_once(told: list[Entry], at_ms: float) -> Iterator[Broken]:
    """Tool calls and their outputs are told once each, and no output without its call."""
    calls = [e.fields["item"]["call_id"] for e in told if _kind(e) == "function_call"]
    outputs = [e.fields["item"]["call_id"] for e in told if _kind(e) == "function_call_output"]
    for name, ids in (("call", calls), ("output", outputs)):
        for call_id in {one for one in ids if ids.count(one) > 1}:
            yield Broken("conversation", at_ms, f"{name} {call_id} is told twice")
    for call_id in set(outputs) - set(calls):
        yield Broken("conversation", at_ms, f"the output of no call: {call_id}")


def _kind(entry: Entry) -> str:
    kind: str = entry.fields["item"].get("type", "")
    return kind


def _told_model(seen: Seen, told: list[Entry], number: int, at_ms: float) -> Iterator[Broken]:
    texts = [
        e.fields["item"].get("text", "")
        for e in told
        if e.fields["item"].get("role") == "assistant"
    ]
    place = 0
    for item in _spoken_before(seen, number):
        said = seen.record.said[int(item.item_id.removeprefix("item_"))]
        if not said.text or _is_unsure(seen, item, at_ms):
            if place < len(texts) and said.text and said.text.startswith(texts[place]):
                place += 1
            continue
        text = texts[place] if place < len(texts) else None
        is_it = text is not None and said.text.startswith(text)
        heard_ms, received_ms = seen.heard_ms(item.item_id, at_ms), item.received_ms(at_ms)
        if is_it:
            place += 1
        share = len(text) / len(said.text) if is_it and text is not None else 0.0
        yield from _judged(item, at_ms, (heard_ms, received_ms), share)
    for earlier, later in pairwise(texts):
        if earlier == later:
            yield Broken("conversation", at_ms, f"{earlier!r} is told twice")


def _judged(item: Item, at_ms: float, times: tuple[int, int], share: float) -> Iterator[Broken]:
    heard_ms, received_ms = times
    is_all = heard_ms + HEARD_ENOUGH_MS + SLACK_MS >= received_ms
    wanted = 1.0 if is_all and heard_ms else heard_ms / max(received_ms, 1)
    wanted_ms = abs(share - wanted) * received_ms
    if abs(share - wanted) > SHARE and wanted_ms > 2 * UNSURE_MS:
        detail = f"{item.item_id}: {share:.0%} of its words, heard {heard_ms} of {received_ms} ms"
        yield Broken("conversation", at_ms, detail)


def _spoken_before(seen: Seen, number: int) -> list[Item]:
    """The model's items of the sessions before, in their order."""
    items = [
        item
        for item in seen.items.values()
        if (response := seen.responses.get(item.response_id)) is not None
        and response.session < number
        and item.deltas
    ]
    return sorted(items, key=lambda item: item.deltas[0][0])


def _is_unsure(seen: Seen, item: Item, at_ms: float) -> bool:
    """Whether nobody can tell, from outside, how much of it was decided to be heard."""
    is_odd = seen.is_held(CARRIER, at_ms, for_ms=30_000) or seen.has_odd_marks(at_ms)
    is_late = seen.heard_ms(item.item_id) != seen.heard_ms(item.item_id, at_ms)
    heard_ms, received_ms = seen.heard_ms(item.item_id, at_ms), item.received_ms(at_ms)
    is_open = not item.told and heard_ms + HEARD_ENOUGH_MS < received_ms
    return is_odd or is_late or is_open


RULES: Final = (
    sessions_know_what_they_are_told_of,
    losses_are_found,
    nobody_waits_in_silence,
    calls_end_with_words,
    conversation_is_told,
)
