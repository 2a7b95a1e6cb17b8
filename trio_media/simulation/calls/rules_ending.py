"""How a call must end that somebody of ours ends: nobody cut off, in time, and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trio_media.simulation.calls.record import CARRIER, MODEL, Wish
from trio_media.simulation.calls.seen import Broken, Item, Seen

HEARD_ENOUGH_MS: Final = 150
FRAME_MS: Final = 20
SLACK_MS: Final = 60.0
SILENT_MS: Final = 10_000  # an ending waits so long while nothing is heard
SURE_MS: Final = 500
END_MS: Final = 4_000  # a turn that is not committed, a hush, the networks
LEAVE_MS: Final = 30_000
REQUESTED_MS: Final = 10_000
ACTIVE_MS: Final = 30_000
TRANSFERRED: Final = "transferred"
NOT_OURS: Final = ("caller_hung_up", "carrier_lost", "carrier_protocol_error", "model_lost")
REFUSED: Final = ("refused", "start_timeout", "")


def _is_ended_when_heard(seen: Seen) -> bool:
    """Whether the call ended because somebody of ours wanted that, and had time for it."""
    record = seen.record
    if record.end_reason in (*NOT_OURS, *REFUSED) or record.ended_ms is None or record.crash:
        return False
    return all(asked.wish is not Wish.HANG_UP for asked in record.asked)


def nobody_is_cut_off(seen: Seen) -> Iterator[Broken]:
    """A call that ends when everything was heard does so: also what was still to be generated."""
    if not _is_ended_when_heard(seen):
        return
    at_ms = seen.left_ms
    is_unsure = seen.is_held(CARRIER, at_ms, for_ms=5_000) or seen.has_odd_marks(at_ms)
    if is_unsure or seen.is_held(MODEL, at_ms, for_ms=5_000):
        return
    for item in seen.items.values():
        missing_ms = _missing_ms(seen, item, at_ms)
        if missing_ms > HEARD_ENOUGH_MS + FRAME_MS + seen.latency_ms + SLACK_MS:
            yield Broken("end", at_ms, f"{missing_ms} ms of {item.item_id} were cut off")
    is_lost = seen.session_lost_ms < at_ms - SURE_MS
    if is_lost or at_ms - seen.last_heard_ms(at_ms) >= SILENT_MS - SURE_MS:
        return
    told = {item.response_id for item in seen.items.values() if item.told}
    for response in seen.responses.values():
        is_open = response.over_ms is None or response.over_ms > at_ms
        is_fresh = response.created_ms < at_ms and at_ms - response.last_ms < SILENT_MS - SURE_MS
        is_taken = response.cancels or response.response_id in told
        is_open = is_open and seen.gone_ms(response.session) > at_ms
        if is_open and is_fresh and not is_taken:
            yield Broken("end", at_ms, f"{response.response_id} was still being generated")


def _missing_ms(seen: Seen, item: Item, at_ms: float) -> float:
    """How much of an item is owed to the caller."""
    response = seen.responses.get(item.response_id)
    is_taken = item.told or (response is not None and response.cancels)
    clears = [clear.sent_ms for clear in seen.ours.get("clear", [])]
    last_ms = item.media[-1].sent_ms if item.media else 0.0
    is_muted = any(clear_ms >= last_ms for clear_ms in clears)
    if is_taken or is_muted or response is None:
        return 0.0
    return item.received_ms(at_ms) - seen.heard_ms(item.item_id)


def endings_come(seen: Seen) -> Iterator[Broken]:
    """An ending that was asked for, and that nobody took back, comes when nothing goes on."""
    for asked in seen.record.asked:
        if asked.wish is not Wish.END or asked.settled_ms is None or asked.outcome == "revoked":
            continue
        came_ms = min(asked.settled_ms, seen.left_ms)
        due_ms = _quiet_ms(seen, asked.asked_ms, came_ms) + SILENT_MS + END_MS
        due_ms += LEAVE_MS if asked.is_leaving else 0
        is_held = seen.is_held(MODEL, came_ms, for_ms=60_000)
        if came_ms > due_ms and not is_held and not seen.is_held(CARRIER, due_ms):
            detail = f"asked for at {asked.asked_ms:.0f}, {asked.outcome}, due by {due_ms:.0f}"
            yield Broken("end", came_ms, detail)


def _quiet_ms(seen: Seen, since_ms: float, by_ms: float) -> float:
    """Since when nothing went on any more."""
    busy_ms = [since_ms, seen.last_heard_ms(by_ms)]
    busy_ms += [until_ms for from_ms, until_ms in seen.record.voiced_ms if from_ms < by_ms]
    kinds = ("mark", "media", "clear", "stop")
    busy_ms += [entry.at_ms for entry in seen.near if entry.kind not in kinds]
    busy_ms += [until_ms for _, until_ms in seen.gaps]
    return max((at_ms for at_ms in busy_ms if at_ms <= by_ms), default=since_ms)


def ended_once_at_the_carrier(seen: Seen) -> Iterator[Broken]:
    """The carrier's account is asked to end the call once, where we end it, and else not."""
    record = seen.record
    if record.ended_ms is None or record.crash or record.end_reason in REFUSED:
        return
    requests = [request for _, request in record.account]
    hang_ups = requests.count("hang up CA1")
    redirects = requests.count("redirect CA1")
    is_ours = record.end_reason not in (*NOT_OURS, TRANSFERRED)
    wanted = int(is_ours and seen.settings.has_account)
    if hang_ups != wanted:
        detail = f"{hang_ups} hang-ups at the account, for {record.end_reason}"
        yield Broken("end", record.ended_ms, detail)
    leaving = sum(asked.is_leaving for asked in record.asked)
    if redirects > leaving:
        yield Broken("end", record.ended_ms, f"{redirects} redirects for {leaving} transfers")
    if record.end_reason == TRANSFERRED and seen.settings.has_account and not redirects:
        yield Broken("end", record.ended_ms, "transferred, and nobody was told where to")


def nothing_is_answered_while_handed_over(seen: Seen) -> Iterator[Broken]:
    """No create goes out between the redirect and its answer, whatever that is."""
    redirects = [at_ms for at_ms, request in seen.record.account if request == "redirect CA1"]
    for create in seen.ours.get("response.create", []):
        for at_ms in redirects:
            failed_ms = [a.settled_ms for a in seen.record.asked if a.outcome == "failed"]
            until_ms = min((f for f in failed_ms if f is not None and f > at_ms), default=None)
            is_between = at_ms < create.sent_ms and (until_ms is None or create.sent_ms < until_ms)
            if is_between and not seen.is_held(MODEL, create.sent_ms):
                yield Broken("end", create.sent_ms, "a create while the call is handed over")


RULES: Final = (
    nobody_is_cut_off,
    endings_come,
    ended_once_at_the_carrier,
    nothing_is_answered_while_handed_over,
)
