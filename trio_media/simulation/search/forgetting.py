"""Which responses nothing can name any more, and so matter to no future.

A response's record is reached in four ways: among the live ones, as one that lingers (closed by
deadline), as one of too many, and by an event that names it.  A response that is over, neither live
nor lingering, and that the world has no event left for, is reached in none of them; too many there
never are in a search.  The observer's books ask after it while it is open, its cancel is unsettled,
something of it was not told, or it was protected.

Numbering the ids anew is not needed besides: the world names responses, items and turns in the
order in which they appear, so two calls that differ in names alone have the same names.
"""

from __future__ import annotations

from trio_media.core.known import KnownResponse
from trio_media.core.ledger import Ledger
from trio_media.core.responses import ResponseBook
from trio_media.simulation.search.world import World


def gone(book: ResponseBook, ledger: Ledger, world: World) -> frozenset[str]:
    """Return the ids of the responses that matter to no future."""
    if world.left.faults or not world.generations:
        return frozenset()  # a late event may name any of them
    over = {g.response_id for g in world.generations if g.is_over}
    if not over:
        return frozenset()
    awaited = {r.response_id for r in book if r.is_open or r.is_lingering}
    awaited.update(r.response_id for r in book.live)
    return frozenset(over - awaited - _asked_after(ledger))


def _asked_after(ledger: Ledger) -> set[str | None]:
    """The responses after which the observer may still ask."""
    asked = {r.response_id for r in ledger.responses.values() if _is_unsettled(r)}
    taken = {r.response_id for r in ledger.responses.values() if r.is_taken}
    held = [ledger.items[audio.item_id] for audio in (*ledger.flying, *ledger.playing)]
    asked.update(item.response_id for item in held)
    for item in ledger.items.values():
        is_untold = item.is_speech and item.told is None and not item.heard_ms
        if (item.is_speech and item.heard_ms is None) or (is_untold and item.response_id in taken):
            asked.add(item.response_id)
    return asked


def _is_unsettled(response: KnownResponse) -> bool:
    return response.is_open or not response.is_cancel_settled or response.is_protected
