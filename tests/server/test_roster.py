"""What the supervisor knows of its workers."""

from __future__ import annotations

import collections
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trio_media.server.roster import LIVE_S, SEEN_S, SILENT_S, CallPlaces, Report, Roster
from trio_media.server.sharing import Wish

MEDIA = Wish(kind="media")
OTHER = Wish()


def voice(call_sid: str) -> Wish:
    return Wish(kind="voice", call_sid=call_sid)


def about(call_sid: str) -> Wish:
    return Wish(call_sid=call_sid)


def roster_of(workers: int, *, max_calls: int = 2) -> Roster:
    roster = Roster(max_calls=max_calls)
    for number in range(1, workers + 1):
        roster.hear(number, Report(), 0)
    return roster


def place(roster: Roster, wish: Wish, now_s: float = 0) -> tuple[int, int]:
    number = roster.candidates(wish, now_s)[0]
    return number, roster.give(number, wish, now_s)


def test_a_worker_is_one_when_it_has_said_something() -> None:
    roster = Roster(max_calls=2)
    assert roster.candidates(MEDIA, 0) == []
    roster.hear(1, Report(), 0)
    assert roster.candidates(MEDIA, 0) == [1]
    assert len(roster) == 1


def test_no_worker_gets_a_call_too_many_while_another_has_room() -> None:
    roster = roster_of(3)
    given = [place(roster, MEDIA) for _ in range(6)]
    assert sorted(number for number, _ in given) == [1, 1, 2, 2, 3, 3]
    worker, ticket = given[4]
    roster.hear(worker, Report(refusal="full"), 0)
    roster.hear(worker, Report(over=(ticket,)), 0)
    assert place(roster, MEDIA)[0] == worker


def test_what_could_not_be_given_takes_no_room() -> None:
    roster = roster_of(2, max_calls=1)
    ticket = roster.give(1, MEDIA, 0)
    assert roster.candidates(MEDIA, 0) == [2, 1]
    roster.take_back(1, ticket)
    assert roster.candidates(MEDIA, 0) == [1, 2]
    roster.take_back(1, ticket)  # and none twice
    roster.hear(1, Report(over=(ticket,)), 0)
    assert [place(roster, MEDIA)[0] for _ in range(2)] == [1, 2]


def test_calls_that_are_about_to_come_are_spread_too() -> None:
    roster = roster_of(2)
    assert [place(roster, voice(f"CA{n}"))[0] for n in range(4)] == [1, 2, 1, 2]
    # The webhooks are answered, and the streams have not come.
    roster.hear(1, Report(over=(1, 3), expected_calls=2), 0)
    roster.hear(2, Report(over=(2, 4), expected_calls=1), 0)
    assert place(roster, voice("CA9"))[0] == 2


def test_a_call_whose_webhook_is_open_weighs_more_than_other_connections() -> None:
    roster = roster_of(2)
    roster.give(1, voice("CA1"), 0)
    for _ in range(3):
        roster.give(2, OTHER, 0)
    assert roster.candidates(voice("CA2"), 0) == [2, 1]


def test_connections_that_are_no_calls_are_spread_too() -> None:
    roster = roster_of(2)
    assert [place(roster, OTHER)[0] for _ in range(4)] == [1, 2, 1, 2]


def test_a_call_is_where_it_was_seen_first() -> None:
    roster = roster_of(3)
    for number in range(3):
        place(roster, voice(f"CA{number}"))
    for number in range(3):
        assert roster.candidates(about(f"CA{number}"), 1)[0] == number + 1
        assert roster.candidates(voice(f"CA{number}"), 1)[0] == number + 1
    for number in range(1, 4):
        roster.hear(number, Report(), SEEN_S)
    # It has not begun by now; others are as good for it.
    assert roster.candidates(about("CA2"), SEEN_S) == roster.candidates(OTHER, SEEN_S)


def test_a_call_is_where_its_media_stream_is() -> None:
    roster = roster_of(2)
    place(roster, voice("CA1"))
    roster.hear(2, Report(begun=("CA1", "CA2")), 0)
    assert roster.candidates(about("CA1"), 0)[0] == 2
    assert roster.candidates(about("CA2"), 0)[0] == 2


def test_a_worker_that_says_nothing_comes_last_until_it_does() -> None:
    roster = roster_of(2)
    roster.hear(2, Report(), SILENT_S)
    place(roster, voice("CA1"))
    assert roster.candidates(about("CA1"), SILENT_S)[0] == 1
    assert roster.candidates(about("CA1"), SILENT_S + 1)[0] == 2
    roster.hear(1, Report(), SILENT_S + 1)
    assert roster.candidates(about("CA1"), SILENT_S + 1)[0] == 1


def test_nothing_is_left_of_a_worker_that_has_ended() -> None:
    roster = roster_of(2, max_calls=1)
    place(roster, voice("CA1"))
    roster.hear(1, Report(begun=("CA2",)), 0)
    roster.give(1, MEDIA, 0)
    roster.leave(1)
    assert roster.candidates(about("CA1"), 0) == [2]
    roster.leave(1)
    roster.hear(1, Report(), 0)  # another process of that number
    assert roster.candidates(MEDIA, 0) == [1, 2]
    roster.give(1, MEDIA, 0)
    for nobodys in (OTHER, about("CA1"), about("CA2")):
        assert roster.candidates(nobodys, 0) == [2, 1]


def test_who_names_calls_from_outside_pushes_out_none_that_a_worker_named() -> None:
    roster = roster_of(2)
    roster.hear(2, Report(begun=("CA1",)), 0)
    for number in range(20_000):
        ticket = roster.give(1, voice(f"X{number}"), 0)
        roster.take_back(1, ticket)
    assert roster.candidates(about("CA1"), 0)[0] == 2


def test_calls_are_kept_by_count_and_age_the_newest_longest() -> None:
    places = CallPlaces(kept_max=2, kept_s=10)
    places.put("CA1", 1, 0)
    places.put("CA2", 2, 1)
    places.put("CA1", 1, 2)
    places.put("CA3", 3, 3)
    assert [places.find(sid, 3) for sid in ("CA1", "CA2", "CA3")] == [1, None, 3]
    assert places.find("CA1", 11.9) == 1
    assert places.find("CA1", 12) is None
    places.forget(3)
    assert places.find("CA3", 4) is None
    places.put("CA4", 4, 50)
    assert places.find("CA4", 50) == 4
    assert LIVE_S > 4 * 3_600


steps = st.one_of(
    st.tuples(st.just("media"), st.none() | st.integers(1, 4)),
    st.tuples(st.just("voice"), st.integers(0, 9)),
    st.tuples(st.just("other"), st.integers(0, 9)),
    st.tuples(st.just("over"), st.integers(0, 50)),
    st.tuples(st.just("refuses"), st.tuples(st.integers(1, 3), st.sampled_from(["", "late"]))),
    st.tuples(st.just("dies"), st.integers(1, 3)),
    st.tuples(st.just("joins"), st.integers(1, 3)),
)


@given(taken=st.lists(steps, max_size=60), limit=st.integers(1, 3))
def test_whatever_happens_no_worker_is_over_its_limit_while_another_has_room(
    taken: list[tuple[str, Any]], limit: int
) -> None:
    """The books of an accountant who counts by hand."""
    roster = roster_of(3, max_calls=limit)
    up, refusal = {1, 2, 3}, collections.defaultdict[int, str](str)
    open_at: list[tuple[int, int, str]] = []
    for step, what in taken:
        calls = collections.Counter(number for number, _, kind in open_at if kind == "media")
        if step in ("media", "voice", "other"):
            wish = {
                "media": lambda what: Wish(kind="media", worker=what),
                "voice": lambda what: voice(f"CA{what}"),
                "other": lambda what: about(f"CA{what}"),
            }[step](what)
            assert set(roster.candidates(wish, 0)) == up
            if not up:
                continue
            number, ticket = place(roster, wish)
            kept = collections.Counter(one for one, _, kind in open_at if kind == "voice")
            with_room = {one for one in up if calls[one] + kept[one] < limit and not refusal[one]}
            own = {what} & up if kept[what] and calls[what] < limit else {what} & with_room
            if step == "media" and (own or with_room):
                assert number in (own or with_room)
            open_at.append((number, ticket, step))
        elif step == "over" and what < len(open_at):
            number, ticket, _ = open_at.pop(what)
            roster.hear(number, Report(refusal=refusal[number], over=(ticket,)), 0)
        elif step == "refuses" and what[0] in up:
            refusal[what[0]] = what[1]
            roster.hear(what[0], Report(refusal=what[1]), 0)
        elif step == "dies":
            roster.leave(what)
            up.discard(what)
            open_at = [one for one in open_at if one[0] != what]
        elif step == "joins":
            refusal[what] = ""
            roster.hear(what, Report(), 0)
            up.add(what)


def test_what_a_client_has_with_all_workers_is_counted_until_it_is_over() -> None:
    roster = roster_of(2)
    tickets = [roster.give(number, OTHER, 0, "203.0.113.9") for number in (1, 1, 2)]
    roster.give(2, OTHER, 0)
    assert roster.held_by("203.0.113.9") == 3
    assert roster.held_by("203.0.113.8") == 0
    roster.hear(1, Report(over=(tickets[0], tickets[0])), 0)
    assert roster.held_by("203.0.113.9") == 2
    roster.take_back(1, tickets[1])
    roster.leave(2)
    assert roster.held_by("203.0.113.9") == 0
