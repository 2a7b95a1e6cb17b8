"""How many connections there may be."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from trio_media.server.crowd import Crowd, Place


def test_there_are_as_many_places_as_there_may_be_connections() -> None:
    crowd = Crowd(connections_max=2, per_client_max=0)
    with crowd.place() as one, crowd.place() as other:
        assert one is not None
        assert other is not None
        with crowd.place() as third:
            assert third is None
        one.leave()
        with crowd.place() as third:
            assert third is not None
    assert crowd.count == 0


def test_a_client_has_as_many_places_as_it_may_and_others_have_theirs() -> None:
    crowd = Crowd(connections_max=9, per_client_max=1)
    with crowd.place() as one, crowd.place() as other, crowd.place() as third:
        assert one is not None
        assert other is not None
        assert third is not None
        assert one.count_for("a")
        assert not other.count_for("a")
        assert third.count_for("b")
        one.leave()  # it is a call now
        assert other.count_for("a")
    assert not crowd._by_client


def test_where_clients_are_not_limited_any_number_comes() -> None:
    crowd = Crowd(connections_max=9, per_client_max=0)
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(crowd.place()) for _ in range(9)]
        assert all(place is not None and place.count_for("a") for place in places)


@given(st.lists(st.tuples(st.sampled_from(["come", "go"]), st.integers(0, 3)), max_size=80))
def test_what_is_counted_is_who_is_there(steps: list[tuple[str, int]]) -> None:
    crowd = Crowd(connections_max=6, per_client_max=2)
    here: list[tuple[contextlib.ExitStack, Place]] = []
    for step, number in steps:
        if step == "go" and here:
            stack, place = here.pop(number % len(here))
            place.leave()
            stack.close()
        elif step == "come":
            stack = contextlib.ExitStack()
            place = stack.enter_context(crowd.place())
            assert (place is None) == (len(here) == 6)
            if place is None:
                continue
            client = f"c{number}"
            of_client = sum(one.client == client for _, one in here)
            assert place.count_for(client) == (of_client < 2)
            here.append((stack, place))
        assert crowd.count == len(here)
    for stack, _ in here:
        stack.close()
    assert (crowd.count, dict(crowd._by_client)) == (0, {})
