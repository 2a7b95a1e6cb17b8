"""What the observer forgets.  How much that is in a long call: `test_invariants`."""

from __future__ import annotations

from trio_media.core.known import Flying, KnownItem, KnownResponse
from trio_media.core.ledger import Ledger
from trio_media.core.policy import Policy
from trio_media.core.remembering import KNOWN_MAX, forget
from trio_media.core.units import RECORDS_KEPT


def books() -> Ledger:
    ledger = Ledger(Policy())
    for number in (1, 2, 3):
        rid = f"R{number}"
        ledger.responses[number] = KnownResponse(number, 0, response_id=rid, is_open=False)
        ledger.items[f"{rid}.1"] = KnownItem(rid, is_speech=True)
    return ledger


def test_it_remembers_more_than_the_core() -> None:
    assert KNOWN_MAX > RECORDS_KEPT


def test_what_is_old_and_over_goes_with_its_items() -> None:
    ledger = books()
    forget(ledger, 2 + KNOWN_MAX)
    assert (list(ledger.responses), list(ledger.items)) == ([3], ["R3.1"])


def test_what_is_open_or_in_the_air_stays() -> None:
    ledger = books()
    ledger.responses[1].is_open = True
    ledger.playing.append(Flying(1, "R2.1", 0, 200, 1, is_protected=False))
    forget(ledger, 3 + KNOWN_MAX)
    assert list(ledger.responses) == [1, 2]


def test_old_turns_go() -> None:
    ledger = books()
    ledger.turns = {f"T{number}": "answered" for number in range(KNOWN_MAX + 2)}
    forget(ledger, 3)
    assert next(iter(ledger.turns)) == "T2"
