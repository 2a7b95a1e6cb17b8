"""What must become of all that is asked for: words, clips, keys, tools; and what nobody asked for.

Whoever asks has one outcome, and it is true by the caller's own ears.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.call.phrases import ASK_FOR_A_WORD, GOODBYE, STILL_AT_IT
from trio_media.simulation.calls.record import CARRIER, MODEL, Asked, Entry, Wish
from trio_media.simulation.calls.seen import Broken, Item, Seen

HEARD_ENOUGH_MS: Final = 150
FRAME_MS: Final = 20
SLACK_MS: Final = 60.0
SURE_MS: Final = 500  # what was heard so long before an outcome is no matter of clocks
KEYS_MS: Final = 1_600  # keys with longer pauses between them are told apart
KEYS_TOLD_MS: Final = 2_500  # ... and told, where they are the model's
KEYS_WORDS: Final = "The caller pressed these keys: "
LATE_WORDS_MS: Final = 2_000  # a turn is committed so long after it was said
TOOL_MS: Final = 32_000  # a tool has 30 s
TERMINATOR: Final = "#"
HEARD: Final = "heard"


def everybody_is_answered(seen: Seen) -> Iterator[Broken]:
    """Whoever waits for an outcome gets it, at the latest when the call ends."""
    if seen.record.ended_ms is None or seen.record.crash:
        return
    for name in seen.record.waiting:
        yield Broken("outcome", seen.record.ended_ms, f"{name} got none")
    decided = Counter((asked.wish.value, asked.outcome or "") for asked in seen.record.asked)
    for wish, outcome in Counter(seen.record.told) - decided:
        detail = f"{wish} is told to be {outcome}, which was not decided"
        yield Broken("outcome", seen.record.ended_ms, detail)


# --- words and clips -------------------------------------------------------------------------


def outcomes_are_true(seen: Seen) -> Iterator[Broken]:
    """What is called heard was heard, what is not was not, and as far as is said."""
    for asked in seen.record.asked:
        if asked.wish is Wish.SPEAK and asked.token is not None:
            yield from _spoken(seen, asked)
        elif asked.wish is Wish.PLAY and asked.clip is not None:
            heard_ms = seen.heard_ms(seen.clip_name(asked.clip))
            yield from _outcome(seen, asked, heard_ms, asked.length_ms, is_whole=True)


def clips_without_labels_are_heard(seen: Seen) -> Iterator[Broken]:
    """As much as is called heard sounded in the caller's ear, all clips of a call together."""
    asked = [a for a in seen.record.asked if a.wish is Wish.PLAY and a.outcome == HEARD]
    heard_ms = sum(len(clip.audio) // BYTES_PER_MS for clip in seen.record.clips)
    limit_ms = heard_ms
    for number, one in enumerate(asked, 1):
        limit_ms -= one.sound_ms
        at_ms = one.settled_ms or 0.0
        is_unsure = seen.is_held(CARRIER, at_ms, for_ms=5_000) or seen.has_odd_marks(at_ms)
        slack_ms = number * (HEARD_ENOUGH_MS + FRAME_MS + seen.latency_ms + SLACK_MS)
        if limit_ms < -slack_ms and not is_unsure:
            detail = f"{heard_ms} ms of clips were heard, and more is called heard"
            yield Broken("outcome", at_ms, detail)
            return


def _spoken(seen: Seen, asked: Asked) -> Iterator[Broken]:
    items = _items_of(seen, asked)
    heard_ms = sum(seen.heard_ms(item.item_id) for item in items)
    received_ms = sum(item.received_ms(seen.ended_ms) for item in items)
    answers = [seen.responses.get(item.response_id) for item in items]
    is_whole = all(answer is not None and answer.is_completed for answer in answers)
    yield from _outcome(seen, asked, heard_ms, received_ms, is_whole=is_whole)


def _items_of(seen: Seen, asked: Asked) -> list[Item]:
    """What was said for a request, as far as the service says what it answers."""
    answers = {
        created.fields["response_id"]
        for created in seen.theirs.get("response.created", [])
        if (created.fields.get("metadata") or {}).get("trio_media") == asked.token
    }
    return [item for item in seen.items.values() if item.response_id in answers]


def _outcome(
    seen: Seen, asked: Asked, heard_ms: int, length_ms: int, *, is_whole: bool
) -> Iterator[Broken]:
    if asked.settled_ms is None or not length_ms:
        return
    at_ms, limit_ms = asked.settled_ms, seen.latency_ms + SLACK_MS
    if seen.is_held(CARRIER, at_ms, for_ms=5_000) or seen.has_odd_marks(at_ms):
        return
    detail = f"of {asked.wish.value} {heard_ms} of {length_ms} ms were heard"
    missing_ms = length_ms - heard_ms
    if asked.outcome == HEARD and missing_ms > HEARD_ENOUGH_MS * 2 + FRAME_MS + limit_ms:
        yield Broken("outcome", at_ms, f"{detail}, and it is called heard")
    was_over = seen.last_heard_ms(at_ms) < at_ms - SURE_MS - limit_ms
    if asked.outcome == "cut_off" and is_whole and missing_ms <= 0 and was_over:
        yield Broken("outcome", at_ms, f"{detail}, and it is called cut off")
    if asked.outcome == "dropped" and heard_ms:
        yield Broken("outcome", at_ms, f"{detail}, and it is called dropped")
    if asked.outcome in (HEARD, "cut_off") and abs(asked.heard_ms - heard_ms) > 2 * limit_ms:
        yield Broken("outcome", at_ms, f"{detail}, told were {asked.heard_ms}")


# --- keys ------------------------------------------------------------------------------------


def keys_reach_one(seen: Seen) -> Iterator[Broken]:
    """Each key is the model's, or of whoever asked for keys: never both, never nobody's."""
    keys = seen.theirs.get("dtmf", [])
    given: Counter[str] = Counter()
    last = len(seen.record.sessions)  # it knows all that was told to those before it
    for told in seen.ours.get("conversation.item.create", []):
        if told.session != last:
            continue
        given.update(told.fields["item"].get("text", "").removeprefix(KEYS_WORDS))
        if not told.fields["item"].get("text", "").startswith(KEYS_WORDS):
            given.subtract(told.fields["item"].get("text", ""))
    collections = [asked for asked in seen.record.asked if asked.wish is Wish.DIGITS]
    for asked in collections:
        given.update(asked.digits)
        given[TERMINATOR] += asked.outcome == "terminated"
    pressed = Counter(key.fields["digit"] for key in keys)
    for digit in given - pressed:
        yield Broken("keys", seen.ended_ms, f"{digit} was given more often than it was pressed")
    is_unsure = any(a.outcome in (None, "abandoned") for a in collections)
    until_ms = [key.at_ms + KEYS_TOLD_MS for key in keys]
    if is_unsure or any(seen.is_held(MODEL, at_ms, for_ms=6_000) for at_ms in until_ms):
        return
    if seen.is_away(seen.session_lost_ms, for_ms=KEYS_TOLD_MS):
        return
    due = Counter(key.fields["digit"] for key in _due_keys(seen, keys))
    for digit in due - given:
        yield Broken("keys", keys[-1].at_ms, f"{digit} reached nobody")


def _due_keys(seen: Seen, keys: list[Entry]) -> list[Entry]:
    """The keys after which there was time to tell them."""
    bursts: list[list[Entry]] = [[key] for key in keys[:1]]
    for before, key in pairwise(keys):
        if key.at_ms - before.at_ms > KEYS_MS:
            bursts.append([])
        bursts[-1].append(key)
    over_ms = seen.session_lost_ms - KEYS_TOLD_MS
    return [key for burst in bursts if burst[-1].at_ms < over_ms for key in burst]


def tools_are_answered(seen: Seen) -> Iterator[Broken]:
    """Each call of a tool gets exactly one output."""
    told = [
        (entry.session, entry.fields["item"].get("call_id"))
        for entry in seen.ours.get("conversation.item.create", [])
        if entry.fields["item"].get("type") == "function_call_output"
    ]
    for _, call_id in {one for one in told if told.count(one) > 1}:
        yield Broken("tools", 0.0, f"{call_id} got more than one output")
    outputs = {call_id for _, call_id in told}
    for call in seen.theirs.get("response.output_item.done", []):
        call_id, at_ms = call.fields.get("call_id"), call.at_ms
        is_due = call_id is not None and seen.session_lost_ms > at_ms + TOOL_MS
        if is_due and call_id not in outputs:
            yield Broken("tools", at_ms, f"{call_id} got no output")


# --- what nobody asked for -------------------------------------------------------------------


def unasked_words_have_reasons(seen: Seen) -> Iterator[Broken]:
    """A word is asked for after silence, a goodbye said after asking, and a filler while a tool
    runs."""
    refused = {entry.fields["event_id"] for entry in seen.theirs.get("error", [])}
    asked: list[float] = []
    taken: list[float] = []  # without those that the service refused, which are asked again
    for create in seen.ours.get("response.create", []):
        words = create.fields.get("instructions") or ""
        is_sure = create.fields["event_id"] not in refused
        is_sure = is_sure and not seen.is_held(MODEL, create.sent_ms)
        if ASK_FOR_A_WORD in words:
            asked.append(create.sent_ms)
            if is_sure:
                yield from _after_silence(seen, create, taken)
                taken.append(create.sent_ms)
        elif GOODBYE in words:
            in_a_row = _in_a_row(seen, asked, create.sent_ms, with_void=False)
            if in_a_row < seen.settings.silence_asks:
                detail = f"goodbye after {in_a_row} words asked for"
                yield Broken("silence", create.sent_ms, detail)
        elif is_sure and is_filler(seen, words) and not _runs_tool(seen, create.sent_ms):
            yield Broken("tools", create.sent_ms, "a filler, and no tool runs")


def is_filler(seen: Seen, words: str) -> bool:
    """Whether these words are said because a tool takes its time."""
    return STILL_AT_IT in words or any(filler in words for filler in seen.record.fillers)


def is_unasked(seen: Seen, create: Entry) -> bool:
    """Whether a create is no answer to anything."""
    words = create.fields.get("instructions") or ""
    return ASK_FOR_A_WORD in words or GOODBYE in words or is_filler(seen, words)


def _after_silence(seen: Seen, create: Entry, asked: list[float]) -> Iterator[Broken]:
    at_ms, silence_ms = create.sent_ms, seen.settings.silence_ms
    if not silence_ms:
        yield Broken("silence", at_ms, "a word is asked for, and nobody wants that")
        return
    quiet_ms = at_ms - seen.last_heard_ms(at_ms)
    if quiet_ms < silence_ms - SLACK_MS:
        yield Broken("silence", at_ms, f"a word is asked for after {quiet_ms:.0f} ms")
    kinds = ("input_audio_buffer.committed", "dtmf")
    words_ms = [e.at_ms for kind in kinds for e in seen.theirs.get(kind, [])]
    since_ms = at_ms - silence_ms + LATE_WORDS_MS
    if any(since_ms < word_ms < at_ms for word_ms in words_ms):
        yield Broken("silence", at_ms, "a word is asked for, and the caller has just spoken")
    if _in_a_row(seen, asked, at_ms, with_void=True) >= seen.settings.silence_asks:
        yield Broken("silence", at_ms, f"a word is asked for more than {len(asked)} times in a row")


def _in_a_row(seen: Seen, asked: list[float], at_ms: float, *, with_void: bool) -> int:
    """How many words were asked for since the caller's last one.

    ``with_void``: a turn that was deleted counts as a word, as one does that was no mere noise.
    """
    kinds = ("input_audio_buffer.committed", "dtmf")
    void = {d.fields["item_id"] for d in seen.ours.get("conversation.item.delete", [])}
    words = [e for kind in kinds for e in seen.theirs.get(kind, []) if e.at_ms < at_ms]
    words_ms = [e.at_ms for e in words if with_void or e.fields.get("item_id") not in void]
    last_ms = max(words_ms, default=0.0)
    return sum(one_ms > last_ms for one_ms in asked)


def _runs_tool(seen: Seen, at_ms: float) -> bool:
    calls = {
        call.fields["call_id"]
        for call in seen.theirs.get("response.output_item.done", [])
        if call.fields.get("call_id") is not None and call.at_ms <= at_ms
    }
    outputs = {
        output.fields["item"].get("call_id")
        for output in seen.ours.get("conversation.item.create", [])
        if output.sent_ms < at_ms
    }
    return bool(calls - outputs)


RULES: Final = (
    everybody_is_answered,
    outcomes_are_true,
    clips_without_labels_are_heard,
    keys_reach_one,
    tools_are_answered,
    unasked_words_have_reasons,
)
