"""How often may be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.console import limits
from trio_media.console.limits import Rate, RateLimits

RATE = Rate(at_once=3, per_s=2)
MANY = Rate(at_once=1_000, per_s=1_000)


def test_so_many_at_once_and_then_so_many_a_second() -> None:
    asked = RateLimits(client=RATE, all_clients=MANY)
    assert [asked.take("a", 0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert asked.take("a", 0.25) == pytest.approx(0.25)
    assert asked.take("a", 0.5) == 0
    assert asked.take("a", 0.5) == 0.5
    assert asked.take("b", 0.5) == 0


def test_all_of_them_together_are_limited_too() -> None:
    asked = RateLimits(client=MANY, all_clients=RATE)
    assert [asked.take(client, 0) for client in "abcd"] == [0, 0, 0, 0.5]


def test_what_is_not_allowed_does_not_count() -> None:
    asked = RateLimits(client=RATE, all_clients=MANY)
    for _ in range(50):
        asked.take("a", 0)
    assert asked.take("a", 0.5) == 0


def test_looking_costs_nothing() -> None:
    asked = RateLimits(client=Rate(at_once=1, per_s=1), all_clients=MANY)
    assert [asked.wait_s("a", 0) for _ in range(3)] == [0, 0, 0]
    asked.take("a", 0)
    assert asked.wait_s("a", 0) == 1


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIENTS_MAX", 2)
    asked = RateLimits(client=Rate(at_once=1, per_s=1), all_clients=MANY)
    for client in "abc":
        assert asked.take(client, 0) == 0
    assert len(asked._buckets) == 2
    assert asked.take("c", 0) == 1
    assert asked.take("a", 0) == 0  # forgotten


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=60))
def test_in_no_stretch_of_time_is_more_allowed_than_the_rate(steps: list[float]) -> None:
    asked, now_s, allowed = RateLimits(client=RATE, all_clients=MANY), 0.0, []
    for step in steps:
        now_s += step
        if asked.take("a", now_s) == 0:
            allowed.append(now_s)
    for first, began_s in enumerate(allowed):
        for last in range(first, len(allowed)):
            most = RATE.at_once + RATE.per_s * (allowed[last] - began_s)
            assert last - first + 1 <= most + 1e-6


def test_a_part_of_a_rate_is_never_less_than_people_need() -> None:
    assert Rate(at_once=100, per_s=10).divided_by(4) == Rate(at_once=25, per_s=2.5)
    assert Rate(at_once=10, per_s=1).divided_by(128) == Rate(at_once=3, per_s=1 / 128)
