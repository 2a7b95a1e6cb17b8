"""When a model session ends, and when the owner is told that it is about to."""

from __future__ import annotations

import time

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.line import Line
from trio_media.call.session_age import IN_TIME_S, SHORTEST_S, WINDOW_S, ends_at_s, tell_age
from trio_media.core import events as ev

NOW = 1_700_000_000


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))


@pytest.mark.parametrize(
    ("session_max_s", "expires_at_s", "lasts_s"),
    [
        (3_600.0, None, 3_600),
        (3_600.0, NOW + 1_800, 1_800),
        (900.0, NOW + 1_800, 900),
        (0, NOW + 1_800, 1_800),
    ],
)
async def test_a_session_ends_when_the_first_says_so(
    autojump_clock: MockClock, session_max_s: float, expires_at_s: int | None, lasts_s: int
) -> None:
    await trio.sleep(5)
    assert ends_at_s(session_max_s, expires_at_s) == trio.current_time() + lasts_s


@pytest.mark.parametrize("expires_at_s", [1, NOW - 3_600, NOW, NOW + SHORTEST_S - 1])
async def test_an_end_that_is_past_or_near_is_a_clock_that_goes_wrong(
    autojump_clock: MockClock, expires_at_s: int
) -> None:
    assert ends_at_s(3_600.0, expires_at_s) == trio.current_time() + 3_600
    assert ends_at_s(0, expires_at_s) is None


async def test_nobody_knows_of_an_end(autojump_clock: MockClock) -> None:
    assert ends_at_s(0, None) is None
    await tell_age(None, Line.begin())


@pytest.mark.parametrize(
    ("lasts_s", "window_s", "in_time_s"),
    [(3_600, WINDOW_S, IN_TIME_S), (1_500, WINDOW_S, IN_TIME_S), (100, 20, 2)],
)
async def test_the_owner_is_told_before_it_is_too_old_and_until_when(
    autojump_clock: MockClock, lasts_s: float, window_s: float, in_time_s: float
) -> None:
    await trio.sleep(7)
    line = Line.begin()
    await trio.sleep(3)
    ends_s = trio.current_time() + lasts_s
    await tell_age(ends_s, line)
    assert trio.current_time() == pytest.approx(ends_s - window_s)
    aging = line.receive_inbox.receive_nowait()
    assert aging == ev.SessionAging(int((3 + lasts_s - in_time_s) * 1_000))
