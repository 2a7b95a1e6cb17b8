"""What the observer forgets: its books do not grow with the length of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_media.core.units import RECORDS_KEPT

if TYPE_CHECKING:
    from trio_media.core.ledger import Ledger

KNOWN_MAX: Final = RECORDS_KEPT + 16  # more than the core keeps, so that it is forgotten later


def forget(ledger: Ledger, newest: int) -> None:
    """Let go of what is over and unheard, long before the newest response, and of old turns."""
    old = [r for r in ledger.responses.values() if r.number <= newest - KNOWN_MAX and not r.is_open]
    in_air = {ledger.items[held.item_id].response_id for held in (*ledger.flying, *ledger.playing)}
    for response in (r for r in old if r.response_id not in in_air):
        del ledger.responses[response.number]
        of_it = [i for i, t in ledger.items.items() if t.response_id == response.response_id]
        for item_id in of_it:
            del ledger.items[item_id]
    while len(ledger.turns) > KNOWN_MAX:
        del ledger.turns[next(iter(ledger.turns))]
