"""Conferences."""

from __future__ import annotations

from trio_media.testing.carrier.rooms import Participant, Rooms


def one(call_sid: str, *, starts: bool = True, ends: bool = False) -> Participant:
    return Participant(call_sid=call_sid, starts=starts, ends=ends)


def test_a_conference_begins_with_the_first_and_is_over_with_the_last() -> None:
    rooms = Rooms()
    assert rooms.find("r") is None
    first, second = one("CA1"), one("CA2")
    room = rooms.enter("r", first)
    assert rooms.enter("r", second) is room
    assert room.call_sids == ["CA1", "CA2"]
    room.leave(first)
    assert not room.is_over
    room.leave(second)
    assert room.is_over
    assert [participant.call_sid for participant in room.came] == ["CA1", "CA2"]


def test_whoever_ends_it_ends_it_for_all() -> None:
    rooms = Rooms()
    agent = one("CA2", ends=True)
    room = rooms.enter("r", one("CA1"))
    rooms.enter("r", agent)
    room.leave(agent)
    assert room.is_over
    assert room.call_sids == ["CA1"]


def test_nobody_hears_anybody_before_somebody_starts_it() -> None:
    rooms = Rooms()
    room = rooms.enter("r", one("CA1", starts=False))
    assert not room.is_started
    rooms.enter("r", one("CA2"))
    assert room.is_started


def test_a_name_may_be_used_again_and_others_are_others() -> None:
    rooms = Rooms()
    only = one("CA1")
    first = rooms.enter("r", only)
    assert rooms.enter("s", one("CA3")) is not first
    first.leave(only)
    assert rooms.find("r") is first
    second = rooms.enter("r", one("CA2"))
    assert second is not first
    assert rooms.find("r") is second
