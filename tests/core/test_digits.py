"""The requests for keys, and the one that is served."""

from __future__ import annotations

from trio_media.core.commands import DigitsOutcome
from trio_media.core.digits import Collection, Collections
from trio_media.core.units import COLLECTIONS_KEPT


def wanted(request: int = 1, count: int = 2, terminator: str = "#") -> Collection:
    return Collection(request, count, terminator, first_ms=5_000, between_ms=2_000)


def test_who_asks_first_is_served_first_and_the_others_wait() -> None:
    collections = Collections()
    assert collections.current is None
    first, second = wanted(1), wanted(2)
    assert collections.ask(first)
    assert collections.ask(second)
    assert collections.current is first
    collections.next()
    assert collections.current is second


def test_more_requests_than_anybody_makes_are_refused() -> None:
    collections = Collections()
    assert all(collections.ask(wanted(n)) for n in range(COLLECTIONS_KEPT))
    assert not collections.ask(wanted(99))


def test_a_request_is_abandoned_wherever_it_stands() -> None:
    for abandoned, left in ((1, [2, 3]), (2, [1, 3]), (9, [1, 2, 3])):
        collections = Collections([wanted(1), wanted(2), wanted(3)])
        collections.abandon(abandoned)
        assert [c.request for c in collections.waiting] == left


def test_so_many_keys_complete_it() -> None:
    collection = wanted(count=2)
    assert collection.pressed("1", 10) is None
    assert collection.pressed("2", 20) is DigitsOutcome.COMPLETE
    assert collection.digits == "12"


def test_the_key_that_ends_it_is_not_one_of_them() -> None:
    collection = wanted()
    collection.pressed("1", 10)
    assert collection.pressed("#", 20) is DigitsOutcome.TERMINATED
    assert collection.digits == "1"


def test_without_such_a_key_every_key_counts() -> None:
    collection = wanted(terminator="", count=1)
    assert collection.pressed("#", 10) is DigitsOutcome.COMPLETE


def test_the_first_key_is_waited_for_from_when_the_model_is_silent_and_each_from_the_last() -> None:
    collection = wanted()
    assert collection.deadline_ms() is None
    collection.since_ms = 100
    assert collection.deadline_ms() == 5_100
    collection.pressed("1", 700)
    assert collection.deadline_ms() == 2_700
