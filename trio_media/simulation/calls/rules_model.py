"""What the model's wire must show: one cancel, one answer, the truth about what was heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trio_media.simulation.calls.record import CARRIER, MODEL, Entry, Wish
from trio_media.simulation.calls.rules_asked import is_unasked
from trio_media.simulation.calls.seen import Broken, Item, Response, Seen

HEARD_ENOUGH_MS: Final = 150
FRAME_MS: Final = 20
REQUESTED_MS: Final = 10_000
CANCELLING_MS: Final = 3_000
ACTIVE_MS: Final = 30_000
TURN_COMMIT_MS: Final = 2_000
TURN_SILENT_MS: Final = 30_000
TELL_MS: Final = 5_000  # a deletion waits for a terminal event, and that for a deadline
ANSWER_MS: Final = 8_000  # a verdict on a transcript, a refusal of flags, the networks
SLACK_MS: Final = 60.0  # between a clock of frames and one of milliseconds


def one_cancel(seen: Seen) -> Iterator[Broken]:
    """Promise 1: at most one cancel a response, by its id, and none for one known to be over."""
    cancelled: set[str] = set()
    for cancel in seen.ours.get("response.cancel", []):
        response_id = cancel.fields.get("response_id")
        response = seen.responses.get(response_id or "")
        if response is None or response.created_ms > cancel.sent_ms:
            yield Broken("one cancel", cancel.sent_ms, f"of a response not known: {response_id}")
            continue
        if response.response_id in cancelled:
            yield Broken("one cancel", cancel.sent_ms, f"a second one for {response_id}")
        cancelled.add(response.response_id)
        if cancel.session != response.session:
            detail = f"{response_id} is of a session that is gone"
            yield Broken("one cancel", cancel.sent_ms, detail)
        over_ms = response.over_ms
        is_sure = not response.is_end_guessed and not _may_lag(seen, cancel)
        if over_ms is not None and over_ms < cancel.sent_ms and is_sure:
            yield Broken("one cancel", cancel.sent_ms, f"{response_id} was over at {over_ms:.0f}")


def _may_lag(seen: Seen, entry: Entry) -> bool:
    """Whether it may have been decided well before it went out."""
    return seen.is_held(MODEL, entry.sent_ms)


def one_answer(seen: Seen) -> Iterator[Broken]:
    """Promise 4: a create only when nothing is open, asked for, or being said by the caller."""
    for create in seen.ours.get("response.create", []):
        if _may_lag(seen, create):
            continue
        at_ms = create.sent_ms
        for response in seen.responses.values():
            if _is_open(seen, response, at_ms):
                yield Broken("one answer", at_ms, f"a create while {response.response_id} is open")
        for other in seen.ours["response.create"]:
            if other.sent_ms < at_ms and _is_unanswered(seen, other, at_ms):
                event_id = other.fields["event_id"]
                yield Broken("one answer", at_ms, f"a create while {event_id} is not answered")
        yield from _turn_in_progress(seen, at_ms)


def _is_open(seen: Seen, response: Response, at_ms: float) -> bool:
    if response.created_ms >= at_ms:
        return False
    if response.over_ms is not None and response.over_ms <= at_ms:
        return False
    if seen.gone_ms(response.session) <= at_ms:
        return False
    stops_ms = [cancel.sent_ms for cancel in response.cancels]
    if seen.settings.authority == "server":  # which stops it by itself
        started = seen.theirs.get("input_audio_buffer.speech_started", [])
        stops_ms += [entry.at_ms for entry in started if entry.at_ms > response.created_ms]
    patience_ms = CANCELLING_MS if any(stop_ms < at_ms for stop_ms in stops_ms) else ACTIVE_MS
    return at_ms - response.last_ms < patience_ms - SLACK_MS


def _is_unanswered(seen: Seen, create: Entry, at_ms: float) -> bool:
    event_id = create.fields["event_id"]
    if at_ms - create.sent_ms >= REQUESTED_MS - SLACK_MS:
        return False
    if seen.gone_ms(create.session) <= at_ms:
        return False
    for entry in seen.theirs.get("error", []):
        if entry.fields["event_id"] == event_id and entry.at_ms <= at_ms:
            return False
    created = seen.theirs.get("response.created", []) + seen.theirs.get("response.done", [])
    return not any(create.sent_ms < entry.at_ms <= at_ms for entry in created)


def _turn_in_progress(seen: Seen, at_ms: float) -> Iterator[Broken]:
    for started in seen.theirs.get("input_audio_buffer.speech_started", []):
        item_id, began_ms = started.fields["item_id"], started.at_ms
        if began_ms >= at_ms or at_ms - began_ms > TURN_SILENT_MS - SLACK_MS:
            continue
        if seen.gone_ms(started.session) <= at_ms:
            continue  # it is said again
        ends_ms = [
            entry.at_ms + late_ms
            for kind, late_ms in (("committed", 0), ("speech_stopped", TURN_COMMIT_MS))
            for entry in seen.theirs.get(f"input_audio_buffer.{kind}", [])
            if entry.fields["item_id"] == item_id
        ]
        if not any(end_ms - SLACK_MS * (end_ms != began_ms) <= at_ms for end_ms in ends_ms):
            yield Broken("one answer", at_ms, f"a create while the caller is in {item_id}")


def truth(seen: Seen) -> Iterator[Broken]:
    """Promise 3: what the model is told of an item is what the caller heard of it."""
    for item in seen.items.values():
        for told in item.told:
            if told.kind == "conversation.item.truncate":
                yield from _truncated(seen, item, told)
            else:
                yield from _deleted(seen, item, told)
        kinds = [told.kind for told in item.told]
        if len(kinds) != len(set(kinds)):
            yield Broken("truth", item.told[-1].sent_ms, f"{item.item_id} was told of twice")


def _truncated(seen: Seen, item: Item, told: Entry) -> Iterator[Broken]:
    end_ms, received_ms = told.fields["audio_end_ms"], item.received_ms(told.sent_ms)
    if not isinstance(end_ms, int) or end_ms < 0:
        yield Broken("truth", told.sent_ms, f"{item.item_id} truncated at {end_ms!r}")
    elif end_ms > received_ms:
        detail = f"{item.item_id} truncated at {end_ms} of {received_ms} received"
        yield Broken("truth", told.sent_ms, detail)
    elif not _is_unsure(seen, told):
        heard_ms = seen.heard_ms(item.item_id)
        if abs(end_ms - heard_ms) > seen.latency_ms + SLACK_MS:
            detail = f"{item.item_id} truncated at {end_ms}, heard were {heard_ms}"
            yield Broken("truth", told.sent_ms, detail)


def _deleted(seen: Seen, item: Item, told: Entry) -> Iterator[Broken]:
    heard_ms = seen.heard_ms(item.item_id)
    if heard_ms > seen.latency_ms + SLACK_MS and not _is_unsure(seen, told):
        yield Broken("truth", told.sent_ms, f"{item.item_id} deleted, heard were {heard_ms}")


def _is_unsure(seen: Seen, told: Entry) -> bool:
    """Whether nobody can know exactly what was heard by then."""
    return seen.is_held(CARRIER, told.sent_ms, for_ms=5_000) or seen.has_odd_marks(told.sent_ms)


def nothing_unheard_is_kept(seen: Seen) -> Iterator[Broken]:
    """Promise 3: where a good part was never heard, and never will be, the model is told."""
    for item in seen.items.values():
        gone_ms = _gone_ms(seen, item)
        if gone_ms is None or item.told or seen.session_lost_ms < gone_ms + TELL_MS:
            continue
        if seen.is_away(gone_ms + TELL_MS, for_ms=TELL_MS) or seen.is_of_gone(item, gone_ms):
            continue  # the next session is told in another way
        missing_ms = item.received_ms(gone_ms) - seen.heard_ms(item.item_id)
        limit_ms = HEARD_ENOUGH_MS + FRAME_MS + seen.latency_ms + SLACK_MS
        is_held = seen.is_held(CARRIER, gone_ms + TELL_MS, for_ms=2 * TELL_MS)
        if missing_ms > limit_ms and not is_held:
            detail = f"{missing_ms} ms of {item.item_id} were not heard and the model was not told"
            yield Broken("truth", gone_ms, detail)


def _gone_ms(seen: Seen, item: Item) -> float | None:
    """When the last of an item was thrown away; None while it may still be heard."""
    last_ms = item.media[-1].sent_ms if item.media else None
    clears = [clear.sent_ms for clear in seen.ours.get("clear", [])]
    if last_ms is not None:
        return next((at_ms for at_ms in clears if at_ms > last_ms), None)
    response = seen.responses.get(item.response_id)
    if response is None or not response.cancels or not item.deltas:
        return None
    return max(item.deltas[-1][0], response.cancels[0].sent_ms)


def answers_have_causes(seen: Seen) -> Iterator[Broken]:
    """Promise 4: nobody is answered twice: each create has something new to answer."""
    causes = _causes(seen)
    balance = 0
    for create in seen.ours.get("response.create", []):
        if is_unasked(seen, create):
            continue
        while causes and causes[0][0] <= create.sent_ms:
            balance += causes.pop(0)[1]
        balance -= 1
        if balance < 0:
            yield Broken("one answer", create.sent_ms, "a create that nothing asked for")
            balance = 0


def _causes(seen: Seen) -> list[tuple[float, int]]:
    causes: list[tuple[float, int]] = [(0.0, 1)] if seen.settings.greeting else []
    kinds = ("input_audio_buffer.committed", "dtmf", "error")
    causes += [(e.at_ms, 1) for kind in kinds for e in seen.theirs.get(kind, [])]
    causes += [(clear.sent_ms, 1) for clear in seen.ours.get("clear", [])]  # a take owes an answer
    dones = seen.theirs.get("response.done", [])  # what failed is asked for again, or goes on
    causes += [(e.at_ms, 1) for e in dones if e.fields["status"] in ("failed", "incomplete")]
    cancels = seen.ours.get("response.cancel", [])
    causes += [(cancel.sent_ms, 1) for cancel in cancels]
    outputs = seen.ours.get("conversation.item.create", [])
    causes += [(output.sent_ms, 1) for output in outputs]
    creates = seen.ours.get("response.create", [])
    causes += [(create.sent_ms + REQUESTED_MS - SLACK_MS, 1) for create in creates]
    for away in seen.record.aways:  # what was cut off goes on, or is asked for again
        was_open = any(_is_open(seen, r, away.since_ms - 1) for r in seen.responses.values())
        was_asked = any(_is_unanswered(seen, c, away.since_ms - 1) for c in creates)
        causes.append((away.since_ms, 1 + (was_open or was_asked)))
    asked = [a for a in seen.record.asked if a.wish is Wish.SPEAK or a.has_words]
    causes += [(a.asked_ms, 1) for a in asked]
    causes += [(a.asked_ms, 1) for a in seen.record.asked if a.wish is Wish.INTERRUPT]
    return sorted(causes)


def interrupted_is_cancelled(seen: Seen) -> Iterator[Broken]:
    """Promise 3 and 1: what is open when the model is told of it is not left running."""
    if seen.settings.authority != "client":
        return  # the server stops by itself what it interrupts
    for item in seen.items.values():
        response = seen.responses.get(item.response_id)
        for told in item.told:
            at_ms = told.sent_ms
            if response is None or not _is_open(seen, response, at_ms) or _may_lag(seen, told):
                continue
            if not any(cancel.sent_ms <= at_ms for cancel in response.cancels):
                yield Broken("one cancel", at_ms, f"{response.response_id} was left running")


def servers_own_is_not_cancelled(seen: Seen) -> Iterator[Broken]:
    """Promise 1: nothing is cancelled because the server hears speech, where it cancels itself."""
    started = {e.at_ms for e in seen.theirs.get("input_audio_buffer.speech_started", [])}
    others = {e.at_ms for e in seen.theirs.get("dtmf", [])}
    others |= {asked.asked_ms for asked in seen.record.asked}
    for cancel in seen.ours.get("response.cancel", []):
        at_ms, response_id = cancel.sent_ms, cancel.fields.get("response_id")
        response = seen.responses.get(response_id or "")
        is_known = response is not None and response.created_ms < at_ms
        if is_known and at_ms in started - others and seen.server_acts(at_ms):
            yield Broken("one cancel", at_ms, f"the server interrupts {response_id} by itself")


def given_up_is_doomed(seen: Seen) -> Iterator[Broken]:
    """A response whose create was given up is not heard when it comes after all."""
    for created in seen.theirs.get("response.created", []):
        late_ms = created.at_ms - seen.asked_ms(created)
        if late_ms <= REQUESTED_MS + SLACK_MS or _may_lag(seen, created):
            continue
        response_id = created.fields["response_id"]
        if any(item.media for item in seen.items.values() if item.response_id == response_id):
            yield Broken("one answer", created.at_ms, f"{response_id} came {late_ms:.0f} ms late")


def turns_are_answered(seen: Seen) -> Iterator[Broken]:
    """Promise 5: a caller's turn that is no mere backchannel gets its answer."""
    answered = [create.sent_ms for create in seen.ours.get("response.create", [])]
    answered += [created.at_ms for created in seen.theirs.get("response.created", [])]
    void = {d.fields["item_id"] for d in seen.ours.get("conversation.item.delete", [])}
    for turn in seen.theirs.get("input_audio_buffer.committed", []):
        if turn.fields["item_id"] in void or seen.is_held(MODEL, turn.at_ms):
            continue
        if seen.is_left(turn.at_ms):
            continue
        if any(at_ms >= turn.at_ms for at_ms in answered):
            continue
        if seen.session_lost_ms > _busy_until_ms(seen, turn.at_ms) + ANSWER_MS:
            yield Broken("no dead air", turn.at_ms, f"{turn.fields['item_id']} was never answered")


def _busy_until_ms(seen: Seen, since_ms: float) -> float:
    """Until when an answer may have to wait: for others, for the caller, for a verdict."""
    until_ms = [since_ms]
    for response in seen.responses.values():
        over_ms = response.over_ms
        until_ms.append(response.last_ms + ACTIVE_MS if over_ms is None else over_ms)
    until_ms += [
        create.sent_ms + REQUESTED_MS
        for create in seen.ours.get("response.create", [])
        if _is_unanswered(seen, create, create.sent_ms + REQUESTED_MS - 2 * SLACK_MS)
    ]
    until_ms += [voiced_until_ms + TURN_COMMIT_MS for _, voiced_until_ms in seen.record.voiced_ms]
    until_ms += [e.at_ms for e in seen.near if e.kind in ("error", "session.updated", "dtmf")]
    until_ms += [e.at_ms for e in seen.ours.get("conversation.item.create", [])]
    until_ms += [until_ms for _, until_ms in seen.gaps]
    until_ms += [heard.at_ms for heard in seen.record.heard]  # protected speech is waited for
    return max(until_ms)


def flags_are_ours(seen: Seen) -> Iterator[Broken]:
    """Under our own authority the server is never told to act by itself."""
    for update in seen.ours.get("session.update", []):
        if seen.settings.authority == "client" and update.fields.get("acts"):
            yield Broken("authority", update.sent_ms, "the server was told to act by itself")


RULES: Final = (
    one_cancel,
    one_answer,
    truth,
    nothing_unheard_is_kept,
    answers_have_causes,
    interrupted_is_cancelled,
    servers_own_is_not_cancelled,
    given_up_is_doomed,
    turns_are_answered,
    flags_are_ours,
)
