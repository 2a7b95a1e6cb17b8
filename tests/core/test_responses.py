from __future__ import annotations

from trio_media.core.commands import Cause
from trio_media.core.events import Ended
from trio_media.core.responses import Cancel, Item, Phase, Response, ResponseBook
from trio_media.core.units import (
    ACTIVE_MS,
    CANCELLING_MS,
    CANCELLING_TOTAL_MS,
    HEARD_ENOUGH_MS,
    RECORDS_KEPT,
    REQUESTED_MS,
)


def a_response(phase: Phase, *, progress_ms: int = 100) -> Response:
    return Response(1, Cause.TURN, phase, progress_ms)


def test_each_phase_has_a_deadline_from_the_last_progress_and_being_over_has_none() -> None:
    assert a_response(Phase.REQUESTED).deadline_ms() == 100 + REQUESTED_MS
    assert a_response(Phase.ACTIVE).deadline_ms() == 100 + ACTIVE_MS
    assert a_response(Phase.OVER).deadline_ms() is None
    cancelling = a_response(Phase.CANCELLING)
    cancelling.cancel_at_ms = 50
    assert cancelling.deadline_ms() == 100 + CANCELLING_MS


def test_a_cancelled_response_that_goes_on_and_on_is_given_up() -> None:
    response = a_response(Phase.CANCELLING, progress_ms=1_000_000)
    response.cancel_at_ms = 10
    assert response.deadline_ms() == 10 + CANCELLING_TOTAL_MS


def test_closing_settles_the_cancel_and_ends_the_items() -> None:
    response = a_response(Phase.CANCELLING)
    response.cancel = Cancel.OUT
    response.items.append(Item("I", response))
    response.close(Ended.CANCELLED)
    assert response.cancel is Cancel.SETTLED
    assert response.items[0].is_done
    assert not response.is_open


def test_a_response_never_cancelled_has_no_settled_cancel() -> None:
    response = a_response(Phase.ACTIVE)
    response.close(Ended.COMPLETED)
    assert response.cancel is Cancel.NONE


def test_nearly_all_of_an_item_counts_as_all_only_when_it_is_done_and_was_heard() -> None:
    item = Item("I", a_response(Phase.ACTIVE), received_ms=1_000)
    item.heard_ms = 1_000 - HEARD_ENOUGH_MS
    enough = [item.is_heard_enough]
    item.is_done = True
    enough.append(item.is_heard_enough)
    item.heard_ms -= 1
    enough.append(item.is_heard_enough)
    item.received_ms, item.heard_ms = HEARD_ENOUGH_MS, 0
    enough.append(item.is_heard_enough)
    assert enough == [False, True, False, False]


def test_heard_adds_up_over_the_items() -> None:
    response = a_response(Phase.ACTIVE)
    response.items = [Item("a", response, heard_ms=3), Item("b", response, heard_ms=4)]
    assert response.heard_ms == 7
    assert response.find_item("b") is response.items[1]
    assert response.find_item("c") is None


def test_records_are_found_by_id_token_and_command() -> None:
    book = ResponseBook()
    one = book.add(Cause.TURN, Phase.REQUESTED, 0, token=7)
    two = book.add(Cause.SERVER, Phase.ACTIVE, 0, response_id="R2")
    two.cancel_command = 9
    assert book.by_token(7) is one
    assert book.by_id("R2") is two
    assert book.by_command(7) is one
    assert book.by_command(9) is two
    assert book.by_command(8) is None
    assert list(book) == [one, two]


def test_the_sole_response_of_a_phase_is_none_when_there_are_two() -> None:
    book = ResponseBook()
    one = book.add(Cause.TURN, Phase.REQUESTED, 0)
    assert book.sole(Phase.REQUESTED) is one
    book.add(Cause.TURN, Phase.REQUESTED, 0)
    assert book.sole(Phase.REQUESTED) is None


def test_old_records_are_dropped_but_never_an_open_or_audible_one() -> None:
    book = ResponseBook()
    for number in range(RECORDS_KEPT + 4):
        response = book.add(Cause.TURN, Phase.ACTIVE, 0, response_id=f"R{number + 1}")
        if number != 1:
            response.close(Ended.COMPLETED)
    dropped = book.prune(frozenset((1,)))
    assert [response.number for response in dropped] == [3, 4, 5, 6]
    assert [response.number for response in list(book)[:3]] == [1, 2, 7]
    assert [response.number for response in book.live[:3]] == [1, 2, 7]
    assert book.prune(frozenset()) == []


def test_a_cancel_is_unsettled_while_it_is_out_or_unsent() -> None:
    book = ResponseBook()
    response = book.add(Cause.TURN, Phase.CANCELLING, 0)
    seen = []
    for cancel in Cancel:
        response.cancel = cancel
        seen.append(book.has_unsettled_cancel())
    assert seen == [False, True, True, False]


def test_the_first_deadline_of_all_is_the_books() -> None:
    book = ResponseBook()
    assert book.next_deadline_ms() is None
    book.add(Cause.TURN, Phase.ACTIVE, 0)
    book.add(Cause.TURN, Phase.REQUESTED, 5)
    assert book.next_deadline_ms() == 5 + REQUESTED_MS


def test_a_millisecond_is_heard() -> None:
    response = Response(1, Cause.TURN, Phase.OVER, 0)
    item = Item("I1", response, received_ms=100, is_done=True)
    assert not item.is_heard_enough
    item.heard_ms = 1
    assert item.is_heard_enough
